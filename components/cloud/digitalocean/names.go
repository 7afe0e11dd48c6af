package digitalocean

import (
	"errors"
	"fmt"
	"regexp"
)

// maxLabel is RFC 1035's length of one label of a DNS name, in bytes. A droplet's name is its host name too.
const maxLabel = 63

// cloudNames matches the names that both droplets and tags may have.
var cloudNames = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// dropletName is a host's name in the cloud's console and on the droplet itself.
func dropletName(fleet, host string) string { return fleet + "-" + host }

// CheckNames refuses a fleet if the cloud does not allow the names of its droplets. Pulumi allows more names of stacks than the cloud.
func CheckNames(fleet string, hosts []string) error {
	if !cloudNames.MatchString(fleet) {
		return fmt.Errorf("%s: names of droplets and tags begin with it, and may contain only letters, digits and hyphens; "+
			"choose another name with `pulumi stack rename`", fleet)
	}
	var problems []error
	for _, host := range hosts {
		if name := dropletName(fleet, host); len(name) > maxLabel {
			problems = append(problems, fmt.Errorf("%s: its droplet would be called %s, which has %d characters; "+
				"a host name has at most %d, so choose a shorter name for the host or the stack", host, name, len(name), maxLabel))
		}
	}
	return errors.Join(problems...)
}
