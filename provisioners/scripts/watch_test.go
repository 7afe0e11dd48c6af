package scripts

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/nftables"
)

// watched is a target whose tunnel, firewall and units are as they must be, and that was looked at once. Its WireGuard and systemd are
// files: /mnt/key is what the interface has, /mnt/states has a unit's state; units that are restarted become active and are listed in
// /mnt/restarted. The bridge is an interface that every kernel has.
const watched = `
mkdir /mnt/bin /mnt/states; mount --bind /mnt/bin /usr/local/sbin; hash -r # first in the PATH that begin sets
cat >/mnt/bin/systemctl <<'END'
#!/bin/bash
verb=$1
shift
if [ "${1-}" = --quiet ]; then shift; exec >/dev/null; fi
state() { cat "/mnt/states/$1" 2>/dev/null || echo inactive; }
case $verb in
is-active) for unit in "$@"; do state "$unit"; [ "$(state "$unit")" != active ] || exit 0; done; exit 3 ;;
is-failed) [ "$(state "$1")" = failed ] ;;
daemon-reload) echo "read again" >>/mnt/read ;;
start) [ "$1" = promwire-lookup.service ] && [ -e /mnt/dns ] && sed 's/:[0-9]*$/ STREAM/' /mnt/dns >/run/promwire/endpoint ;;
show) for unit in "${@:5}"; do printf 'Id=%s\nUnitFileState=%s\n\n' "$unit" "$(cat "/mnt/states/$unit.boot" 2>/dev/null || echo enabled)"; done ;;
restart) echo "$1" >>/mnt/restarted; [ ! -e "/mnt/states/$1.broken" ] || exit 1
  echo active >"/mnt/states/$1"; [[ $1 != wg-quick* ]] || /mnt/bin/tunnel-up ;;
esac
END
printf '#!/bin/bash\necho "$*" | tr "\n" " " >>/mnt/run\n' >/mnt/bin/systemd-run
cat >/mnt/bin/tunnel-up <<'END'
#!/bin/bash
ip link add promwire0 type bridge 2>/dev/null || true
ip link set promwire0 up; echo own >/mnt/key
ip address add 10.98.0.2/24 dev promwire0 2>/dev/null || true
END
cat >/mnt/bin/wg <<'END'
#!/bin/bash
case $1,$3 in
pubkey,) cat ;;
show,public-key) cat /mnt/key ;;
show,latest-handshakes) printf 'monitor\t%s\n' "$(cat /mnt/handshake)" ;;
show,endpoints) printf 'monitor\t%s\n' "$(cat /mnt/endpoint)" ;;
set,peer) echo "$6" >/mnt/endpoint ;;
esac
END
chmod +x /mnt/bin/*
echo own >/etc/wireguard/promwire0.key
printf '# m\n[Peer]\nPublicKey = monitor\nEndpoint = monitor.example.net:51820\n' >$PARTS/peer-monitor.conf
date +%s >/mnt/handshake; echo 198.51.100.1:51820 >/mnt/endpoint
for unit in wg-quick@promwire0.service node_exporter.service; do echo active >/mnt/states/$unit; record unit $unit; done
mkdir -p $CONFIG_FOLDER $TEXTFILES; echo host >$STATE/host
cat >$PERMANENT <<'END'
RULES
END
tunnel-up; nft --file $PERMANENT
exec 9>&-
look() { bash /mnt/watch $TEXTFILES/w.prom 10.98.0.2/24 3>&- 2>&1 || echo "failed: $?"; }
seen() { grep '^promwire_[hd].* [^0]' $TEXTFILES/w.prom || echo nothing; } # what it healed, and what it could not
table() { nft --stateless list table inet promwire; }
right=$(table)
look; seen
`

// TestWatch breaks one thing after the other.
func TestWatch(t *testing.T) {
	t.Parallel()
	const good = "nothing\n"
	rules := nftables.Ruleset{SSHPort: 22, Tunnel: "promwire0", Open: []nftables.Opening{nftables.Port(80, "tcp")},
		Scraped: []int{19100}, Monitor: []netip.Prefix{netip.MustParsePrefix("10.98.0.1/32")}}
	begin := installed + Functions().text + "LIBRARY\nmkdir -p /etc/wireguard\ncat >/mnt/watch <<'WATCH'\n" + Watch + "WATCH\n" +
		strings.Replace(watched, "RULES\n", rules.Render(), 1)
	for _, c := range []struct{ name, text, said string }{
		{"all is well", "look; seen; ls /mnt/restarted || true; [ \"$(table)\" = \"$right\" ]", good + good + "ls: "},
		{"an update ended before systemd read its links", ": >$RUN/unread; look; seen; look; cat /mnt/read", good + good + "read again\n"},
		{"it says when it looked", "sed 's/ [0-9]*$/ T/' $TEXTFILES/w.prom | grep last_run", good + "# HELP promwire_watch_last_run_timestamp_seconds"},
		{"its link is gone", "ip link delete promwire0; look; seen; ip -o address show promwire0 | grep -o 'inet [^ ]*'; look; seen",
			`promwire_healed_total{what="tunnel"} 1` + "\ninet 10.98.0.2/24\n" + `promwire_healed_total{what="tunnel"} 1` + "\n"},
		{"another tunnel of that name", "echo other >/mnt/key; look; cat /mnt/restarted; seen", "wg-quick@promwire0.service\n" + `promwire_healed_total{what="tunnel"} 1`},
		{"its process does not answer", `printf '#!/bin/bash\n[ $1 = pubkey ] && cat || { [ -e /mnt/restarted ] && echo own || sleep 60; }\n' >/mnt/bin/wg; look; seen`,
			`promwire_healed_total{what="tunnel"} 1`},
		{"it does not come back", "ip link delete promwire0; touch /mnt/states/wg-quick@promwire0.service.broken; look; seen",
			"is gone, and wg-quick@promwire0.service does not bring it back; see journalctl -u wg-quick@promwire0.service\n" + `promwire_drift{what="tunnel"} 1`},
		{"somebody stopped it", "ip link delete promwire0; echo inactive >/mnt/states/wg-quick@promwire0.service; look; seen; ls /mnt/restarted || true",
			`promwire_drift{what="tunnel"} 1` + "\nls: "},
		{"it starts just now", "ip link delete promwire0; echo activating >/mnt/states/wg-quick@promwire0.service; look; seen; ls /mnt/restarted || true",
			"wg-quick@promwire0.service is activating; see journalctl -u wg-quick@promwire0.service\n" + `promwire_drift{what="tunnel"} 1` + "\nls: "},
		{"its unit failed", "ip link delete promwire0; echo failed >/mnt/states/wg-quick@promwire0.service; look; seen", `promwire_healed_total{what="tunnel"} 1`},
		{"its link is down", "ip link set promwire0 down; look; seen; ip link show promwire0 up | grep -o UP, | head -1", `promwire_healed_total{what="tunnel"} 1` + "\nUP,"},
		{"its address is gone", "ip address flush dev promwire0; look; seen; ip -o address show promwire0 | grep -o 'inet [^ ]*'; look; seen",
			`promwire_healed_total{what="address"} 1` + "\ninet 10.98.0.2/24\n" + `promwire_healed_total{what="address"} 1` + "\n"},
		{"an address more", "ip address add 10.98.0.7/24 dev promwire0; look; seen; ip -o address show promwire0 | grep -o 'inet [^ ]*'",
			`promwire_healed_total{what="address"} 1` + "\ninet 10.98.0.2/24\n"},
		{"an address that can't be", `ip address flush dev promwire0; printf '#!/bin/bash\n[ "$1 $2" != "address add" ] && exec /usr/sbin/ip "$@"\n' >/mnt/bin/ip; chmod +x /mnt/bin/ip; look; seen`,
			"promwire0 can't have its addresses 10.98.0.2/24; see ip address show promwire0\n" + `promwire_drift{what="address"} 1`},

		{"it forwards", `echo 'PostUp = echo 1' >$INTERFACE_PART; sw=/proc/sys/net/ipv4/conf/promwire0/forwarding; echo 1 >/proc/sys/net/ipv4/ip_forward; look; seen; echo 0 >/proc/sys/net/ipv4/ip_forward; look; seen; cat $sw /proc/sys/net/ipv4/ip_forward`,
			good + good + "promwire: host: watch: healed: promwire0 forwarded nothing; find out what set net.ipv4.ip_forward\n" + `promwire_healed_total{what="tunnel"} 1` + "\n1\n0\n"},
		{"it can't forward", `echo 'PostUp = echo 1' >$INTERFACE_PART; mount -o bind,ro /proc/sys /proc/sys; echo 0 >/mnt/0; mount --bind /mnt/0 /proc/sys/net/ipv4/conf/promwire0/forwarding; mount -o remount,bind,ro /proc/sys/net/ipv4/conf/promwire0/forwarding; look; seen`,
			"promwire0 does not forward; see sysctl net.ipv4.conf.promwire0.forwarding\n" + `promwire_drift{what="tunnel"} 1`},
		{"it need not forward", `echo 0 >/proc/sys/net/ipv4/conf/promwire0/forwarding; look; seen; cat /proc/sys/net/ipv4/conf/promwire0/forwarding`, good + good + "0\n"},

		{"its table is gone", `nft delete table inet promwire; look; seen; [ "$(table)" = "$right" ] && echo right; look; seen`,
			`promwire_healed_total{what="firewall"} 1` + "\nright\n" + `promwire_healed_total{what="firewall"} 1` + "\n"},
		{"all tables were flushed", `nft flush ruleset; look; seen; [ "$(table)" = "$right" ] && echo right`, `promwire_healed_total{what="firewall"} 1` + "\nright\n"},
		{"a rule more", `nft insert rule inet promwire input tcp dport 9100 accept; look; seen; [ "$(table)" = "$right" ] && echo right`, `promwire_healed_total{what="firewall"} 1` + "\nright\n"},
		{"a rule less", `nft flush chain inet promwire forward; look; seen; [ "$(table)" = "$right" ] && echo right`, `promwire_healed_total{what="firewall"} 1` + "\nright\n"},
		{"another policy", `nft chain inet promwire input '{ policy accept; }'; look; seen; [ "$(table)" = "$right" ] && echo right`, `promwire_healed_total{what="firewall"} 1` + "\nright\n"},
		{"packets were counted", `nft add rule inet promwire input counter; nft --file $PERMANENT; look; seen`, good + good},
		{"nft lists it in another way now", `echo former >$STATE/firewall.listed; look; seen; look; seen`, good + good + good},
		{"before it ever looked", `rm $STATE/firewall.listed; nft delete table inet promwire; look; seen`, `promwire_healed_total{what="firewall"} 1`},
		{"the monitor may still scrape as before", `still_admit $FORMER_SET 9100; look; seen; admitted $SCRAPED_SET $FORMER_SET`, good + good + "9100\n19100\n"},
		{"it scrapes another port", `nft add element inet promwire scraped_ports '{ 9100 }'; look; seen; admitted $SCRAPED_SET`, `promwire_healed_total{what="firewall"} 1` + "\n19100\n"},
		{"on trial", `echo active >/mnt/states/promwire-rollback.timer; nft add rule inet promwire input tcp dport 80 accept; look; seen; table | grep -c 'dport 80'`, good + good + "2\n"},
		{"going back", `echo active >/mnt/states/promwire-rollback.service; nft delete table inet promwire; look; seen`, good + good},
		{"never confirmed", `rm $PERMANENT; nft delete table inet promwire; look; seen`, good + good},
		{"its file was edited", `sed -i 's/dport 80/dport 81/' $PERMANENT; nft delete table inet promwire; look; seen; table 2>/dev/null || echo none`,
			"was edited and is not loaded; run this host's converge again with pulumi up --replace\n" + `promwire_drift{what="firewall"} 1` + "\nnone\n"},
		{"it can't be loaded", `printf '#!/bin/bash\n[ "$1" != --file ] && exec /usr/sbin/nft "$@"\n' >/mnt/bin/nft; chmod +x /mnt/bin/nft; nft delete table inet promwire; look; seen`,
			`promwire_drift{what="firewall"} 1`},

		{"a bridge leads outside now", `printf '#!/bin/bash\nexit 1\n' >/mnt/bin/chown; chmod +x /mnt/bin/chown # as its sandbox has it
ip link add br7 type bridge; ip link add v7 type vxlan id 7 dstport 4789; ip link set v7 master br7; look; seen
nft list set inet promwire uplinks | grep -o br7; ip link delete v7; look; nft list set inet promwire uplinks | grep -c br7 || true; seen`,
			good + "promwire: host: watch: other bridges lead outside now; see /etc/promwire/uplinks.nft\n" + good + "br7\n" +
				"promwire: host: watch: other bridges lead outside now; see /etc/promwire/uplinks.nft\n0\n" + good},

		{"a unit failed", `echo failed >/mnt/states/node_exporter.service; look; seen; cat /mnt/restarted; look; seen`,
			`promwire_healed_total{what="unit"} 1` + "\nnode_exporter.service\n" + `promwire_healed_total{what="unit"} 1` + "\n"},
		{"it does not start", `echo failed >/mnt/states/node_exporter.service; touch /mnt/states/node_exporter.service.broken; look; seen; rm /mnt/states/*.broken; look; seen`,
			`promwire_drift{what="unit"} 1` + "\npromwire: host: watch: healed: node_exporter.service had failed\n" + `promwire_healed_total{what="unit"} 1` + "\n"},
		{"a unit that is not recorded", `echo failed >/mnt/states/other.service; look; seen`, good + good},
		{"a unit that somebody stopped", `echo inactive >/mnt/states/node_exporter.service; look; seen`, good + good},

		{"files are gone", `touch /mnt/here; ln -s nowhere /mnt/link; for file in /mnt/here /mnt/link /mnt/gone $PERMANENT; do record file $file; done
rm $PERMANENT; look; seen; touch /mnt/gone $PERMANENT; look 2>/dev/null | grep -c gone || true`,
			"promwire: host: watch: gone: /mnt/gone /etc/promwire/firewall.nft; run this host's converge again with pulumi up --replace\n" + `promwire_drift{what="file"} 1` + "\n0\n"},
		{"files are gone where it can't look", `mkdir -p /mnt/private/deep /mnt/open; touch /mnt/private/deep/key; chown 1:1 /mnt/private; chmod 700 /mnt/private
for file in /mnt/private/deep/key /mnt/open/none/gone $TEXTFILES/promwire_fence.prom; do record file $file; done
setpriv --bounding-set=-dac_override,-dac_read_search bash /mnt/watch $TEXTFILES/w.prom 10.98.0.2/24 3>&- 2>&1; rm -r /mnt/private; look`,
			good + "promwire: host: watch: gone: /mnt/open/none/gone; run this host's converge again with pulumi up --replace\n" +
				"promwire: host: watch: gone: /mnt/private/deep/key /mnt/open/none/gone; run"},
		{"units do not start at boot", `echo disabled >/mnt/states/node_exporter.service.boot; look; seen; echo enabled >/mnt/states/node_exporter.service.boot; look; seen`,
			"watch: not started at boot any more: node_exporter.service; run systemctl unmask node_exporter.service, then systemctl enable node_exporter.service\n" + `promwire_drift{what="boot"} 1` + "\n" + good},
		{"masked", `echo masked >/mnt/states/node_exporter.service.boot; look; seen`, `promwire_drift{what="boot"} 1`},
		{"until the next boot only", `echo enabled-runtime >/mnt/states/node_exporter.service.boot; look; seen`, `promwire_drift{what="boot"} 1`},
		{"a unit's file is gone", `echo >/mnt/states/node_exporter.service.boot; look; seen`, `promwire_drift{what="boot"} 1`},
		{"a unit that others start", `echo static >/mnt/states/node_exporter.service.boot; look; seen`, good + good},

		{"silent, and the name has another address", `echo 1 >/mnt/handshake; echo 198.51.100.2:51820 >/mnt/dns; look; seen; cat /mnt/endpoint`,
			`promwire_healed_total{what="endpoint"} 1` + "\n198.51.100.2:51820\n"},
		{"silent, and the name has an IPv6 address now", `echo 1 >/mnt/handshake; echo 2001:db8::5:51820 >/mnt/dns; look; seen; cat /mnt/endpoint`,
			`promwire_healed_total{what="endpoint"} 1` + "\n[2001:db8::5]:51820\n"},
		{"silent from the beginning, as after a boot", `echo 0 >/mnt/handshake; echo 198.51.100.2:51820 >/mnt/dns; look; seen; cat /mnt/endpoint`, good + "198.51.100.2:51820\n"},
		{"silent, and the name has the same address", `echo 1 >/mnt/handshake; cp /mnt/endpoint /mnt/dns; look; seen`, good + good},
		{"not silent", `echo 198.51.100.2:51820 >/mnt/dns; look; seen; cat /mnt/endpoint`, good + good + "198.51.100.1:51820\n"},
		{"silent, and the name can't be looked up", `echo 1 >/mnt/handshake; look; seen`, `promwire_drift{what="endpoint"} 1`},
		{"an address is no name", `echo 1 >/mnt/handshake; sed -i 's/monitor.example.net/198.51.100.1/' $PARTS/peer-monitor.conf; look; seen; sed -i 's/198.51.100.1/[2001:db8::a]/' $PARTS/peer-monitor.conf; look; seen`,
			good + good + good},
		{"a peer that it does not have", `echo 1 >/mnt/handshake; sed -i 's/= monitor$/= other/' $PARTS/peer-monitor.conf; look; seen`, good + good},

		{"a former unit's end was lost", `mkdir -p $UNIT_FOLDER; touch $UNIT_FOLDER/old.service; record file $UNIT_FOLDER/old.service; echo old.service >$STATE/retiring; look; cat /mnt/run | grep -o 'promwire-retire .* host old.service'; cat $STATE/retiring`,
			"promwire-retire --on-active 120s"},
		{"a former unit ends soon", `mkdir -p $UNIT_FOLDER; touch $UNIT_FOLDER/old.service; record file $UNIT_FOLDER/old.service; echo old.service >$STATE/retiring; echo active >/mnt/states/promwire-retire.timer; look; ls /mnt/run || true`,
			good + "ls: "},
		{"a former unit has ended", `echo old.service >$STATE/retiring; look; ls /mnt/run $STATE/retiring || true`, "ls: cannot access '/mnt/run': No such file or directory\nls: cannot access '/var/lib/promwire/retiring'"},
		{"a turn was lost", `mkdir -p $TURNING; echo '[]' >$TURNING/b.node.json; look; grep -o 'promwire-turn-[^ ]*' /mnt/run`, "promwire-turn-b.node\n"},
		{"a turn goes on", `mkdir -p $TURNING; echo '[]' >$TURNING/b.node.json; echo active >/mnt/states/promwire-turn-b.node.service; look; ls /mnt/run || true`, good + "ls: "},

		{"outside the tunnel", `ip link delete promwire0; bash /mnt/watch $TEXTFILES/w.prom 3>&-; seen; ls /mnt/restarted || true`, good + good + "ls: "},
		{"an update is at work", `sed -i 's/^\(promwire_watch_last.*\) .*/\1 1/' $TEXTFILES/w.prom; nft delete table inet promwire; exec 9>$RUN/lock; flock 9
look; seen; grep -c '^promwire_watch_last.* [0-9]\{9\}' $TEXTFILES/w.prom; table 2>/dev/null || echo none`, good + good + "1\nnone\n"},
		{"two faults at once, and again", `for i in 1 2; do nft flush ruleset; ip link delete promwire0; look >/dev/null; done; seen`,
			`promwire_healed_total{what="tunnel"} 2` + "\n" + `promwire_healed_total{what="firewall"} 2` + "\n"},
		{"after a boot", `rm -r $RUN; look; seen; stat -c %a $RUN`, good + good + "700\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := check(t, begin+c.text, c.said, false)
			if strings.Contains(said, "failed: ") {
				t.Errorf("it failed:\n%s", said)
			}
		})
	}
}
