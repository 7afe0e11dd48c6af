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

// Ruleset is what one host admits. Everybody may ping, at a bounded rate; nothing is forwarded from or to the tunnel except by
// a rule Across, or if it is Passed.
type Ruleset struct {
	SSHPort int
	SSHFrom []netip.Prefix // networks that may log in; none: nobody
	Tunnel  string         // interface of the tunnel; "": this host is not in it
	Open    []Opening      // what it serves outside the fleet
	Rules   []Rule         // of the fleet itself, in the order of the file

	Scraped []int            // TCP ports that the monitor scrapes
	Monitor []netip.Prefix   // from where
	Passed  []netip.AddrPort // TCP, IPv4: what it reaches through this host, at other ends of the tunnel

	Ends  []netip.Addr     // of the tunnel: other ends that this host has edges with, beside the monitor, sorted
	Edges []netip.AddrPort // TCP: where of these it may connect to

	Dialing bool             // whether the host's own people may connect into the tunnel
	Dialed  []int            // TCP ports there that they may connect to in any case
	Serving []int            // TCP ports at which none of them may answer the tunnel
	Local   []netip.AddrPort // TCP: where none of them may answer this host itself
	Asked   int              // a TCP port at which nobody on this host itself may ask; 0: none
}

// Way is how a packet reaches this host.
type Way int

// The ways.
const (
	Outside Way = iota // not through the tunnel
	Inside             // through the tunnel, to this host
	Across             // through the tunnel, and through it again to another end
)

// Rule admits connections to some ports; answers pass by themselves.
type Rule struct {
	Way      Way
	From     netip.Prefix // who may connect; the zero value: anybody
	To       netip.Addr   // of Across: the other end, of the same family as From
	Protocol string       // "tcp" or "udp"
	Ports    []int
}

// Render is the ruleset's file for `nft -f`: it replaces the whole table, and no other one. The table's comment is the
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
	b.WriteString(head + r.portsScraped() + r.placesPassed() + input)
	for _, rule := range r.ssh() {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString(common)
	for _, rule := range r.scrapes() {
		b.WriteString("\t\t" + rule + "\n")
	}
	for _, rule := range r.Rules {
		if rule.Way != Across {
			b.WriteString("\t\t" + r.render(rule) + "\n")
		}
	}
	for _, rule := range r.open(Opening.input) {
		b.WriteString("\t\t" + rule + "\n")
	}
	for _, rule := range r.open(Opening.redirected) {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString("\t}\n" + forward)
	if r.Tunnel != "" {
		fmt.Fprintf(&b, "%s\t\tiifname %q drop\n\t\toifname %q drop\n", r.across(), r.Tunnel, r.Tunnel)
	}
	b.WriteString(published)
	for _, rule := range r.open(Opening.asked) {
		b.WriteString("\t\t" + rule + "\n")
	}
	b.WriteString("\t\tdrop\n\t}\n")
	b.WriteString(r.output())
	b.WriteString("}\ninclude \"" + Uplinks + "\"\n")
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

`

const input = `	chain input {
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
		ct state new ct status dnat jump published
`

const published = `	}

	# Bridges that do not lead to containers only: a file beside this one names them.
	set uplinks {
		type ifname
	}

	# What the host passes on to a container, a namespace or a virtual machine, by the port that was asked for.
	chain published {
		meta iifkind "bridge" iifname != @uplinks accept
		meta iifkind "veth" iifname "cali*" accept
`

// ssh are the rules for logging in, never through the tunnel: a host of the fleet must not lead into another one.
func (r Ruleset) ssh() []string {
	var rules []string
	for _, family := range []struct {
		keyword, protocol string
		is                func(netip.Prefix) bool
	}{
		{"ip", "ipv4", is4},
		{"ip6", "ipv6", is6},
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

// render is one rule of the chain input or forward.
func (r Ruleset) render(rule Rule) string {
	var match string
	switch rule.Way {
	case Outside:
		match = r.outside()
	case Inside:
		match = r.inside()
	case Across:
		match = r.between()
	}
	if rule.From.IsValid() {
		match += source(rule.From)
	}
	if rule.To.IsValid() {
		match += fmt.Sprintf("%s daddr %s ", family(rule.To), rule.To)
	}
	return fmt.Sprintf("%s%s dport %s accept", match, rule.Protocol, ports(rule.Ports))
}

// source matches packets from a network, or from one address.
func source(from netip.Prefix) string {
	if from.IsSingleIP() {
		return fmt.Sprintf("%s saddr %s ", family(from.Addr()), from.Addr())
	}
	return fmt.Sprintf("%s saddr %s ", family(from.Addr()), from)
}

// family is nft's word for an address's family.
func family(address netip.Addr) string {
	if address.Is6() {
		return "ip6"
	}
	return "ip"
}

// across are the rules for connections from one end of the tunnel to another.
func (r Ruleset) across() string {
	rules := r.passes()
	for _, rule := range r.Rules {
		if rule.Way == Across {
			rules = append(rules, r.render(rule))
		}
	}
	if len(rules) == 0 {
		return ""
	}
	rules = slices.Insert(rules, 0, r.between()+"ct state established,related accept")
	return "\t\t" + strings.Join(rules, "\n\t\t") + "\n"
}

// between matches what came through the tunnel and goes there again.
func (r Ruleset) between() string { return fmt.Sprintf("iifname %q oifname %q ", r.Tunnel, r.Tunnel) }

// open are the rules for what the host serves outside the fleet, sorted; match is how they know it, or "".
func (r Ruleset) open(match func(Opening) string) []string {
	var rules []string
	for _, o := range slices.SortedFunc(slices.Values(r.Open), Opening.compare) {
		for _, source := range o.sources(r.outside()) {
			if matched := match(o); matched != "" {
				rules = append(rules, source+matched+" accept")
			}
		}
	}
	return slices.Compact(rules)
}

// TCP are the rules that admit each of these sources to TCP ports; none without a port.
func TCP(way Way, from []netip.Prefix, ports ...int) []Rule {
	if len(ports) == 0 {
		return nil
	}
	var rules []Rule
	for _, f := range from {
		rules = append(rules, Rule{Way: way, From: f, Protocol: "tcp", Ports: ports})
	}
	return rules
}

// Edge lets one end of the tunnel connect to a port of another.
type Edge struct {
	From, To netip.Addr // in the tunnel, of one family
	Port     int        // TCP, of To
}

// Forward are the rules for edges, sorted.
func Forward(edges []Edge) []Rule {
	var rules []Rule
	for _, e := range slices.SortedFunc(slices.Values(edges), Edge.compare) {
		from := netip.PrefixFrom(e.From, e.From.BitLen())
		rules = append(rules, Rule{Way: Across, From: from, To: e.To, Protocol: "tcp", Ports: []int{e.Port}})
	}
	return rules
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
	return "{ " + list(slices.Sorted(slices.Values(numbers))) + " }"
}

// distinct are the prefixes of one family, sorted, without those inside another one: nft refuses sets that overlap.
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

func list[T any](all []T) string {
	words := make([]string, len(all))
	for i, one := range all {
		words[i] = fmt.Sprint(one)
	}
	return strings.Join(words, ", ")
}
