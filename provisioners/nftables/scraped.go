package nftables

import (
	"fmt"
	"slices"
)

// Names of the sets of TCP ports that the monitor may reach: those that it scrapes, and those that it scraped before an update. An update
// closes nothing under a scrape: Prometheus turns to another port only when that answers, and may need a new connection before.
const (
	Scraped = "scraped_ports"
	Former  = "former_ports"
)

// portsScraped declares both sets. The host fills the second one itself, see firewall.sh.
func (r Ruleset) portsScraped() string {
	if len(r.Scraped) == 0 {
		return ""
	}
	return fmt.Sprintf(sets, Scraped, list(slices.Compact(slices.Sorted(slices.Values(r.Scraped)))), Former)
}

// scrapes are the rules for both.
func (r Ruleset) scrapes() []string {
	if len(r.Scraped) == 0 {
		return nil
	}
	var rules []string
	for _, set := range []string{Scraped, Former} {
		for _, from := range r.Monitor {
			rules = append(rules, fmt.Sprintf("%s%stcp dport @%s accept", r.inside(), source(from), set))
		}
	}
	return rules
}

const sets = `	set %s {
		type inet_service
		elements = { %s }
	}

	# What the monitor scraped before an update.
	set %s {
		type inet_service
		flags timeout
	}

`
