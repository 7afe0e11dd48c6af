package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
)

// count is how often the webhook was told of an alert with a status since a moment.
func (p *people) count(alert, status string, since time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	told := 0
	for _, one := range p.hooked {
		if one.At.Before(since) {
			continue
		}
		for _, a := range one.Alerts {
			if a.Labels["alertname"] == alert && a.Status == status {
				told++
			}
		}
	}
	return told
}

// repeatInterval is after how long an alert that goes on is told again.
const repeatInterval = 10 * time.Second

// amtool runs Alertmanager's tool on the monitor.
func (s *story) amtool(words ...string) string {
	s.t.Helper()
	return s.mustOn("monitor-1", "amtool --alertmanager.url=http://127.0.0.1:9093 --http.config.file=/etc/alertmanager/amtool.yml "+strings.Join(words, " "))
}

// silencesAndEnds: an alert that goes on is told again, not while it is silenced, and its end is told. All of one region are one notification.
func silencesAndEnds(s *story, p *people) {
	began := time.Now()
	s.amtool("alert add alertname=Lasting region=north name=a --annotation=summary=lasting")
	s.amtool("alert add alertname=Lasting region=north name=b --annotation=summary=lasting")
	s.eventually(func() error {
		if told := p.count("Lasting", "firing", began); told < 4 {
			return fmt.Errorf("Lasting was told %d times, of two hosts", told)
		}
		return nil
	})
	assert.Equal(s.t, 2, p.widest("Lasting", began), "alerts of one region in one notification")

	silence := s.amtool("silence add alertname=Lasting --duration=1h --comment=planned")
	silenced := time.Now()
	other := "alert add alertname=Other region=north name=a --annotation=summary=other"
	s.amtool(other)
	s.eventually(func() error { // Other is told again and again meanwhile: it is the silence that keeps Lasting back
		if told := p.count("Other", "firing", silenced); told < 3 {
			return fmt.Errorf("Other was told %d times", told)
		}
		return nil
	})
	assert.LessOrEqual(s.t, p.count("Lasting", "firing", silenced), 2, "one notification may have been on its way")

	s.amtool("silence expire", silence)
	resolved := time.Now()
	for _, name := range []string{"a", "b"} {
		s.amtool("alert add alertname=Lasting region=north name="+name, "--annotation=summary=lasting", "--end=$(date --utc +%Y-%m-%dT%H:%M:%SZ)")
	}
	s.eventually(func() error {
		if told := p.count("Lasting", "resolved", resolved); told < 2 {
			return fmt.Errorf("the end of Lasting was told %d times, of two hosts", told)
		}
		return nil
	})
}

// widest is how many alerts of a name the largest notification since a moment had.
func (p *people) widest(alert string, since time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := 0
	for _, one := range p.hooked {
		of := 0
		for _, a := range one.Alerts {
			if a.Labels["alertname"] == alert {
				of++
			}
		}
		if !one.At.Before(since) {
			most = max(most, of)
		}
	}
	return most
}

// heartbeatEnds breaks what leads from a scrape to the heartbeat's call, one part after the other. Each ends the calls; put right, they go on.
func heartbeatEnds(s *story, p *people) {
	const rules, data = "/etc/prometheus/rules.d/promwire-heartbeat.yml", "/var/lib/prometheus"
	for _, broken := range []struct{ what, before, begin, end string }{
		{"Prometheus stopped", "", "systemctl stop prometheus", "systemctl start prometheus"},
		{
			"the heartbeat's rule can't be read", "cp -a " + rules + " /root/rules", "echo 'groups: [' >" + rules + "; systemctl restart prometheus || true",
			"mv /root/rules " + rules + " && systemctl restart prometheus",
		},
		{
			"the disk of Prometheus's data full", "systemctl stop prometheus && mount -t tmpfs -o size=320m,uid=$(id -u prometheus),mode=750 tmpfs " + data +
				" && systemctl start prometheus",
			"dd if=/dev/zero of=" + data + "/full bs=1M status=none 2>/dev/null || true",
			"systemctl stop prometheus && umount " + data + " && systemctl start prometheus",
		},
	} {
		s.fault(broken.what, "at rest", "the heartbeat ends", func() {
			if broken.before != "" {
				s.mustOn("monitor-1", broken.before)
				s.goesOn(p)
			}
			s.mustOn("monitor-1", broken.begin)
		}, func() { s.eventually(p.silent) })
		s.mustOn("monitor-1", broken.end)
		s.goesOn(p)
	}
}

// goesOn waits until the heartbeat is called again.
func (s *story) goesOn(p *people) {
	s.t.Helper()
	began := time.Now()
	s.eventually(func() error { return p.beats(began) })
}
