package scripts

import (
	"net/netip"
	"testing"

	"github.com/promwire/promwire/provisioners/nftables"
)

// tunnelToOther makes a tunnel of a pair of interfaces, whose other end is in a network of its own: `other` runs a command there. serve lets
// a user listen here, at a port.
const tunnelToOther = `
unshare --net sleep 60 & ns=$!; disown
trap 'kill $ns $pid $there 2>/dev/null || true' EXIT
other() { nsenter --target "$ns" --net "$@"; }
until [ "$(readlink "/proc/$ns/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done # it is still this one
ip link add promwire0 type veth peer name other netns "$ns"
ip address del 10.98.0.2/24 dev lo
ip address add 10.98.0.2/24 dev promwire0; ip link set promwire0 up
other ip link set lo up; other ip address add 10.98.0.1/24 dev other; other ip link set other up
nsenter --target "$ns" --net perl /mnt/listen 10.98.0.1:9100 & there=$!; disown
until other ss -Hltn | grep -q 9100; do sleep 0.1; done
serve() { chmod 777 /mnt; rm -f /mnt/ready; setpriv --reuid "$1" --clear-groups perl /mnt/listen "10.98.0.2:$2" & pid=$!; disown; until [ -e /mnt/ready ]; do sleep 0.1; done; }
dial() { "$@" timeout 3 bash -c 'exec 3<>/dev/tcp/'"$to" 2>/dev/null && echo open || echo closed; }
`

// TestPeople: who only has a login on a host neither asks other ends of the tunnel, nor answers in place of an exporter.
func TestPeople(t *testing.T) {
	t.Parallel()
	rules := nftables.Ruleset{SSHPort: 22, Tunnel: "promwire0", Serving: []int{9100}, Asked: 19098, Local: []netip.AddrPort{netip.MustParseAddrPort("10.98.0.2:9121"), netip.MustParseAddrPort("[::1]:9121")}, Rules: nftables.TCP(nftables.Inside, nil)}
	rules.Rules = append(rules.Rules, nftables.Rule{Way: nftables.Inside, Protocol: "tcp", Ports: []int{9100, 9200}})
	begin := listening + tunnelToOther + `
cat >/mnt/rules <<'RULES'
` + rules.Render() + `RULES
nft --file /mnt/rules
as() { setpriv --reuid "$1" --clear-groups -- "${@:2}"; }
`
	for name, c := range map[string]struct{ text, said string }{
		"root asks":                        {"to=10.98.0.1/9100; dial as 0", "open\n"},
		"a daemon asks":                    {"to=10.98.0.1/9100; dial as 991", "open\n"},
		"somebody asks":                    {"to=10.98.0.1/9100; dial as 1000", "closed\n"},
		"an exporter answers":              {"serve 990 9100; to=10.98.0.2/9100; dial other", "open\n"},
		"somebody answers for it":          {"serve 1000 9100; to=10.98.0.2/9100; dial other", "closed\n"},
		"somebody answers at another port": {"serve 1000 9200; to=10.98.0.2/9200; dial other", "open\n"},
		"a relay asks":                     {"serve 990 9121; to=10.98.0.2/9121; dial as 61184", "open\n"},
		"somebody answers the relay":       {"serve 1000 9121; to=10.98.0.2/9121; dial as 61184", "closed\n"},
		"the monitor asks the fence":       {"nft add rule inet promwire input iifname promwire0 tcp dport 19098 accept; serve 0 19098; to=10.98.0.2/19098; dial other", "open\n"},
		"somebody asks the fence":          {"serve 0 19098; to=10.98.0.2/19098; dial as 1000", "closed\n"},
		"a daemon asks the fence":          {"serve 0 19098; to=10.98.0.2/19098; dial as 65534", "closed\n"},
		"somebody serves here":             {"serve 1000 9200; to=10.98.0.2/9200; dial as 61184", "open\n"},
	} {
		t.Run(name, func(t *testing.T) { check(t, begin+c.text, c.said, false) })
	}
}

// TestSender: a host begins with another end what people allow, and nothing else: not at another port, not if only that end may connect here, and
// no other protocol. What it answers gets through.
func TestSender(t *testing.T) {
	t.Parallel()
	other := netip.MustParseAddr("10.98.0.1")
	rules := func(allowed ...int) string {
		r := nftables.Ruleset{SSHPort: 22, Tunnel: "promwire0", Dialing: true, Ends: []netip.Addr{other}}
		for _, port := range allowed {
			r.Edges = append(r.Edges, netip.AddrPortFrom(other, uint16(port)))
		}
		r.Rules = nftables.TCP(nftables.Inside, []netip.Prefix{netip.PrefixFrom(other, 32)}, 9200)
		return listening + tunnelToOther + "nft --file - <<'RULES'\n" + r.Render() + "RULES\n"
	}
	const echo = "other timeout 5 perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); bind(S, pack_sockaddr_in(9100, INADDR_ANY)); alarm 3; " +
		"recv(S, $b, 9, 0); print \"came\"' & until other ss -Hlun | grep -q 9100; do sleep 0.1; done; echo x 2>/dev/null >/dev/udp/10.98.0.1/9100 || true; wait $! || echo none"
	for name, c := range map[string]struct{ text, said string }{
		"what is allowed":            {rules(9100) + "to=10.98.0.1/9100; dial", "open\n"},
		"somebody, what is allowed":  {rules(9100) + "as() { setpriv --reuid \"$1\" --clear-groups -- \"${@:2}\"; }; to=10.98.0.1/9100; dial as 1000", "open\n"},
		"another port is allowed":    {rules(9101) + "to=10.98.0.1/9100; dial", "closed\n"},
		"only the other may connect": {rules() + "to=10.98.0.1/9100; dial", "closed\n"},
		"the other connects":         {rules() + "serve 0 9200; to=10.98.0.2/9200; dial other", "open\n"},
		"another protocol":           {rules(9100) + echo, "none\n"},
	} {
		t.Run(name, func(t *testing.T) { check(t, c.text, c.said, false) })
	}
}
