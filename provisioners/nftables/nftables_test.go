package nftables

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestSSH(t *testing.T) {
	const count = ` tcp dport 22 counter name operator accept`
	for _, c := range []struct {
		name string
		from []netip.Prefix
		want []string // before the rule that drops the others
	}{
		{"nobody", nil, nil},
		{"anybody", prefixes("0.0.0.0/0", "::/0"), []string{"meta nfproto ipv4" + count, "meta nfproto ipv6" + count}},
		{"anybody and somebody", prefixes("10.0.0.0/8", "0.0.0.0/0"), []string{"meta nfproto ipv4" + count}},
		{"one family", prefixes("2001:db8::/32"), []string{"ip6 saddr { 2001:db8::/32 }" + count}},
		{"overlapping", prefixes("10.1.0.0/16", "10.1.2.0/24", "10.0.0.0/8", "10.0.0.0/8", "9.9.9.9/32"),
			[]string{"ip saddr { 9.9.9.9/32, 10.0.0.0/8 }" + count}},
		{"with host bits", prefixes("10.1.2.3/24", "10.1.2.4/24"), []string{"ip saddr { 10.1.2.0/24 }" + count}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			for _, rule := range c.want {
				want = append(want, `iifname != "promwire0" `+rule)
			}
			want = append(want, "tcp dport 22 drop")
			got := Ruleset{SSHPort: 22, SSHFrom: c.from, Tunnel: "promwire0"}.ssh()
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestDigest: other rules have another digest, and the same rules in another order the same one.
func TestDigest(t *testing.T) {
	r := Ruleset{SSHPort: 22, SSHFrom: prefixes("10.0.0.0/8", "9.0.0.0/8"), Tunnel: "promwire0"}
	same := r
	same.SSHFrom = prefixes("9.0.0.0/8", "10.0.0.0/8")
	if r.Digest() != same.Digest() {
		t.Error("the order of networks changes the digest")
	}
	port, listen, scraped, open := r, r, r, r
	open.Open = []Opening{Port(443, "tcp")}
	push := r
	push.Rules = TCP(Inside, prefixes("10.98.0.0/24"), 9091)
	port.SSHPort = 2222
	listen.Rules = []Rule{{Protocol: "udp", Ports: []int{51820}}}
	scraped.Scraped, scraped.Monitor = []int{9100}, prefixes("10.98.0.1/32")
	seen := map[string]bool{r.Digest(): true}
	for _, other := range []Ruleset{port, listen, scraped, open, push} {
		if seen[other.Digest()] {
			t.Errorf("%+v has the digest of another ruleset", other)
		}
		seen[other.Digest()] = true
	}
	if !strings.Contains(r.Render(), "\n\tcomment \""+r.Digest()+"\"\n") {
		t.Error("the table does not have its digest")
	}
}

// rendered are rules as a ruleset writes them.
func rendered(r Ruleset, rules []Rule) []string {
	var all []string
	for _, rule := range rules {
		all = append(all, r.render(rule))
	}
	return all
}

// TestOpen: the same openings in any order are the same rules, and none of them is open through the tunnel.
func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name string
		open []Opening
		want []string
	}{
		{"ports", []Opening{Port(53, "udp"), Port(443, "tcp"), Port(53, "udp")}, []string{
			`iifname != "promwire0" tcp dport 443 accept`, `iifname != "promwire0" udp dport 53 accept`,
		}},
		{"a range", []Opening{{Protocol: "udp", First: 60000, Last: 61000}}, []string{`iifname != "promwire0" udp dport 60000-61000 accept`}},
		{"a protocol", []Opening{{Protocol: "112"}}, []string{`iifname != "promwire0" meta l4proto 112 accept`}},
		{"an interface", []Opening{{Protocol: "udp", First: 53, Last: 53, Interface: "docker0"}}, []string{`iifname "docker0" udp dport 53 accept`}},
		{"networks", []Opening{{Protocol: "tcp", First: 5432, Last: 5432, From: prefixes("2001:db8::/32", "198.51.100.7/32", "10.1.0.0/16", "10.0.0.0/8")}}, []string{
			`iifname != "promwire0" ip saddr { 10.0.0.0/8, 198.51.100.7/32 } tcp dport 5432 accept`,
			`iifname != "promwire0" ip6 saddr { 2001:db8::/32 } tcp dport 5432 accept`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Ruleset{Tunnel: "promwire0", Open: c.open}).open(Opening.input); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestOpeningCheck: what nft would not take, or would read as something else, is refused.
func TestOpeningCheck(t *testing.T) {
	for _, good := range []Opening{Port(1, "tcp"), {Protocol: "udp", First: 1, Last: 65535}, {Protocol: "255"}} {
		if err := good.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []Opening{{}, Port(0, "tcp"), Port(65536, "udp"), {Protocol: "tcp", First: 9, Last: 8}, {Protocol: "vrrp"}, {Protocol: "0"}, {Protocol: "256"}, Port(80, "132")} {
		if bad.Check() == nil {
			t.Errorf("%+v is admitted", bad)
		}
	}
}

// TestScraped: only the monitor reaches what it scrapes, through the tunnel if there is one.
func TestScraped(t *testing.T) {
	monitor := prefixes("10.98.0.1/32", "fd98::1/128")
	for _, c := range []struct {
		name string
		in   Ruleset
		want []string
	}{
		{"tunnel", Ruleset{Tunnel: "promwire0", Scraped: []int{9100}, Monitor: monitor}, []string{
			`iifname "promwire0" ip saddr 10.98.0.1 tcp dport @scraped_ports accept`, `iifname "promwire0" ip6 saddr fd98::1 tcp dport @scraped_ports accept`,
			`iifname "promwire0" ip saddr 10.98.0.1 tcp dport @former_ports accept`, `iifname "promwire0" ip6 saddr fd98::1 tcp dport @former_ports accept`,
		}},
		{"no tunnel", Ruleset{Scraped: []int{9100}, Monitor: monitor[:1]}, []string{
			`ip saddr 10.98.0.1 tcp dport @scraped_ports accept`, `ip saddr 10.98.0.1 tcp dport @former_ports accept`,
		}},
		{"nothing", Ruleset{Tunnel: "promwire0", Monitor: monitor}, nil},
	} {
		if got := c.in.scrapes(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	text := Ruleset{Scraped: []int{19100, 19099, 19100}, Monitor: monitor}.Render()
	if !strings.Contains(text, "\t\telements = { 19099, 19100 }\n") {
		t.Errorf("the ports are not in the set:\n%s", text)
	}
}

// TestTCP: pushes come from a network, scrapes of other things from one address.
func TestTCP(t *testing.T) {
	monitor := prefixes("10.98.0.1/32", "fd98::1/128")
	tunnel := Ruleset{Tunnel: "promwire0"}
	for _, c := range []struct {
		name  string
		in    Ruleset
		rules []Rule
		want  []string
	}{
		{"tunnel", tunnel, TCP(Inside, monitor, 9100), []string{
			`iifname "promwire0" ip saddr 10.98.0.1 tcp dport 9100 accept`, `iifname "promwire0" ip6 saddr fd98::1 tcp dport 9100 accept`,
		}},
		{"no tunnel", Ruleset{}, TCP(Inside, monitor[:1], 19099, 19100), []string{
			`ip saddr 10.98.0.1 tcp dport { 19099, 19100 } accept`,
		}},
		{"nobody", tunnel, TCP(Inside, nil, 19100), nil},
		{"nothing", tunnel, TCP(Inside, monitor), nil},
		{"pushes", tunnel, TCP(Inside, prefixes("10.98.0.0/24", "fd98::/64"), 9091), []string{
			`iifname "promwire0" ip saddr 10.98.0.0/24 tcp dport 9091 accept`, `iifname "promwire0" ip6 saddr fd98::/64 tcp dport 9091 accept`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rendered(c.in, c.rules); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if text := (Ruleset{SSHPort: 22}).Render(); strings.Contains(text, "iifname \"\"") {
		t.Errorf("a host without a tunnel has rules for one:\n%s", text)
	}
}

// TestForward: the rules for edges come before those that drop everything else.
func TestForward(t *testing.T) {
	edge := func(from, to string, port int) Edge {
		return Edge{netip.MustParseAddr(from), netip.MustParseAddr(to), port}
	}
	edges := []Edge{edge("10.98.0.4", "10.98.0.5", 8080), edge("10.98.0.3", "10.98.0.9", 80), edge("fd98::4", "fd98::5", 8080), edge("10.98.0.3", "10.98.0.9", 79)}
	r := Ruleset{SSHPort: 22, Tunnel: "promwire0", Rules: Forward(edges)}
	_, chain, _ := strings.Cut(r.Render(), "chain forward {\n")
	const within = `iifname "promwire0" oifname "promwire0" `
	want := []string{
		"type filter hook forward priority filter; policy accept;",
		"ct state new ct status dnat jump published",
		within + "ct state established,related accept",
		within + "ip saddr 10.98.0.3 ip daddr 10.98.0.9 tcp dport 79 accept",
		within + "ip saddr 10.98.0.3 ip daddr 10.98.0.9 tcp dport 80 accept",
		within + "ip saddr 10.98.0.4 ip daddr 10.98.0.5 tcp dport 8080 accept",
		within + "ip6 saddr fd98::4 ip6 daddr fd98::5 tcp dport 8080 accept",
		`iifname "promwire0" drop`,
		`oifname "promwire0" drop`,
	}
	var got []string
	for _, line := range strings.Split(chain, "\n")[:len(want)] {
		got = append(got, strings.TrimSpace(line))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	turned := r
	slices.Reverse(edges)
	turned.Rules = Forward(edges)
	if turned.Digest() != r.Digest() || (Ruleset{SSHPort: 22, Tunnel: "promwire0"}).Digest() == r.Digest() {
		t.Error("the digest depends on the order, or not on the edges")
	}
	if text := (Ruleset{SSHPort: 22, Tunnel: "promwire0"}).Render(); strings.Contains(text, "established,related accept\n\t\tiifname") || strings.Contains(text, within) {
		t.Errorf("a host without edges forwards something:\n%s", text)
	}
}
