package stacks

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/promwire/promwire/stacks/settings"
)

// maxLabel is RFC 1035's length of one label of a DNS name, in bytes. A droplet's name is its host name too.
const maxLabel = 63

// cloudNames are what both DigitalOcean's droplets and tags may be called.
var cloudNames = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// dropletName is what the cloud's console and the droplet itself call a host.
func dropletName(fleet, host string) string { return fleet + "-" + host }

// checkNames refuses a fleet whose droplets the cloud could not name. Pulumi takes more names of stacks than the cloud does.
func checkNames(fleet string, s *settings.Settings) error {
	if !s.NeedsCloud() {
		return nil
	}
	if !cloudNames.MatchString(fleet) {
		return fmt.Errorf("%s: names of droplets and tags begin with it, and take letters, digits and hyphens alone; "+
			"choose another name with `pulumi stack rename`", fleet)
	}
	var problems []error
	for _, h := range append([]settings.Host{s.Monitor.Host}, s.Targets...) {
		if name := dropletName(fleet, h.Name); h.Existing == nil && len(name) > maxLabel {
			problems = append(problems, fmt.Errorf("%s: its droplet would be called %s, which has %d characters; "+
				"a host name has at most %d, so choose a shorter name for the host or the stack", h.Name, name, len(name), maxLabel))
		}
	}
	return errors.Join(problems...)
}
