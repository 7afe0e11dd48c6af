package stacks

import (
	"strings"
	"testing"

	"github.com/promwire/promwire/stacks/settings"
)

// Only machines that a cloud makes need a name there.
func TestCheckNames(t *testing.T) {
	long := strings.Repeat("a", 60)
	there := &settings.Machine{}
	for name, c := range map[string]struct {
		fleet  string
		target settings.Host
		err    string // what the error must contain; "": none
	}{
		"a droplet":             {"promwire-prod", settings.Host{Name: long}, "has 74 characters"},
		"an existing machine":   {"promwire-prod", settings.Host{Name: long, Existing: there}, ""},
		"one beside a droplet":  {"promwire-my_stack", settings.Host{Name: "a", Existing: there}, "pulumi stack rename"},
		"a name that fits both": {"promwire-prod", settings.Host{Name: "a"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &settings.Settings{Monitor: settings.Monitor{Host: settings.Host{Name: "m"}}, Targets: []settings.Host{c.target}}
			err := checkNames(c.fleet, s)
			if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
	if err := checkNames("promwire-my_stack", &settings.Settings{Monitor: settings.Monitor{Host: settings.Host{Existing: there}}}); err != nil {
		t.Errorf("a fleet without droplets has no names in the cloud, but: %v", err)
	}
}
