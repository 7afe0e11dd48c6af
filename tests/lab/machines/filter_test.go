package machines

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/cloud"
)

func TestAdmit(t *testing.T) {
	cases := []struct {
		name string
		rule cloud.Rule
		want []string
	}{
		{"one port", cloud.Rule{Protocol: "tcp", FirstPort: 22, LastPort: 22, Networks: prefixes("198.51.100.34/32")},
			[]string{"ip saddr 198.51.100.34/32 meta l4proto tcp th dport 22-22 return"}},
		{"a range, both families", cloud.Rule{Protocol: "udp", FirstPort: 1, LastPort: 9, Networks: prefixes("0.0.0.0/0", "fd00::/8")},
			[]string{"meta nfproto ipv4 meta l4proto udp th dport 1-9 return", "ip6 saddr fd00::/8 meta l4proto udp th dport 1-9 return"}},
		{"all ports", cloud.Rule{Protocol: "udp", Networks: prefixes("::/0")}, []string{"meta nfproto ipv6 meta l4proto udp return"}},
		{"icmp is ICMPv6 too", cloud.Rule{Protocol: "icmp", Networks: prefixes("0.0.0.0/0", "::/0")},
			[]string{"meta nfproto ipv4 meta l4proto icmp return", "meta nfproto ipv6 meta l4proto ipv6-icmp return"}},
		{"host bits", cloud.Rule{Protocol: "tcp", Networks: prefixes("10.1.2.3/8")}, []string{"ip saddr 10.0.0.0/8 meta l4proto tcp return"}},
		{"no network", cloud.Rule{Protocol: "tcp", FirstPort: 22, LastPort: 22}, nil},
	}
	for _, c := range cases {
		if got := admit("saddr", []cloud.Rule{c.rule}); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRuleset makes sure of what is in the ruleset. That nft takes it, and that it does what it says, the lab's own tests show.
func TestRuleset(t *testing.T) {
	n := newNetwork(netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("fd00:1:2::/48"))
	records := []record{
		{Machine: Machine{Name: "open", V4: netip.MustParseAddr("198.51.100.66")}, Number: 1, Place: place{Region: 1, Host: 2}},
		{Machine: Machine{Name: "shut"}, Number: 2, Rules: &cloud.Rules{}},
		{Machine: Machine{Name: "inner", V4: netip.MustParseAddr("192.168.250.2"), Bastion: "open"}, Number: 3, Place: place{Private: true, Host: 2}},
		{Machine: Machine{Name: "orphan", V4: netip.MustParseAddr("192.168.250.3"), Bastion: "gone"}, Number: 4, Place: place{Private: true, Host: 3}},
	}
	text := ruleset(n, records)
	for _, want := range []string{
		`iifname vmap { "m2" : jump m2-outbound }`,
		`oifname vmap { "m2" : jump m2-inbound, "m3" : jump m3-inbound, "m4" : jump m4-inbound }`,
		"chain m2-inbound {\n\t\tdrop\n\t}",
		"chain m3-inbound {\n\t\tip saddr 198.51.100.66 return\n\t\tdrop\n\t}",
		"chain m4-inbound {\n\t\tdrop\n\t}",
		"ip saddr 192.168.250.2 ip daddr != 192.168.250.0/24 snat ip to 198.51.100.65",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not in the ruleset: %s", want)
		}
	}
	for range 100 {
		if ruleset(n, records) != text {
			t.Fatal("rendered twice, it differs")
		}
	}
	if text := ruleset(n, nil); strings.Contains(text, "vmap") {
		t.Errorf("a lab without machines:\n%s", text)
	}
}
