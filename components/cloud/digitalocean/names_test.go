package digitalocean

import (
	"strings"
	"testing"
)

func TestCheckNames(t *testing.T) {
	longest := strings.Repeat("a", maxLabel-len("promwire-prod-"))
	for name, c := range map[string]struct {
		fleet, host string
		err         string // what the error must contain; "": none
	}{
		"the longest name":                       {"promwire-prod", longest, ""},
		"a longer one":                           {"promwire-prod", longest + "a", "has 64 characters"},
		"a stack that no tag may be named after": {"promwire-my.stack", "a", "pulumi stack rename"},
		"one that no droplet may be named after": {"promwire-my_stack", "a", "pulumi stack rename"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckNames(c.fleet, []string{"m", c.host})
			if (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}
