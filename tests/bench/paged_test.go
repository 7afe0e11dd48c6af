package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/operator"
)

// BenchmarkPaged is how long it takes from a fault to the page about it, which must name the right cause; then planned work, which must
// page nobody. Alertmanager groups and waits as promwire has it, Prometheus scrapes every 15 s.
func BenchmarkPaged(b *testing.B) {
	lab := openLab(b)
	for b.Loop() {
		p := newPager(b, lab)
		p.up()
		p.faults()
		p.plannedWork()
		p.destroy()
	}
}

// breakage is a fault of one host. Each has a host of its own, and all come at once.
type breakage struct{ fault, breaks, mends, cause string }

// in a shell on the host; "": its power goes. $at is the host's address in the tunnel. What stands on the exporter's port is another program's
// then.
var breakages = []breakage{
	{"power lost", "", "", "tunnel"},
	{"tunnel stopped", "systemctl stop promwire-watch.timer wg-quick@promwire0", "systemctl start wg-quick@promwire0 promwire-watch.timer", "tunnel"},
	{"exporter stopped", "systemctl stop node_exporter.socket node_exporter", "systemctl start node_exporter.socket", "refused"},
	{"another program on its port", "systemctl stop node_exporter.socket node_exporter; " + squat(`while (my $c = $s->accept) { sysread $c, my $q, 9999;
		print $c "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\nConnection: close\r\n\r\nhi\n"; close $c }`), "systemctl stop squat; systemctl start node_exporter.socket", "other"},
	{"a program that hangs on it", "systemctl stop node_exporter.socket node_exporter; " + squat("sleep 1 while 1"), "systemctl stop squat; systemctl start node_exporter.socket", "hanging"},
	{"another firewall drops", "nft 'add table inet owners; add chain inet owners in { type filter hook input priority -5; }; add rule inet owners in tcp dport 9100 drop'",
		"nft delete table inet owners", "filtered"},
	{"large packets are lost", "nft 'add table inet owners; add chain inet owners out { type filter hook output priority -5; }; add rule inet owners out udp dport 51820 meta length > 1300 drop'",
		"nft delete table inet owners", "mtu"},
}

func squat(loop string) string {
	return `systemd-run --quiet --unit squat perl -MIO::Socket::IP -e 'my $s = IO::Socket::IP->new(LocalHost => shift, LocalPort => 9100, Listen => 64, ReuseAddr => 1) or die $@; ` +
		loop + `' "$at"`
}

// pager is a fleet with a webhook that takes its pages.
type pager struct {
	*fleet
	at       netip.AddrPort
	settings []operator.Edit

	mu    sync.Mutex
	pages []page
}

// page is one alert that was told.
type page struct {
	at, begun time.Time // when it was told, and when its alert began
	labels    map[string]string
}

func newPager(b *testing.B, lab *fixture.Lab) *pager {
	listener, err := net.Listen("tcp", netip.AddrPortFrom(lab.Machines.Network().OperatorV4, 0).String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	p := &pager{fleet: &fleet{b: b, lab: lab, targets: names(len(breakages))}, at: netip.MustParseAddrPort(listener.Addr().String())}
	go func() { _ = http.Serve(listener, p) }() // until it is closed
	return p
}

func (p *pager) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var told struct {
		Alerts []struct {
			Status   string
			StartsAt time.Time
			Labels   map[string]string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		p.b.Errorf("the webhook was told: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, alert := range told.Alerts {
		if alert.Status == "firing" && alert.Labels["alertname"] != "PromwireTest" {
			p.pages = append(p.pages, page{time.Now(), alert.StartsAt, alert.Labels})
		}
	}
}

// since are the pages about what began after a moment.
func (p *pager) since(began time.Time) []page {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.pages), func(one page) bool { return one.begun.Before(began) })
}

func (p *pager) options(progress *bytes.Buffer) operator.Options {
	return operator.Options{Progress: progress, Secrets: map[string]string{"hook": "http://" + p.at.String() + "/"}, Parallel: 16, Edit: func(document map[string]any) {
		p.edit(document)
		document["monitor"].(map[string]any)["prometheus"] = map[string]any{"scrapeInterval": "15s"}
		document["alertmanager"] = map[string]any{"config": map[string]any{
			"route":     map[string]any{"receiver": "ops"},
			"receivers": []any{map[string]any{"name": "ops", "webhook_configs": []any{map[string]any{"url_file": "/etc/alertmanager/secrets/hook"}}}},
		}}
		document["mute"] = []any{"DiskFull", "DiskFilling"} // the disk is this machine's
		for _, edit := range p.settings {
			edit(document)
		}
	}}
}

func (p *pager) up() {
	var progress bytes.Buffer
	if _, err := p.lab.Operator.Up(p.b.Context(), stack, p.options(&progress)); err != nil {
		p.b.Fatalf("%v\n%s", err, progress.Bytes())
	}
}

func (p *pager) destroy() {
	var progress bytes.Buffer
	if _, err := p.lab.Operator.Destroy(p.b.Context(), stack, p.options(&progress)); err != nil {
		p.b.Fatalf("%v\n%s", err, progress.Bytes())
	}
}

// on runs a shell on a host.
func (p *pager) on(host, text string) string {
	const own = `at=$(ip -4 -o address show dev promwire0 | awk '{ sub("/.*", "", $4); print $4 }'); `
	out, err := p.lab.Machines.Exec(p.b.Context(), prefix+host, "bash", "-c", own+text)
	if err != nil {
		p.b.Fatalf("%s: %v", host, err)
	}
	return string(out)
}

// faults breaks each host in its own way, and measures until the page about it.
func (p *pager) faults() {
	p.quiet()
	began := time.Now()
	for i, one := range breakages {
		if one.breaks == "" {
			if err := p.lab.Machines.PowerOff(p.b.Context(), prefix+p.targets[i]); err != nil {
				p.b.Fatal(err)
			}
			continue
		}
		p.on(p.targets[i], one.breaks)
	}
	rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "\nFAULT\tSECONDS TO THE PAGE\tCAUSE THAT IT NAMES")
	for i, one := range breakages {
		told := p.about(p.targets[i], began)
		if told.labels["cause"] != one.cause {
			p.b.Errorf("%s: the page says %q, not %q", one.fault, told.labels["cause"], one.cause)
		}
		fmt.Fprintf(rows, "%s\t%.0f\t%s\n", one.fault, told.at.Sub(began).Seconds(), told.labels["cause"])
	}
	rows.Flush()
	for i, one := range breakages {
		if one.breaks == "" {
			if err := p.lab.Machines.PowerOn(p.b.Context(), prefix+p.targets[i]); err != nil {
				p.b.Fatal(err)
			}
			continue
		}
		p.on(p.targets[i], one.mends)
	}
	p.quiet()
}

// about waits for the page about a host that is down.
func (p *pager) about(host string, began time.Time) (told page) {
	until(p.b, "no page about "+host, func() error {
		for _, one := range p.since(began) {
			if one.labels["alertname"] == "TargetDown" && one.labels["name"] == host {
				told = one
				return nil
			}
		}
		return fmt.Errorf("%d other pages", len(p.since(began)))
	})
	return told
}

// quiet waits until all is scraped, and nobody is said to be down.
func (p *pager) quiet() {
	for _, query := range []string{fmt.Sprintf(`count(up{job="node",role="target"} == 1) == %d`, len(p.targets)), `absent(ALERTS{alertname="TargetDown"})`} {
		until(p.b, "it is not quiet", func() error {
			said, err := p.lab.Query(p.b.Context(), prefix+monitor, query)
			if err == nil && !bytes.Contains(said, []byte(`"value"`)) {
				alerts, _ := p.lab.Query(p.b.Context(), prefix+monitor, `count by (alertname, name, alertstate) (ALERTS)`)
				err = fmt.Errorf("%s: %s", query, alerts)
			}
			return err
		})
	}
}

// plannedWork is what an operator does to a fleet, again and again for some minutes (PROMWIRE_BENCH_MINUTES, 10 if that says nothing). A host that
// is to reboot is silenced before. Nobody may be told of any of it.
func (p *pager) plannedWork() {
	began, rounds := time.Now(), 0
	for ; time.Since(began) < minutes(p.b, 10); rounds++ {
		p.round(rounds)
		p.quiet()
	}
	var told []string
	for _, one := range p.since(began) {
		told = append(told, fmt.Sprint(one.labels))
	}
	fmt.Printf("planned work: %d rounds in %.0f minutes, %d pages\n", rounds, time.Since(began).Minutes(), len(told))
	p.b.ReportMetric(float64(len(told)), "false-pages")
	if len(told) > 0 {
		p.b.Errorf("planned work paged:\n%s", strings.Join(told, "\n"))
	}
}

// round is a target more, other labels, another scrape interval, certificates on or off, the target less, and a host that boots.
func (p *pager) round(n int) {
	p.targets = append(p.targets, "more-1")
	p.up()
	p.settings = []operator.Edit{func(document map[string]any) {
		for _, target := range document["targets"].([]any) {
			target.(map[string]any)["labels"] = map[string]any{"round": fmt.Sprint("r", n)}
		}
	}}
	p.up()
	p.settings = append(p.settings, func(document map[string]any) {
		document["monitor"].(map[string]any)["prometheus"] = map[string]any{"scrapeInterval": []string{"10s", "15s"}[n%2]}
	})
	p.up()
	p.settings = append(p.settings, func(document map[string]any) { document["tls"] = map[string]any{"enabled": n%2 == 0} })
	p.up()
	p.targets = p.targets[:len(p.targets)-1]
	p.up()
	p.reboot(p.targets[n%len(p.targets)])
}

// reboot ends a silenced host, and lets it boot after a time that real hardware may take.
func (p *pager) reboot(host string) {
	p.on(monitor, "amtool --alertmanager.url=http://127.0.0.1:9093 --http.config.file=/etc/alertmanager/amtool.yml silence add --duration=15m --comment=reboot name="+host)
	if err := p.lab.Machines.PowerOff(p.b.Context(), prefix+host); err != nil {
		p.b.Fatal(err)
	}
	select {
	case <-time.After(3 * time.Minute): // longer than it takes until a page
	case <-p.b.Context().Done():
	}
	if err := p.lab.Machines.PowerOn(p.b.Context(), prefix+host); err != nil {
		p.b.Fatal(err)
	}
}
