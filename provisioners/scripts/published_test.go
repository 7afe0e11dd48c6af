package scripts

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/nftables"
)

// publishing makes three machines of namespaces: somebody outside, this host, and two containers on its bridge. As Docker would, the host
// publishes port 5432 of all its addresses, which is port 80 of the first container, and passes port 8443 on to its own port 443.
const publishing = `
for n in outside c1 c2; do
  ip netns add $n
  ip -netns $n link set lo up
done
ip link set lo up
ip link add up0 type veth peer name eth0 netns outside
ip link add docker0 type bridge
for n in 1 2; do
  ip link add in$n type veth peer name eth0 netns c$n
  ip link set in$n master docker0 up
  ip -netns c$n address add 172.17.0.1$n/24 dev eth0
  ip -netns c$n address add fd17::1$n/64 dev eth0 nodad
  ip -netns c$n link set eth0 up
  ip -netns c$n route add default via 172.17.0.1
  ip -netns c$n route add default via fd17::1
done
ip address add 172.17.0.1/24 dev docker0
ip address add fd17::1/64 dev docker0 nodad
ip link set docker0 up
uplink() { # DEVICE: where the host has its address
  ip address add 198.51.100.1/24 dev $1
  ip address add 2001:db8::1/64 dev $1 nodad
  ip link set $1 up
}
uplink up0
ip -netns outside address add 198.51.100.9/24 dev eth0
ip -netns outside address add 2001:db8::9/64 dev eth0 nodad
ip -netns outside link set eth0 up
ip -netns outside route add 172.17.0.0/24 via 198.51.100.1
ip -netns outside route add fd17::/64 via 2001:db8::1
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
nft -f - <<'END'
table inet theirs {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    fib daddr type local meta nfproto ipv4 tcp dport 5432 dnat ip to 172.17.0.11:80
    fib daddr type local meta nfproto ipv6 tcp dport 5432 dnat ip6 to [fd17::11]:80
    tcp dport 8443 redirect to :443
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname docker0 iifname docker0 masquerade
  }
}
END
serve() { # NAMESPACE PORT
  ip netns exec $1 perl -MIO::Socket::IP -e '$s = IO::Socket::IP->new(LocalHost => "::", LocalPort => shift, Listen => 9, ReuseAddr => 1, V6Only => 0) or die; $s->accept while 1' $2 </dev/null >/dev/null 2>&1 3>&- 9>&- &
  echo $! >>/mnt/pids
  until ip netns exec $1 ss -Hlnt "sport = :$2" | grep -q .; do sleep 0.05; done
}
touch /run/netns/host
mount --bind /proc/self/ns/net /run/netns/host
trap 'kill $(</mnt/pids)' RETURN
serve c1 80
serve host 443
serve outside 7
reach() { # NAMESPACE ADDRESS PORT
  if timeout 3 ip netns exec $1 bash -c ": </dev/tcp/$2/$3" 2>/dev/null; then echo -n "open "; else echo -n "closed "; fi
}
# Bridges and neighbours take a moment, as long as the kernel likes: a test begins when both containers reach the host, and it the first.
connects() { # NAMESPACE ADDRESS PORT
  until timeout 1 ip netns exec $1 bash -c ": </dev/tcp/$2/$3" 2>/dev/null; do sleep 0.05; done
}
for address in 198.51.100.1 2001:db8::1; do
  for n in c1 c2 outside; do connects $n $address 443; done
done
for address in 172.17.0.11 fd17::11; do connects host $address 80; done
outside() { reach outside 198.51.100.1 $1; reach outside 2001:db8::1 $1; }
load() { cat >/mnt/rules; mkdir -p /etc/promwire; uplinks; nft -f /mnt/rules; }
`

// TestPublished: what the host publishes is open where the settings say so, and all else that it forwards goes on.
func TestPublished(t *testing.T) {
	t.Parallel()
	tunnel := func(open ...nftables.Opening) string {
		rules := nftables.Ruleset{SSHPort: 22, SSHFrom: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, Tunnel: "promwire0", Open: open}
		return "load <<'RULES'\n" + rules.Render() + "RULES\n"
	}
	from := nftables.Port(5432, "tcp")
	from.From = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28"), netip.MustParsePrefix("fd00::/8")}
	inside := nftables.Port(443, "tcp")
	inside.Interface = "docker*"
	const (
		bridged = "ip link add br0 type bridge\nip address flush dev up0\nip link set up0 master br0\nuplink br0\n"
		hairpin = "reach c2 198.51.100.1 5432\nreach c2 2001:db8::1 5432\nreach c2 172.17.0.1 5432\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"no firewall", "outside 5432; outside 8443; " + hairpin, "open open open open open open open "},
		{"nothing is open", tunnel() + "outside 5432; outside 8443; outside 443", "closed closed closed closed closed closed "},
		{"the published port is", tunnel(nftables.Port(5432, "tcp")) + "outside 5432; outside 443", "open open closed closed "},
		{"a range is", tunnel(nftables.Opening{Protocol: "tcp", First: 5000, Last: 6000}) + "outside 5432", "open open "},
		{"the container's port is not asked for", tunnel(nftables.Port(80, "tcp")) + "outside 5432", "closed closed "},
		{"another protocol is", tunnel(nftables.Port(5432, "udp")) + "outside 5432", "closed closed "},
		{"from one network", tunnel(from) + "outside 5432", "open closed "},
		{"a port that is passed on here", tunnel(nftables.Port(8443, "tcp")) + "outside 8443; outside 443", "open open closed closed "},
		{"containers ask for what is published", tunnel() + hairpin, "open open open "},
		{"containers and the host", tunnel(inside) + "reach c2 172.17.0.1 443; outside 443", "open closed closed "},
		{"containers connect", tunnel() + "reach c2 172.17.0.11 80; reach c2 198.51.100.9 7; reach c2 2001:db8::9 7", "open open open "},
		{"what is only routed", tunnel() + "reach outside 172.17.0.11 80; reach outside fd17::11 80", "open open "},
		{"an uplink that is a bridge", bridged + "ip link add port0 type vxlan id 5 dstport 4789\nip link set port0 master br0\n" + tunnel() + "outside 5432; " + hairpin,
			"closed closed open open open "},
		{"a bridge with the default route", bridged + "ip route add default via 198.51.100.9\n" + tunnel() + "outside 5432; " + hairpin,
			"closed closed open open open "},
		{"it is a bridge no more", "echo 'add element inet promwire uplinks { br9 }' >$UPLINKS; record file $UPLINKS\n" + tunnel() +
			"nft list set inet promwire uplinks | grep -c br9 || [ -e $UPLINKS ] || echo gone", "0\ngone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := c.text
			if strings.Contains(text, ">$UPLINKS") {
				text = "mkdir -p /etc/promwire\n" + text
			}
			check(t, publishing+text, c.want, false)
		})
	}
}
