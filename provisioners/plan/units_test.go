package plan

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/systemd"
)

// TestUnitsAreRead: systemd reads each unit again after its file or drop-in has changed, also one that only a timer starts. It reads a
// template for each new instance.
func TestUnitsAreRead(t *testing.T) {
	monitor, target := monitorValues(), targetValues()
	monitor.TLS = TLS{Validity: time.Hour, RenewBefore: time.Minute, Authorities: []string{"1"}}
	target.TLS, target.Certificate = monitor.TLS, facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
	onMonitor, err := Monitor(monitor)
	if err != nil {
		t.Fatal(err)
	}
	onTarget, err := Target(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Plan{onMonitor, onTarget} {
		units := 0
		for i, step := range p.steps {
			unit := unitOf(step)
			if unit == "" || strings.Contains(unit, "@.") {
				continue
			}
			units++
			if !slices.ContainsFunc(p.steps[i:], func(later call) bool {
				return slices.Contains([]string{"reread", "service"}, later.words[0]) && later.words[1] == unit
			}) {
				t.Errorf("%s: systemd does not read %s again", p.role, unit)
			}
		}
		if units < 6 {
			t.Errorf("%s: only %d units", p.role, units)
		}
	}
}

// unitOf is the unit whose file or drop-in a step writes; "" of another step.
func unitOf(step call) string {
	words := step.words
	if words[0] == "with_sandbox" {
		words = words[1:]
	}
	if words[0] != "put" {
		return ""
	}
	switch folder, name := path.Split(words[1]); {
	case folder == systemd.Units+"/":
		return name
	case name == systemd.DropIn && strings.HasPrefix(folder, systemd.Units):
		return strings.TrimSuffix(path.Base(folder), ".d")
	}
	return ""
}
