package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// People who are told of alerts: a webhook and a mailbox on the operator's machine, which any machine of the lab reaches.
type people struct {
	hook    string // its URL without the token
	mailbox string // host:port, by SMTP

	mu     sync.Mutex
	status int    // what the webhook answers
	hooked []sent // what it took
	mails  []string
	beat   time.Time // the last call of the heartbeat
}

// sent is one notification, as Alertmanager sends it to webhooks.
type sent struct {
	At     time.Time `json:"-"` // when it came
	Path   string    `json:"-"`
	Status string
	Alerts []struct {
		Status string
		Labels map[string]string
	}
}

// token is the secret part of the webhook's URL, beatToken that of the service that is called as long as all works.
const (
	token     = "Zk3-the-token-of-the-webhook"
	beatToken = "Qm7-the-token-of-the-heartbeat"
)

// newPeople answer until the test ends.
func newPeople(t *testing.T, address netip.Addr) *people {
	t.Helper()
	p := &people{status: http.StatusOK}
	listen := func() net.Listener {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
		require.NoError(t, err)
		t.Cleanup(func() { listener.Close() })
		return listener
	}
	hook, mailbox := listen(), listen()
	p.hook, p.mailbox = "http://"+hook.Addr().String()+"/", mailbox.Addr().String()
	go func() { _ = http.Serve(hook, p) }() // until it is closed
	go func() {
		for {
			connection, err := mailbox.Accept()
			if err != nil {
				return
			}
			go p.mail(connection)
		}
	}()
	return p
}

func (p *people) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	one := sent{At: time.Now(), Path: r.URL.Path}
	if err != nil || json.Unmarshal(body, &one) != nil || p.status != http.StatusOK {
		http.Error(w, "this webhook takes nothing at "+r.URL.Path, max(p.status, http.StatusBadRequest))
		return
	}
	if one.Path == "/"+beatToken {
		p.beat = time.Now()
		p.mu.Unlock()
		time.Sleep(2 * time.Second) // as a service may, which must not cost the next call
		p.mu.Lock()
		return
	}
	p.hooked = append(p.hooked, one)
}

// mail is a mail server's side of a connection (RFC 5321), as far as Alertmanager needs it.
func (p *people) mail(connection net.Conn) {
	defer connection.Close()
	in := bufio.NewScanner(connection)
	fmt.Fprint(connection, "220 mailbox\r\n")
	for in.Scan() {
		switch verb, _, _ := strings.Cut(in.Text(), " "); strings.ToUpper(verb) {
		case "DATA":
			fmt.Fprint(connection, "354 go on\r\n")
			var text strings.Builder
			for in.Scan() && in.Text() != "." {
				text.WriteString(in.Text() + "\n")
			}
			p.mu.Lock()
			p.mails = append(p.mails, text.String())
			p.mu.Unlock()
			fmt.Fprint(connection, "250 taken\r\n")
		case "QUIT":
			fmt.Fprint(connection, "221 bye\r\n")
			return
		default:
			fmt.Fprint(connection, "250 mailbox\r\n")
		}
	}
}

func (p *people) answers(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = status
}

// told is an error as long as nobody was told of an alert, by webhook and by mail, of this host.
func (p *people) told(alert, host, status string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	hooked, mailed := false, false
	for _, one := range p.hooked {
		for _, a := range one.Alerts {
			hooked = hooked || a.Labels["alertname"] == alert && a.Labels["name"] == host && a.Status == status && one.Path == "/"+token
		}
	}
	for _, mail := range p.mails {
		mailed = mailed || strings.Contains(mail, alert) && strings.Contains(mail, host)
	}
	if !hooked || !mailed {
		return fmt.Errorf("%s of %s: by webhook: %t, by mail: %t", alert, host, hooked, mailed)
	}
	return nil
}

// beats is an error as long as the heartbeat was not called since a moment.
func (p *people) beats(since time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.beat.After(since) {
		return fmt.Errorf("the last call was at %s", p.beat.Format(time.TimeOnly))
	}
	return nil
}

// silent is an error as long as calls come: several intervals have to pass without one.
func (p *people) silent() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if quiet := time.Since(p.beat); quiet < 4*heartbeat {
		return fmt.Errorf("the last call was %s ago", quiet)
	}
	return nil
}

const heartbeat = 10 * time.Second

// settings turn Alertmanager on.
func (p *people) settings(fleet map[string]any) {
	fleet["alertmanager"] = map[string]any{"test": true, "heartbeat": map[string]any{"secret": "deadman", "interval": heartbeat.String()}, "config": map[string]any{
		"global": map[string]any{"smtp_smarthost": p.mailbox, "smtp_from": "fleet@example.net", "smtp_require_tls": false},
		"route":  map[string]any{"receiver": "ops", "group_wait": "1s", "group_interval": "2s", "repeat_interval": repeatInterval.String()},
		"receivers": []any{map[string]any{
			"name":            "ops",
			"webhook_configs": []any{map[string]any{"url_file": "/etc/alertmanager/secrets/hook"}},
			"email_configs":   []any{map[string]any{"to": "ops@example.net"}},
		}},
	}}
}

// alertsReachPeople: an update proves that its receivers accept an alert, or says what they answered; then a real one arrives. Nobody else can
// read the secret, and off again nothing is left.
func alertsReachPeople(s *story, p *people) {
	s.secrets["hook"], s.secrets["deadman"] = p.hook+token, p.hook+beatToken
	s.edit(p.settings)
	s.fault("the webhook takes nothing", "an update", named, func() { p.answers(http.StatusForbidden) }, func() {
		printed := s.upFails()
		assert.Regexp(s.t, `promwire: monitor-1: alerting: the receiver ops has not accepted a test alert within 45 s: .*webhook.*403.*takes nothing at /<secret>`, printed)
		assert.NotContains(s.t, printed, token)
	})
	p.answers(http.StatusOK)
	s.up()
	require.NoError(s.t, p.told("PromwireTest", "monitor-1", "firing"))
	assertUnchanged(s.t, s.up())
	onlyAlertmanagerReads(s)
	s.fault("a firewall's table deleted", "at rest", "told", func() { s.mustOn("web-1", "nft delete table inet promwire") }, func() {
		s.eventually(func() error { return p.told("Healed", "web-1", "firing") })
	})
	s.nothingDrifts()
	silencesAndEnds(s, p)
	heartbeatEnds(s, p)
	s.edits = s.edits[:len(s.edits)-1]
	clear(s.secrets)
	s.up()
	assert.Empty(s.t, s.mustOn("monitor-1", "ls -d /etc/alertmanager /var/lib/alertmanager /usr/local/bin/{amtool,alertmanager} /opt/promwire/alertmanager* 2>/dev/null; "+
		"getent passwd alertmanager; ss -Hltn 'sport = :9093'; true"))
}

// onlyAlertmanagerReads: the secret is a file of Alertmanager's, and stands nowhere else: not in the state, a journal, a command line, or a
// file that others read.
func onlyAlertmanagerReads(s *story) {
	assert.NotContains(s.t, s.state(), token)
	assert.NotContains(s.t, s.state(), beatToken)
	assert.Equal(s.t, "400 alertmanager", s.mustOn("monitor-1", "stat -c '%a %U' /etc/alertmanager/secrets/hook"))
	// Alertmanager's own journal has what receivers answer.
	const found = `grep -rlF -- '` + token + `' /etc /opt /var/lib /run/promwire /var/log 2>/dev/null | grep -v ^/var/log/journal; ` +
		`journalctl --boot --grep '` + token + `' --quiet --output cat | grep -v 'takes nothing at'; true`
	assert.Equal(s.t, "/etc/alertmanager/secrets/hook", s.mustOn("monitor-1", found))
	for _, host := range exportersHosts[1:] {
		assert.Equal(s.t, "closed", s.mustOn(host, "timeout 3 bash -c '</dev/tcp/10.98.0.1/9093' 2>/dev/null && echo open || echo closed"), host)
	}
	const asked = `curl --silent --output /dev/null --write-out '%{http_code}' --max-time 5 http://127.0.0.1:9093/api/v2/silences`
	assert.Equal(s.t, "401", s.mustOn("monitor-1", asked))
	s.amtool("alert query")
	assert.Equal(s.t, "600 root", s.mustOn("monitor-1", "stat -c '%a %U' /etc/alertmanager/admin.password"))
}
