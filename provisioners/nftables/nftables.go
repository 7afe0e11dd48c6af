// Package nftables renders a host's firewall: one table of its own, loaded in one transaction, that admits what it names and
// drops the rest.
package nftables

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Table is the table's name, of family inet: it sees IPv4 and IPv6.
const Table = "promwire"

// Ruleset is what one host admits. Everybody may ping, at a bounded rate; nothing is forwarded from or to the tunnel
// but Forward.
type Ruleset struct {
	SSHPort   int
	SSHFrom   []netip.Prefix // networks that may log in; none: nobody
	Tunnel    string         // interface of the tunnel; "": this host is in none
	Listen    int            // UDP port of the tunnel, open to all; 0: this host only dials
	ScrapedBy []netip.Addr   // who may reach Exporter, through the tunnel if there is one; none: nobody
	Exporter  []int          // TCP ports
	Open      []Port         // what else the host serves, open to all but through the tunnel
	PushFrom  []netip.Prefix // networks of the tunnel that may reach Push; none: nobody
	Push      int            // TCP port, through the tunnel alone
	Forward   []Edge         // ways from one end of the tunnel to another, by way of this host
}

// Edge is a way that is open: one may connect to the other, who may answer.
type Edge struct {
	From, To netip.Addr // in the tunnel, of one family
	Port     int        // TCP, of To
}

// Port is one that a host serves for others than the fleet.
type Port struct {
	Number   int    // 1 to 65535
	Protocol string // "tcp" or "udp"
}

func (p Port) String() string { return fmt.Sprintf("%d/%s", p.Number, p.Protocol) }

// Render is the ruleset's file for `nft -f`: it replaces the table as a whole, and touches no other one. The table's comment is the
// ruleset's Digest, so that a host can tell which one is loaded.
func (r Ruleset) Render() string {
	return strings.Replace(r.text(), "table inet promwire {\n", "table inet promwire {\n\tcomment \""+r.Digest()+"\"\n", 1)
}

// Digest names the ruleset: 64 hex digits.
func (r Ruleset) Digest() string {
	sum := sha256.Sum256([]byte(r.text()))
	return hex.EncodeToString(sum[:])
}

func (r Ruleset) text() string {
	var b strings.Builder
	b.WriteString(head)
	for _, rule := range r.ssh() {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString(common)
	for _, rule := range r.services() {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString("\t}\n")
	if r.Tunnel != "" {
		fmt.Fprintf(&b, forward, r.forwarded(), r.Tunnel, r.Tunnel)
	}
	b.WriteString("}\n")
	return b.String()
}

const head = `#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
`

const common = `
		# Neighbours, routers and multicast of IPv6 (RFC 4890), before conntrack, which does not follow them.
		ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept

		ct state invalid drop
		ct state established,related accept

		# Path MTU discovery and its like; ping.
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmp type echo-request limit rate 10/second burst 20 packets accept
		icmpv6 type echo-request limit rate 10/second burst 20 packets accept

		# Answers of DHCP servers, which come from or go to addresses that conntrack does not know.
		udp sport 67 udp dport 68 accept
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept

`

const forward = `
	chain forward {
		type filter hook forward priority filter; policy accept;
%s		iifname "%s" drop
		oifname "%s" drop
	}
`

// ssh are the rules for logging in, never through the tunnel: a host of the fleet is no way into another one.
func (r Ruleset) ssh() []string {
	var rules []string
	for _, family := range []struct {
		keyword, protocol string
		is                func(netip.Prefix) bool
	}{
		{"ip", "ipv4", func(p netip.Prefix) bool { return p.Addr().Is4() }},
		{"ip6", "ipv6", func(p netip.Prefix) bool { return p.Addr().Is6() }},
	} {
		from := distinct(r.SSHFrom, family.is)
		switch {
		case len(from) == 0:
		case from[0].Bits() == 0:
			rules = append(rules, fmt.Sprintf("%smeta nfproto %s tcp dport %d counter name operator accept",
				r.outside(), family.protocol, r.SSHPort))
		default:
			rules = append(rules, fmt.Sprintf("%s%s saddr { %s } tcp dport %d counter name operator accept",
				r.outside(), family.keyword, list(from), r.SSHPort))
		}
	}
	return append(rules, fmt.Sprintf("tcp dport %d drop", r.SSHPort))
}

func (r Ruleset) services() []string {
	var rules []string
	if r.Listen != 0 {
		rules = append(rules, fmt.Sprintf("%sudp dport %d accept", r.outside(), r.Listen))
	}
	byText := func(a, b Port) int { return strings.Compare(a.String(), b.String()) }
	for _, p := range slices.Compact(slices.SortedFunc(slices.Values(r.Open), byText)) {
		rules = append(rules, fmt.Sprintf("%s%s dport %d accept", r.outside(), p.Protocol, p.Number))
	}
	for _, address := range r.ScrapedBy {
		keyword := "ip"
		if address.Is6() {
			keyword = "ip6"
		}
		rules = append(rules, fmt.Sprintf("%s%s saddr %s tcp dport %s accept", r.inside(), keyword, address, ports(r.Exporter)))
	}
	for _, network := range r.PushFrom {
		keyword := "ip"
		if network.Addr().Is6() {
			keyword = "ip6"
		}
		rules = append(rules, fmt.Sprintf("%s%s saddr %s tcp dport %d accept", r.inside(), keyword, network, r.Push))
	}
	return rules
}

// forwarded are the rules for what may pass from one end of the tunnel to another.
func (r Ruleset) forwarded() string {
	if len(r.Forward) == 0 {
		return ""
	}
	within := fmt.Sprintf("\t\tiifname %q oifname %q ", r.Tunnel, r.Tunnel)
	var b strings.Builder
	b.WriteString(within + "ct state established,related accept\n")
	for _, e := range slices.SortedFunc(slices.Values(r.Forward), Edge.compare) {
		keyword := "ip"
		if e.From.Is6() {
			keyword = "ip6"
		}
		fmt.Fprintf(&b, "%s%s saddr %s %s daddr %s tcp dport %d accept\n", within, keyword, e.From, keyword, e.To, e.Port)
	}
	return b.String()
}

func (e Edge) compare(o Edge) int {
	return cmp.Or(e.From.Compare(o.From), e.To.Compare(o.To), cmp.Compare(e.Port, o.Port))
}

// outside matches what did not come through the tunnel, inside what did. Without a tunnel both match everything.
func (r Ruleset) outside() string {
	if r.Tunnel == "" {
		return ""
	}
	return fmt.Sprintf("iifname != %q ", r.Tunnel)
}

func (r Ruleset) inside() string {
	if r.Tunnel == "" {
		return ""
	}
	return fmt.Sprintf("iifname %q ", r.Tunnel)
}

// ports is one port, or a set of several.
func ports(numbers []int) string {
	if len(numbers) == 1 {
		return strconv.Itoa(numbers[0])
	}
	words := make([]string, len(numbers))
	for i, n := range slices.Sorted(slices.Values(numbers)) {
		words[i] = strconv.Itoa(n)
	}
	return "{ " + strings.Join(words, ", ") + " }"
}

// distinct are the prefixes of one family, sorted, without those that another one holds: nft refuses sets that overlap.
func distinct(prefixes []netip.Prefix, is func(netip.Prefix) bool) []netip.Prefix {
	var result []netip.Prefix
	sorted := slices.SortedFunc(slices.Values(prefixes), func(a, b netip.Prefix) int { return a.Masked().Compare(b.Masked()) })
	for _, p := range sorted {
		held := slices.ContainsFunc(result, func(q netip.Prefix) bool { return q.Overlaps(p) }) // q sorts first: it is the wider
		if is(p) && !held {
			result = append(result, p.Masked())
		}
	}
	return result
}

func list(prefixes []netip.Prefix) string {
	words := make([]string, len(prefixes))
	for i, p := range prefixes {
		words[i] = p.String()
	}
	return strings.Join(words, ", ")
}
