package scripts

import (
	"strings"
	"testing"
)

// ufw is what ufw makes with its defaults, shortened; ADMIT is where it puts the owner's rules.
const ufw = `table ip filter {
 chain ufw-reject { 
 }
 chain ufw-user-input {
  tcp dport 22 counter accept
  ADMIT
 }
 chain ufw-before-input {
  iifname "lo" counter accept
  ct state related,established counter accept
  ct state invalid counter drop
  meta l4proto icmp icmp type echo-request counter accept
  udp sport 67 udp dport 68 counter accept
  ip daddr 224.0.0.251 udp dport 5353 counter accept
  counter jump ufw-user-input
 }
 chain INPUT { type filter hook input priority filter; policy drop;
  counter jump ufw-before-input
  counter jump ufw-reject
 }
}`

// firewalld is what firewalld makes with its defaults, shortened.
const firewalld = `table inet firewalld { 
 chain filter_IN_public_allow { 
  tcp dport 22 accept
 }
 chain filter_IN_public { 
  jump filter_IN_public_allow
  meta l4proto { 1, 58 } accept
  reject with icmpx admin-prohibited
 }
 chain filter_INPUT_ZONES {
  iifname "eth0" goto filter_IN_public
  goto filter_IN_public
 }
 chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
  ct state { established, related } accept
  ct status dnat accept
  iifname "lo" accept
  ct state invalid drop
  jump filter_INPUT_ZONES
  reject with icmpx admin-prohibited
 }
}`

// TestOtherFirewalls: only a firewall that is certain to drop what is needed is named.
func TestOtherFirewalls(t *testing.T) {
	t.Parallel()
	const (
		target  = "other_firewalls tcp promwire0 10.98.0.1 9100"
		monitor = "other_firewalls udp - - 51820"
		direct  = "other_firewalls tcp - 2001:db8::1 19100"
		hub     = "other_forwards 10.98.0.1 9100 19098"
		docker  = `table ip filter {
 chain DOCKER-USER {
 }
 chain DOCKER {
  ip daddr 172.17.0.2 iifname != "docker0" oifname "docker0" tcp dport 80 counter accept
 }
 chain FORWARD { type filter hook forward priority filter; policy drop;
  counter jump DOCKER-USER
  oifname "docker0" ct state related,established counter accept
  oifname "docker0" counter jump DOCKER
  iifname "docker0" oifname != "docker0" counter accept
  iifname "docker0" oifname "docker0" counter accept
 }
}`
		mine  = "table inet mine { chain input { type filter hook input priority 0; policy POLICY;\nct state { established, related } accept\nRULES\n}\n}"
		fails = "promwire: host: verb: another firewall would drop "
	)
	admits := func(rule string) string { return strings.Replace(ufw, "ADMIT", rule, 1) }
	owners := func(policy, rules string) string {
		return strings.NewReplacer("POLICY", policy, "RULES", rules).Replace(mine)
	}
	forwards := func(rules string) string { return strings.Replace(rules, "hook input", "hook forward", 1) }
	for _, c := range []struct{ name, call, rules, want string }{
		{"ufw, target", target, admits(""), "9100/tcp, which promwire needs: table ip filter, chain INPUT: policy drop; "},
		{"ufw, monitor", monitor, admits(""), "51820/udp, which promwire needs: table ip filter, chain INPUT: policy drop; "},
		{"ufw admits the interface", target, admits(`iifname "promwire0" counter accept`), ""},
		{"ufw admits another interface", target, admits(`iifname "eth0" counter accept`), "9100/tcp, which"},
		{"ufw admits the port", monitor, admits("udp dport 51820 counter accept"), ""},
		{"ufw admits another port", monitor, admits("udp dport 51821 counter accept"), "51820/udp, which"},
		{"ufw admits the port of another protocol", monitor, admits("tcp dport 51820 counter accept"), "51820/udp, which"},
		{"ufw admits some networks", monitor, admits("ip saddr 10.0.0.0/8 counter accept"), ""},
		{"ufw admits another address", target, admits("ip saddr 10.98.0.9 counter accept"), "9100/tcp, which"},
		{"ufw admits the monitor", target, admits("ip saddr 10.98.0.1 tcp dport 9100 counter accept"), ""},
		{"ufw for IPv4 and IPv6 is needed", direct, admits(""), ""},
		{"firewalld", target, firewalld, "9100/tcp, which promwire needs: table inet firewalld, chain filter_INPUT: reject with icmpx admin-prohibited in chain " +
			"filter_IN_public; run firewall-cmd --permanent --zone=trusted --add-interface=promwire0 and firewall-cmd --reload"},
		{"firewalld beside Docker, which has its bridge in a zone that admits all", "ip link add docker0 type bridge; " + monitor,
			strings.Replace(firewalld, `  iifname "eth0" goto`, "  iifname \"docker0\" accept\n"+`  iifname "eth0" goto`, 1), "51820/udp, which promwire needs: table inet firewalld, "},
		{"firewalld admits all on a bridge that leads outside", "ip link add br0 type bridge; ip link set br0 up; ip route add default dev br0; " + monitor,
			strings.Replace(firewalld, `  iifname "eth0" goto`, "  iifname \"br0\" accept\n"+`  iifname "eth0" goto`, 1), ""},
		{"the owner's policy", target, owners("drop", "tcp dport { 22, 80-90 } accept"), "9100/tcp, which promwire needs: table inet mine, chain input: policy drop; " +
			"admit it there, in front of that rule: iifname promwire0 tcp dport 9100 accept"},
		{"the owner's last rule", monitor, owners("accept", "tcp dport 22 accept\nreject"), "51820/udp, which promwire needs: table inet mine, chain input: reject"},
		{"a range admits it", target, owners("drop", "tcp dport { 22, 9000-9200 } accept"), ""},
		{"a rule drops it first", target, owners("accept", "tcp dport 9000-9200 drop\naccept"), "9100/tcp, which promwire needs: table inet mine, chain input: tcp dport 9000-9200 drop; "},
		{"a rule that may drop it", target, owners("accept", "limit rate over 9/second drop\ntcp dport 22 drop"), ""},
		{"a rule that may admit it", target, owners("drop", "meta mark 7 accept"), ""},
		{"a verdict map", target, owners("drop", "iifname vmap { promwire0 : accept }"), ""},
		{"docker", monitor, "table ip filter {\nchain INPUT { type filter hook input priority filter; policy accept;\n}\nchain FORWARD { type filter hook forward priority filter; policy drop;\n}\n}", ""},
		{"fail2ban", target, "table inet f2b-table {\nset addr { type ipv4_addr; elements = { 203.0.113.9 }\n}\nchain f2b-chain { type filter hook input priority filter - 1; " +
			"policy accept;\ntcp dport 22 ip saddr @addr reject with icmp type port-unreachable\n}\n}", ""},
		{"promwire's own", target, "table inet promwire { chain input { type filter hook input priority 0; policy drop;\n}\n}", ""},
		{"nothing", target, "", ""},
		{"a hub beside Docker", hub, docker, "9100/tcp, which promwire needs: table ip filter, chain FORWARD: policy drop; " +
			"run iptables -I DOCKER-USER -i promwire0 -o promwire0 -j ACCEPT"},
		{"a hub that is a member", "mkdir -p /etc/promwire; touch $PERMANENT; " + hub, docker, "9100/tcp, which promwire needs: table ip filter, chain FORWARD"},
		{"a hub that Docker lets forward", hub, strings.Replace(docker, "USER {", `USER {
iifname "promwire0" oifname "promwire0" counter accept`, 1), ""},
		{"a hub that Docker lets forward elsewhere", hub, strings.Replace(docker, "USER {", `USER {
iifname "promwire0" oifname "eth0" counter accept`, 1), "9100/tcp, which"},
		{"a hub where only IPv6 is not forwarded", hub, strings.Replace(strings.Replace(docker, "table ip ", "table ip6 ", 1), "ip daddr 172.17.0.2 ", "", 1), ""},
		{"a hub beside firewalld", hub, forwards(firewalld), "9100/tcp, which promwire needs: table inet firewalld, chain filter_INPUT: reject with icmpx admin-prohibited in chain " +
			"filter_IN_public; run firewall-cmd --permanent --zone=trusted --add-interface=promwire0 and firewall-cmd --reload"},
		{"a hub where firewalld trusts the tunnel", hub, forwards(strings.Replace(firewalld, `  iifname "eth0" goto`, "  iifname \"promwire0\" accept\n"+`  iifname "eth0" goto`, 1)), ""},
		{"a hub with ufw", hub, forwards(admits("")), "9100/tcp, which promwire needs: table ip filter, chain INPUT: policy drop; "},
		{"a hub where the owner forwards nothing", hub, forwards(owners("drop", "iifname eth0 oifname eth1 accept")),
			"9100/tcp, which promwire needs: table inet mine, chain input: policy drop; admit it there, in front of that rule: iifname promwire0 oifname promwire0 tcp dport 9100 accept"},
		{"a hub where the owner may forward it", hub, forwards(owners("drop", "ip daddr 10.98.0.0/24 accept")), ""},
		{"a hub that another firewall lets in", hub, owners("drop", "tcp dport 22 accept"), ""},
		{"an edge, a member, and ufw", "mkdir -p /etc/promwire; touch $PERMANENT; other_edge 10.98.0.3 5432", admits(""), "5432/tcp from 10.98.0.3, which allow admits: table ip filter, chain INPUT: policy drop; "},
		{"an edge that the owner admits", "other_edge 10.98.0.3 5432", owners("drop", "ip saddr 10.98.0.3 tcp dport 5432 accept"), ""},
		{"a member", "mkdir -p /etc/promwire; touch $PERMANENT; " + target, admits(""), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := "nft -f - <<'RULES'\n" + c.rules + "\nRULES\n" + c.call + "; echo done"
			if c.want == "" {
				check(t, text, "done\n", false)
			} else {
				if said := check(t, text, c.want, true); !strings.HasPrefix(said, fails) {
					t.Errorf("it says %q", said)
				}
			}
		})
	}
}
