package stacks

import (
	"strings"
	"testing"

	"github.com/promwire/promwire/stacks/settings"
)

func TestCheckNames(t *testing.T) {
	longest := strings.Repeat("a", maxLabel-len("promwire-prod-"))
	there := &settings.Machine{}
	for name, c := range map[string]struct {
		fleet string
		host  settings.Host
		err   string // what the error must contain; "": none
	}{
		"the longest name":              {"promwire-prod", settings.Host{Name: longest}, ""},
		"a longer one":                  {"promwire-prod", settings.Host{Name: longest + "a"}, "has 64 characters"},
		"a longer one that is no label": {"promwire-prod", settings.Host{Name: longest + "a", Existing: there}, ""},
		"a stack that no tag takes":     {"promwire-my.stack", settings.Host{Name: "a"}, "pulumi stack rename"},
		"one that no droplet takes":     {"promwire-my_stack", settings.Host{Name: "a"}, "pulumi stack rename"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &settings.Settings{Monitor: settings.Monitor{Host: settings.Host{Name: "m"}}, Targets: []settings.Host{c.host}}
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
