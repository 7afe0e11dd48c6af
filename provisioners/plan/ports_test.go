package plan

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/release"
)

// TestPortsAreKnown: wherever a file of the plan says that something listens, the host looks before anything is changed, and again when
// all has started.
func TestPortsAreKnown(t *testing.T) {
	listens := regexp.MustCompile(`(?:listen-address=|--listen=|ListenStream=)([^ "\\\n]+)`)
	monitor, plain := monitorValues(), targetValues()
	monitor.Jobs = []string{"backup"}
	monitor.Releases.Pushgateway = release.Release{Name: "pushgateway", Version: "1.2.3", SHA256: monitor.Releases.Prometheus.SHA256}
	plain.Exporters = append(plain.Exporters, choose("redis"), choose("process"), choose("squid"))
	secured := plain
	secured.TLS = TLS{Validity: time.Hour, RenewBefore: time.Minute, Authorities: []string{"1"}}
	secured.Certificate = facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
	for name, make := range map[string]func() (Plan, error){
		"monitor": func() (Plan, error) { return Monitor(monitor) },
		"plain":   func() (Plan, error) { return Target(plain) },
		"secured": func() (Plan, error) { return Target(secured) },
	} {
		p, err := make()
		if err != nil {
			t.Fatal(err)
		}
		first := p.steps[0].words
		if first[0] != "ports" {
			t.Fatalf("%s: %s comes before ports", name, first[0])
		}
		found := 0
		for _, step := range p.steps {
			for _, at := range listens.FindAllStringSubmatch(step.input, -1) {
				found++
				if !slices.Contains(first, at[1]) {
					t.Errorf("%s: %s is not among %s", name, at[1], strings.Join(first, " "))
				}
			}
		}
		if found < 4 {
			t.Errorf("%s: only %d", name, found)
		}
		held := slices.IndexFunc(p.steps, func(c call) bool { return c.words[0] == "ports_held" })
		if last := slices.IndexFunc(p.steps, func(c call) bool { return c.words[0] == "relays_only" }); held < 0 || held < last {
			t.Errorf("%s: ports_held is step %d, the last relay %d", name, held, last)
		}
	}
}
