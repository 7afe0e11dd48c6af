package scripts

import (
	"slices"
	"strings"
	"testing"
)

// serving is a host in use: SSH and a web server on all addresses, DNS for the containers on its bridge and for itself, DHCP, names on the
// local network, a client's own port, and VRRP. Somebody outside is connected to the web server.
const serving = publishing + `
ip address add 198.51.100.10/24 dev up0 # another one of this host
listen() { # PROTOCOL ADDRESS PORT, by a program of this name
  cp /usr/bin/perl /mnt/$4
  "/mnt/$4" -MIO::Socket::IP -e '($p, $a, $n) = @ARGV; $s = IO::Socket::IP->new(LocalHost => $a, LocalPort => $n, Proto => $p, $p eq "tcp" ? (Listen => 9) : ()) or die; @c = (@c, $s->accept) while $p eq "tcp"; sleep 600' \
    $1 $2 $3 </dev/null >/dev/null 2>&1 3>&- 9>&- &
  echo $! >>/mnt/pids
  until ss -Hlntu "sport = :$3" | grep -q "$1.*$2"; do sleep 0.05; done
}
listen tcp 0.0.0.0 22 sshd
listen tcp 0.0.0.0 80 nginx
listen udp 172.17.0.1 53 dnsmasq
listen udp 127.0.0.1 53 resolver
listen tcp ::1 5433 postgres
listen udp 0.0.0.0 68 dhclient
listen udp 0.0.0.0 5353 avahi-daemon
listen udp 0.0.0.0 40000 chronyd
listen udp 0.0.0.0 40001 turnserver
listen udp 0.0.0.0 123 ntpd
listen udp 0.0.0.0 40002 kernel # as a tunnel's
listen udp 0.0.0.0 51820 server
listen udp 0.0.0.0 40003 branch
listen udp 0.0.0.0 40004 hub
wg() {
  case $3 in
  listen-port) printf 'home\t40002\noffice\t51820\nbranches\t40003\nhub\t40004\n' ;;
  persistent-keepalive) printf 'home\tkey=\t25\noffice\tkey=\t25\nbranches\tkey=\toff\nhub\tkey=\t25\nhub\tother=\t25\n' ;;
  esac
}
cp /usr/bin/perl /mnt/keepalived
/mnt/keepalived -MSocket -e 'socket(S, AF_INET, SOCK_RAW, 112) or die; sleep 600' </dev/null >/dev/null 2>&1 3>&- 9>&- &
echo $! >>/mnt/pids
until ss -Hlnw | grep -q :112; do sleep 0.05; done
ip netns exec outside bash -c 'exec 4<>/dev/tcp/198.51.100.1/80; exec sleep 600' </dev/null >/dev/null 2>&1 3>&- 9>&- &
echo $! >>/mnt/pids
until ss -Hnt state established 'sport = :80' | grep -q 198; do sleep 0.05; done
`

// TestSurvey: everything that would be cut off is named, once, as the stack file says it, and nothing else is.
func TestSurvey(t *testing.T) {
	t.Parallel()
	const (
		refused = "promwire: host: verb: it serves what the firewall would cut off; nothing was closed. Put the lines that must go on working " +
			"under this host's open, as they are, and run pulumi up again. To close the rest, give it closeOthers: true\n"
		web      = "  - 80/tcp # nginx, used by 198.51.100.9\n"
		dns      = "  - {port: 53/udp, interface: docker0} # dnsmasq\n"
		turn     = "  - 40001/udp # turnserver\n"
		local    = "  - 443/tcp # perl\n"
		database = "  - 5432/tcp # passed on to 172.17.0.11:80, passed on to [fd17::11]:80\n"
		https    = "  - 8443/tcp # passed on to :443\n"
		vrrp     = "  - vrrp # keepalived\n"
		clock    = "  - 123/udp # ntpd, which needs it only to serve time to others\n"
		office   = "  - 51820/udp # WireGuard client office\n  - 40003/udp # WireGuard branches\n  - 40004/udp # WireGuard hub\n"
	)
	for _, c := range []struct {
		name, text string
		named      string
		fails      bool
	}{
		{"nothing is open", "survey 22/tcp", web + local + dns + turn + clock + office + database + https + vrrp, true},
		{"some is", "survey 22/tcp 80-90/tcp 8000-9000/tcp 40001/udp 112 443/udp 40003-51820/udp 123/udp", local + dns + database, true},
		{"all is", "survey 22/tcp 80/tcp 53/udp 40001/udp 123/udp 51820/udp 40003-40004/udp 443/tcp 5432/tcp 8443/tcp 112; echo done", "done\n", false},
		{"a member of a former version", "mkdir -p /etc/promwire; echo 'chain input' >$PERMANENT; survey 22/tcp", database + https, true},
		{"a member", "mkdir -p /etc/promwire; echo 'chain published' >$PERMANENT; survey 22/tcp; echo done", "done\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !c.fails {
				check(t, serving+c.text, c.named, false)
				return
			}
			said := check(t, serving+c.text, refused, true)
			_, after, _ := strings.Cut(said, refused)
			got, want := strings.SplitAfter(after, "\n"), strings.SplitAfter(c.named, "\n")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("it says:\n%s\nwant:\n%s%s", said, refused, c.named)
			}
		})
	}
}

// TestPassedOn: which of a host's rules pass what on, as nft and iptables-save print them.
func TestPassedOn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"docker with iptables-nft", `from_nft <<'END'
table ip nat {
	chain DOCKER {
		iifname "docker0" counter packets 0 bytes 0 return
		iifname != "docker0" tcp dport 5432 counter packets 0 bytes 0 dnat to 172.17.0.2:5432
		iifname != "docker0" ip daddr 127.0.0.1 tcp dport 6379 counter packets 0 bytes 0 dnat to 172.17.0.3:6379
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 172.17.0.0/16 counter masquerade
	}
	chain OUTPUT {
		type nat hook output priority -100; policy accept;
		tcp dport 25 dnat to 10.0.0.25
	}
}
END`, "5432/tcp\t-\tpassed on to 172.17.0.2:5432\n"},
		{"sets, ranges, maps", `from_nft <<'END'
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		udp dport { 53, 8000-8010 } dnat ip6 to fd00::1
		dnat to tcp dport map { 81 : 10.0.0.1, 82 : 10.0.0.2 }
		iifname "wg0" tcp dport 80 redirect to :8080
		ip daddr 203.0.113.5 dnat to 10.0.0.7
	}
	chain KUBE-SEP-X {
		meta l4proto tcp dnat to 10.42.0.5:80
	}
END`, "53/udp\t-\tpassed on to fd00::1\n8000-8010/udp\t-\tpassed on to fd00::1\n81/tcp\t-\tpassed on\n82/tcp\t-\tpassed on\n" +
			"80/tcp\twg0\tpassed on to :8080\nall/any\t-\tpassed on to 10.0.0.7\n"},
		{"services of Kubernetes with iptables-nft", `from_nft <<'END'
table ip nat {
	chain KUBE-SERVICES {
		meta l4proto tcp ip daddr 10.96.0.1 tcp dport 443 counter packets 0 bytes 0 jump KUBE-SVC-NPX
		meta l4proto tcp ip daddr 203.0.113.5 tcp dport 80 counter packets 0 bytes 0 jump KUBE-EXT-WEB
	}
	chain KUBE-NODEPORTS {
		ip daddr 127.0.0.0/8 tcp dport 30081 counter packets 0 bytes 0 jump KUBE-EXT-LOCAL
		meta l4proto tcp tcp dport 30081 counter packets 0 bytes 0 jump KUBE-EXT-WEB
		meta l4proto udp udp dport 30053 counter packets 0 bytes 0 jump KUBE-SVC-DNS
	}
}
END`, "80/tcp\t-\ta service of Kubernetes\n30081/tcp\t-\ta service of Kubernetes\n30053/udp\t-\ta service of Kubernetes\n"},
		{"services of Kubernetes with nftables", `from_nft <<'END'
table ip kube-proxy {
	map service-ips {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https,
			     203.0.113.5 . tcp . 80 : goto external-7LGJOMH3-default/web/tcp/http }
	}
	map service-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30081 : goto external-7LGJOMH3-default/web/tcp/http, udp . 30053 : goto external-X-default/dns/udp/dns }
	}
}
END`, "80/tcp\t-\ta service of Kubernetes\n30081/tcp\t-\ta service of Kubernetes\n30053/udp\t-\ta service of Kubernetes\n"},
		{"services of Kubernetes with iptables", `from_iptables <<'END'
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "default/kubernetes:https cluster IP" -m tcp --dport 443 -j KUBE-SVC-NPX
-A KUBE-SERVICES -d 203.0.113.5/32 -p tcp -m comment --comment "default/web:http loadbalancer IP" -m tcp --dport 80 -j KUBE-EXT-WEB
-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30081 -j KUBE-EXT-LOCAL
-A KUBE-NODEPORTS -p tcp -m comment --comment "default/web:http" -m tcp --dport 30081 -j KUBE-EXT-WEB
-A KUBE-NODEPORTS -p udp -m comment --comment "default/dns" -m udp --dport 30053 -j KUBE-SVC-DNS
END`, "80/tcp\t-\ta service of Kubernetes\n30081/tcp\t-\ta service of Kubernetes\n30053/udp\t-\ta service of Kubernetes\n"},
		{"firewalld, and words that pass nothing on", `from_nft <<'END'
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct status dnat accept
		meta l4proto { icmp, ipv6-icmp } accept
	}
	chain filter_IN_public_deny {
		icmp type { redirect, echo-request } drop
		icmp type redirect counter drop
		tcp dport 25 log prefix "no redirect" drop comment "not dnat to 10.0.0.1:25"
	}
	chain nat_PRE_public_allow {
		ct status dnat tcp dport 8080 redirect to :80 comment "dnat"
	}
END`, "8080/tcp\t-\tpassed on to :80\n"},
		{"iptables", `from_iptables <<'END'
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT -p tcp -m tcp --dport 25 -j DNAT --to-destination 10.0.0.25
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 172.17.0.3:6379
-A PREROUTING -i eth0 -p udp -m multiport --dports 53,60000:60010 -j REDIRECT --to-ports 5300
-A PREROUTING -d 203.0.113.5/32 -j DNAT --to-destination 10.0.0.7
-A KUBE-SEP-X -p tcp -j DNAT --to-destination 10.42.0.5:80
COMMIT
END`, "5432/tcp\t-\tpassed on to 172.17.0.2:5432\n53/udp\teth0\tpassed on to 5300\n60000-60010/udp\teth0\tpassed on to 5300\nall/any\t-\tpassed on to 10.0.0.7\n"},
		{"IPVS", `from_ipvs <<'END'
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  CB007105:0050 wlc persistent 300
  -> 0A000007:1F90      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0005]:7595 rr
TCP  7F000001:7D00 rr
TCP  [0000:0000:0000:0000:0000:0000:0000:0001]:7D00 rr
SCTP CB007105:0050 rr
FWM  0000000A rr
END`, "80/tcp\t-\tIPVS\n30101/udp\t-\tIPVS\n132\t-\tIPVS\nall/any\t-\tIPVS, by the mark 10\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if said, _ := run(t, c.text); said != c.want {
				t.Errorf("it says:\n%s\nwant:\n%s", said, c.want)
			}
		})
	}
}

// TestLeadsOutside: one port of a bridge that is no container's is enough, however many containers come after it.
func TestLeadsOutside(t *testing.T) {
	t.Parallel()
	const bridge = `
ip() {
  case "$*" in
    *route*) return ;;
    *) [ -z "$outside" ] || echo '2: eth1: <UP> mtu 1500 \\    link/ether \\    vlan id 5'
      for ((n = 0; n < 20000; n++)); do echo "3: v$n: <UP> mtu 1500 \\    link/ether \\    veth "; done ;;
  esac
}
if leads_outside br0; then echo outside; else echo inside; fi
`
	check(t, "outside=yes"+bridge, "outside\n", false)
	check(t, "outside="+bridge, "inside\n", false)
}
