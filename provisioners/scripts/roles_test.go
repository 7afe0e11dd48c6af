package scripts

import "testing"

// What a host's former role left ends, and what both roles have stays. A second time there is nothing to do.
func TestRoles(t *testing.T) {
	t.Parallel()
	const units = `
systemctl() { :; }
mkdir -p $UNIT_FOLDER $CLUSTERS $PROMETHEUS_TLS $AUTHORITY/hosts/web $TEXTFILES $CONFIG_FOLDER $TURNING
made_of() { for file; do put "$file" 644 <<<text; done; }
made_of $PARTS/peer-monitor.conf $PARTS/interface.conf $UNIT_FOLDER/$TUNNEL $UNIT_FOLDER/promwire-watch.timer /etc/wireguard/promwire0.key
`
	const monitor = units + `
made_of $PARTS/peer-web.conf $PARTS/peer-kube.cluster.conf $TARGETS/web.node.json $TARGETS/_monitor.node.json $CLUSTERS/kube.yml $PROMETHEUS_TLS/key.pem
made_of $UNIT_FOLDER/$PROMETHEUS_UNIT $UNIT_FOLDER/$RENEW_TIMER $UNIT_FOLDER/pushgateway.service $UNIT_FOLDER/blackbox_exporter.service
echo secret >$AUTHORITY/hosts/web/key; touch $TURNING/web.node.json
`
	const hub = units + `
ip link add promwire0 type bridge; echo 1 >/proc/sys/net/ipv4/conf/promwire0/forwarding
load_tunnel() { :; }
put $INTERFACE_PART 600 <<<"PostUp = forwards"
printf '[Peer]\nPublicKey = dialed\n' | put $PARTS/peer-monitor.conf 644
made_of $PARTS/peer-web.conf $PARTS/peer-monitor-1.conf
`
	const target = units + `
put $PARTS/peer-monitor.conf 644 <<<"Endpoint = 203.0.113.1:51820"
made_of $UNIT_FOLDER/$FENCE_TIMER $UNIT_FOLDER/$FENCE_SOCKET $FENCE_METRICS $UNIT_FOLDER/$RECEIVER $UNIT_FOLDER/promwire-relay-8080.socket
`
	const left = `
find /etc /var/lib -type f | grep -v '^/etc/alternatives\|^/etc/passwd\|^/etc/group\|^/var/lib/promwire' | sort
grep ' /' $STATE/manifest | grep file | sort | wc -l
`
	const both = "/etc/systemd/system/promwire-watch.timer\n/etc/systemd/system/wg-quick@promwire0.service\n"
	for _, c := range []struct{ name, text, left string }{
		{
			"a monitor becomes a target", monitor + "not_monitor" + left,
			both + "/etc/wireguard/promwire0.conf\n/etc/wireguard/promwire0.d/interface.conf\n/etc/wireguard/promwire0.d/peer-monitor.conf\n/etc/wireguard/promwire0.key\n6\n",
		},
		{
			"a target becomes the monitor", target + "not_target" + left,
			both + "/etc/wireguard/promwire0.d/interface.conf\n/etc/wireguard/promwire0.key\n4\n",
		},
		{
			"a hub becomes a target", hub + "only_dials" + left + "cat $TUNNEL_CONFIG /proc/sys/net/ipv4/conf/promwire0/forwarding",
			both + "/etc/wireguard/promwire0.conf\n/etc/wireguard/promwire0.d/interface.conf\n/etc/wireguard/promwire0.d/peer-monitor.conf\n/etc/wireguard/promwire0.key\n6\n" +
				"PostUp = forwards\nPrivateKey = text\n\n[Peer]\nPublicKey = dialed\n0\n",
		},
		{"a hub that became a target stays one", hub + "only_dials; CHANGED=(); only_dials; echo ${#CHANGED[@]}", "0\n"},
		{"a hub stays one", hub + "CHANGED=(); not_monitor; echo ${#CHANGED[@]}", "0\n"},
		{"a target stays one", target + "CHANGED=(); not_monitor; only_dials; echo ${#CHANGED[@]}", "0\n"},
		{"a monitor stays one", monitor + "CHANGED=(); not_target; echo ${#CHANGED[@]}", "0\n"},
		{"a second time", monitor + "not_monitor; CHANGED=(); not_monitor; not_target; echo ${#CHANGED[@]}", "0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, ok := run(t, c.text)
			if !ok || said != c.left {
				t.Errorf("succeeded: %v, said:\n%s\nwant:\n%s", ok, said, c.left)
			}
		})
	}
}

// A machine is one host of one fleet, and only that host's undo removes anything.
func TestIdentity(t *testing.T) {
	t.Parallel()
	const (
		systemd = "systemctl() { :; }\n"
		of      = systemd + "put /mnt/a 644 <<<x; record_host prod target\n"
		undo    = "; undo_all prod target 2>&1; ls /mnt"
		again   = "HOST=other; WANTED=apply record_host prod target" // under another name
	)
	for _, c := range []struct {
		name, text, said string
		fails            bool
	}{
		{"its own undo", of + "undo_all prod target; ls /mnt; ls -A /var/lib; echo none", "none\n", false},
		{"another name", of + "HOST=other; record_host prod target; HOST=host" + undo, "another host (name, fleet, role): other prod target; nothing is undone\na\n", false},
		{"another role", of + "record_host prod monitor" + undo, "another host (name, fleet, role): host prod monitor; nothing is undone\na\n", false},
		{"another fleet", of + "record_host staging target" + undo, "another host (name, fleet, role): host staging target; nothing is undone\na\n", false},
		{"as an earlier version recorded it", of + "rm $STATE/fleet; undo_all prod target; ls /mnt; echo none", "none\n", false},
		{"another one, as an earlier version recorded it", of + "rm $STATE/fleet; echo other >$STATE/host" + undo, "other prod target; nothing is undone\na\n", false},
		{"twice on the list", of + again + "; undo_all prod target 2>&1; ls /mnt; cat $STATE/host $STATE/fleet; HOST=host; undo_all prod target; ls /mnt; echo none",
			"again what it was before, the host host; nothing is undone\na\nhost\nprod target\nnone\n", false},
		{"three times on the list", of + again + "; HOST=third; WANTED=apply record_host prod target; undo_all prod target; HOST=other; undo_all prod target 2>&1; ls /mnt; cat $STATE/host",
			"nothing is undone\na\nhost\n", false},
		{"twice on the list, and tried again", of + again + "; WANTED=update record_host prod target; undo_all prod target; cat $STATE/host", "host\n", false},
		{"a new name, whose converge failed", of + again + "; plan() { :; }; ask_first plan; undo_all prod target 2>&1; cat $STATE/host $STATE/fleet",
			"the host host again; converge of other had begun here, so run pulumi up --replace with the URN of host-converge\nhost\nprod target\n", false},
		{"a new name, which has converged", of + again + "; keep_receipt '' 3>/dev/null; undo_all prod target; ls /mnt; echo none", "none\n", false},
		{"a new name, and the former one is gone", of + again + "; HOST=host; undo_all prod target; HOST=other; undo_all prod target; ls /mnt; echo none", "none\n", false},
		{"two that swap machines", of + "HOST=other; WANTED=update record_host prod target; undo_all prod target; ls /mnt; echo none", "none\n", false},
		{"nothing was recorded", systemd + "put /mnt/a 644 <<<x; undo_all prod target; ls /mnt; echo none", "none\n", false},
		{"no other fleet", "refuse_other_fleets prod; echo in", "in\n", false},
		{"its own fleet", of + "refuse_other_fleets prod; echo in", "in\n", false},
		{"a longer name", of + "refuse_other_fleets prod-2", "host: verb: it is the host host of the fleet prod; remove it there", true},
		{"a shorter name", of + "refuse_other_fleets pro", "run rm /var/lib/promwire/fleet on this machine. Then run pulumi up again", true},
		{"a fleet that is gone for good", of + "rm $STATE/fleet; refuse_other_fleets staging; record_host staging target" + undo, "staging target; nothing is undone\na\n", false},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.text, c.said, c.fails) })
	}
}
