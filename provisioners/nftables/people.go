package nftables

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// People are the user IDs of those who log in (login.defs, UID_MIN and UID_MAX). Daemons and root have others.
const People = "1000-60000"

// output keeps the host's own people from asking other ends as if they were the monitor, and from answering in place of what is scraped.
func (r Ruleset) output() string {
	var rules []string
	for _, at := range [][]netip.AddrPort{r.local(netip.Addr.Is4), r.local(netip.Addr.Is6)} {
		if len(at) > 0 {
			rules = append(rules, fmt.Sprintf("oifname \"lo\" meta skuid %s %s saddr . tcp sport { %s } drop", People, family(at[0].Addr()), places(at)))
		}
	}
	if r.Asked != 0 {
		rules = append(rules, fmt.Sprintf("oifname \"lo\" tcp dport %d tcp flags & (syn | ack) == syn reject with tcp reset", r.Asked))
	}
	if r.Tunnel != "" {
		rules = append(rules, r.intoTunnel()...)
		rules = append(rules, r.edges()...)
	}
	if len(rules) == 0 {
		return ""
	}
	return "\n\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n\t\t" + strings.Join(rules, "\n\t\t") + "\n\t}\n"
}

// local are the places of one family where none of the host's people may answer, sorted.
func (r Ruleset) local(is func(netip.Addr) bool) []netip.AddrPort {
	var found []netip.AddrPort
	for _, at := range r.Local {
		if is(at.Addr()) {
			found = append(found, at)
		}
	}
	slices.SortFunc(found, netip.AddrPort.Compare)
	return slices.Compact(found)
}

// edges are the rules for what this host begins with other ends. For the monitor the tunnel itself is the rule.
func (r Ruleset) edges() []string {
	if len(r.Ends) == 0 {
		return nil
	}
	var rules []string
	if len(r.Edges) > 0 {
		sorted := slices.Compact(slices.SortedFunc(slices.Values(r.Edges), netip.AddrPort.Compare))
		rules = append(rules, fmt.Sprintf("oifname %q ip daddr . tcp dport { %s } accept", r.Tunnel, places(sorted)))
	}
	return append(rules, fmt.Sprintf("oifname %q ct state new ip daddr { %s } drop", r.Tunnel, list(r.Ends)))
}

// places are addresses with ports, as elements of a set.
func places(all []netip.AddrPort) string {
	words := make([]string, len(all))
	for i, at := range all {
		words[i] = fmt.Sprintf("%s . %d", at.Addr(), at.Port())
	}
	return strings.Join(words, ", ")
}

// intoTunnel keeps people from the other ends.
func (r Ruleset) intoTunnel() []string {
	var rules []string
	match := fmt.Sprintf("oifname %q meta skuid %s tcp ", r.Tunnel, People)
	if len(r.Serving) > 0 {
		rules = append(rules, match+"sport "+ports(r.Serving)+" drop")
	}
	if r.Dialing {
		return rules
	}
	if len(r.Dialed) > 0 {
		match += "dport != " + ports(r.Dialed) + " tcp "
	}
	return append(rules, match+"flags & (syn | ack) == syn reject with tcp reset")
}
