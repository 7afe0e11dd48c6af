package machines

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/promwire/promwire/tests/lab/cloud"
)

// Filter makes the machine's link admit exactly what the rules say; see cloud.Hypervisor. Connections that were admitted
// before stay, as the real cloud's do.
func (l *Lab) Filter(ctx context.Context, name string, rules *cloud.Rules) error {
	err := l.locked(ctx, func() error {
		r, err := l.find(name)
		if err != nil {
			return err
		}
		r.Rules = rules
		if err := writeJSON(l.recordFile(name), r); err != nil {
			return err
		}
		return l.loadRules(ctx)
	})
	if err != nil {
		return fmt.Errorf("%s: filter: %w", name, err)
	}
	return nil
}

// loadRules replaces the router's ruleset by that of the machines as they are recorded, in one transaction.
func (l *Lab) loadRules(ctx context.Context) error {
	records, err := l.records()
	if err != nil {
		return err
	}
	_, err = run(ctx, ruleset(l.network, records), in(l.router(), "nft", "-f", "-")...)
	return err
}

// ruleset is the router's nftables ruleset. A packet passes the outbound rules of its sender's link, then the inbound rules
// of its receiver's; a chain returns what it admits. Replies pass by their connection's state.
func ruleset(n Network, records []record) string {
	var chains strings.Builder
	var outbound, inbound []string
	for _, r := range records {
		from, to := filters(r, records)
		if from != nil {
			outbound = append(outbound, fmt.Sprintf("%q : jump %s-outbound", r.link(), r.link()))
			writeChain(&chains, r.link()+"-outbound", from)
		}
		if to != nil {
			inbound = append(inbound, fmt.Sprintf("%q : jump %s-inbound", r.link(), r.link()))
			writeChain(&chains, r.link()+"-inbound", to)
		}
	}
	forward := []string{
		"type filter hook forward priority filter; policy accept",
		"fib saddr . iif oif 0 drop comment \"a sender's address must be its link's\"",
		"ct state established,related accept",
	}
	if len(outbound) > 0 {
		forward = append(forward, "iifname vmap { "+strings.Join(outbound, ", ")+" }")
	}
	if len(inbound) > 0 {
		forward = append(forward, "oifname vmap { "+strings.Join(inbound, ", ")+" }")
	}
	writeChain(&chains, "forward", forward)
	writeChain(&chains, "postrouting", append([]string{"type nat hook postrouting priority srcnat; policy accept"}, masks(n, records)...))
	return "table inet lab\ndelete table inet lab\ntable inet lab {\n" + chains.String() + "}\n"
}

// filters are the rules of a machine's link, outbound and inbound; nil where everything passes.
func filters(r record, records []record) (outbound, inbound []string) {
	if r.Rules != nil {
		outbound = append(admit("daddr", r.Rules.Outbound), "drop")
		inbound = append(admit("saddr", r.Rules.Inbound), "drop")
	}
	if r.Bastion != "" {
		inbound = []string{"drop"}
		for _, bastion := range records {
			if bastion.Name == r.Bastion {
				inbound = []string{fmt.Sprintf("ip saddr %s return", bastion.V4), "drop"}
			}
		}
	}
	return outbound, inbound
}

// admit renders one line for each protocol, port range and network.
func admit(side string, rules []cloud.Rule) []string {
	var lines []string
	for _, rule := range rules {
		for _, network := range rule.Networks {
			match := []string{family(side, network), protocol(rule.Protocol, network)}
			if rule.LastPort != 0 {
				match = append(match, fmt.Sprintf("th dport %d-%d", rule.FirstPort, rule.LastPort))
			}
			lines = append(lines, strings.Join(append(match, "return"), " "))
		}
	}
	return lines
}

// family matches a network.
func family(side string, network netip.Prefix) string {
	version, name := "ipv6", "ip6"
	if network.Addr().Is4() {
		version, name = "ipv4", "ip"
	}
	if network.Bits() == 0 {
		return "meta nfproto " + version
	}
	return fmt.Sprintf("%s %s %s", name, side, network.Masked())
}

// protocol matches a protocol by the name that the cloud has for it.
func protocol(name string, network netip.Prefix) string {
	if name == "icmp" && network.Addr().Is6() {
		name = "ipv6-icmp"
	}
	return "meta l4proto " + name
}

// masks gives private machines the gateway's address of their bastion's region when they speak to others, as NAT does.
func masks(n Network, records []record) []string {
	var lines []string
	for _, r := range records {
		for _, bastion := range records {
			if r.Bastion != "" && r.Bastion == bastion.Name {
				lines = append(lines, fmt.Sprintf("ip saddr %s ip daddr != %s snat ip to %s",
					r.V4, privateNetwork, n.gateway4(bastion.Place.Region)))
			}
		}
	}
	return lines
}

// writeChain renders a chain.
func writeChain(text *strings.Builder, name string, lines []string) {
	fmt.Fprintf(text, "\tchain %s {\n", name)
	for _, line := range lines {
		fmt.Fprintf(text, "\t\t%s\n", line)
	}
	text.WriteString("\t}\n")
}
