package golden

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/proof"
)

// agentSite is a site whose Prometheus is an agent. It forwards to a store that answers as a test says.
type agentSite struct {
	*site
	answer atomic.Int64 // status of the store's answers
}

func newAgentSite(t *testing.T) *agentSite {
	s := &agentSite{}
	s.answer.Store(http.StatusNoContent)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(s.answer.Load()))
		_, _ = w.Write([]byte("said the store"))
	}))
	t.Cleanup(store.Close)
	entry := `{"url":"` + store.URL + `/write","name":"store","queue_config":{"batch_send_deadline":"500ms"}}`
	s.site = newSiteOf(t, prometheus.Server{Agent: true, RemoteWrite: prometheus.RemoteWrite{Entries: []string{entry}}})
	return s
}

// asked is the gate of an agent. What it asks the journal is in the log of the test's Prometheus.
func (s *agentSite) asked(wait time.Duration) (printed string, ok bool) {
	s.Helper()
	values := proof.GateValues{Monitor: "monitor", Digest: "d", Targets: s.targets, Wait: wait, Web: web, Agent: true}
	return s.open(values, `journalctl --unit "$PROMETHEUS_UNIT" --since "@$(($1 - 120))" --output cat`, "cat "+s.at("prometheus*.log"))
}

// TestAgent: the gate of a monitor that only forwards says the same as the gate of another, and fails if its store accepts nothing.
func TestAgent(t *testing.T) {
	t.Parallel()
	s := newAgentSite(t)
	printed, ok := s.asked(40 * time.Second)
	if !ok {
		t.Fatalf("the gate fails: %s", printed)
	}
	rows, err := proof.Matrix(printed)
	if err != nil || len(rows) != 4+3*7+1+4 { // scraped; certificates; across; fences
		t.Errorf("%d rows, %v:\n%s", len(rows), err, printed)
	}
	for _, c := range []struct {
		name        string
		spoil, mend func()
		want        string // what it must print
	}{
		{
			"a store that refuses", func() { s.answer.Store(http.StatusUnauthorized) }, func() { s.answer.Store(http.StatusNoContent) },
			"write: server returned HTTP status 401 Unauthorized: said the store",
		},
		{
			"a store that is away", func() { s.answer.Store(http.StatusServiceUnavailable) }, func() { s.answer.Store(http.StatusNoContent) },
			"write: server returned HTTP status 503 Service Unavailable: said the store",
		},
		{
			"a clock that is ahead", func() { s.ahead.Store(3600) }, func() { s.ahead.Store(0) },
			"s ahead of the monitor's; timedatectl set-ntp true",
		},
		{
			"a clock that is behind", func() { s.ahead.Store(-3600) }, func() { s.ahead.Store(-200) },
			"s behind the monitor's; timedatectl set-ntp true",
		},
	} {
		c.spoil()
		if said := s.until(c.want); said != "" {
			t.Errorf("%s: the gate says %s", c.name, said)
		}
		c.mend()
	}
	if printed, ok := s.asked(40 * time.Second); !ok {
		t.Errorf("the gate still fails: %s", printed)
	}
	s.targets = append(s.targets, proof.Target{Name: "down", Address: "127.0.0.1", Endpoints: serves(t, false), Digest: "d", Tunnel: true, PublicKey: "plain2="})
	s.discover(s.targets[len(s.targets)-1])
	if said := s.until("down/node: "); said != "" {
		t.Errorf("the gate says %s", said)
	}
}

// until runs the gate until it fails with a text, and returns what else it said last if it never does.
func (s *agentSite) until(want string) string {
	s.Helper()
	var printed string
	for range 5 {
		var ok bool
		if printed, ok = s.asked(5 * time.Second); !ok && strings.Contains(printed, want) {
			return ""
		}
	}
	return printed
}
