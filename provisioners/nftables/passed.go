package nftables

import (
	"fmt"
	"net/netip"
	"slices"
)

// Names of the sets of what a hub passes on from the monitor, as Scraped and Former are: address and TCP port of other ends of the tunnel.
const (
	Passed       = "passed"
	FormerPassed = "former_passed"
)

// placesPassed declares both sets. The host fills the second one itself, see firewall.sh.
func (r Ruleset) placesPassed() string {
	if len(r.Passed) == 0 {
		return ""
	}
	return fmt.Sprintf(passedSets, Passed, places(slices.Compact(slices.SortedFunc(slices.Values(r.Passed), netip.AddrPort.Compare))), FormerPassed)
}

// passes are the rules for both: few, however many hosts there are. What is passed on is IPv4, because the monitor scrapes by that.
func (r Ruleset) passes() []string {
	if len(r.Passed) == 0 {
		return nil
	}
	var rules []string
	for _, set := range []string{Passed, FormerPassed} {
		for _, from := range distinct(r.Monitor, is4) {
			rules = append(rules, fmt.Sprintf("%s%sip daddr . tcp dport @%s accept", r.between(), source(from), set))
		}
	}
	return rules
}

const passedSets = `	set %s {
		type ipv4_addr . inet_service
		elements = { %s }
	}

	# What was passed on before an update.
	set %s {
		type ipv4_addr . inet_service
		flags timeout
	}

`
