package scripts

import (
	"strings"
	"testing"
)

// clusters is a monitor whose Prometheus runs, with a promtool that refuses any file of a cluster with "broken" in it, and a systemctl
// that logs what is reloaded.
const clusters = `
PATH=/mnt/bin:$PATH
mkdir -p /mnt/bin /etc/prometheus/clusters.d /etc/prometheus/rules.d
printf '%s\n' '#!/bin/sh' 'echo "$2" >>/mnt/checked' 'grep -q "^scrape_config_files: " "$3" || exit 2' \
  '! grep broken "$(cut -d\" -f2 "$3")"' >/mnt/bin/promtool
printf '%s\n' '#!/bin/sh' '[ "$1" != is-active ] || exec test -e /mnt/runs' '[ "$1" != reload ] || echo "$2" >>/mnt/reloaded' >/mnt/bin/systemctl
chmod 755 /mnt/bin/*
touch /mnt/runs
put /etc/prometheus/prometheus.yml 644 <<<"global:"
reload_prometheus
: >/mnt/reloaded
reloads() { echo "reloads: $(wc -l </mnt/reloaded)"; }
files() { ls -A /etc/prometheus/clusters.d | xargs; }
CHANGED=()
`

// TestFederate adds, changes and removes clusters.
func TestFederate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
		fails      bool
	}{
		{"a cluster is added", `federate a <<<one; cat /etc/prometheus/clusters.d/a.yml; stat -c %a /etc/prometheus/clusters.d/a.yml; reloads; cat /mnt/checked`,
			"one\n644\nreloads: 1\nconfig\n", false},
		{"a second run changes nothing", `federate a <<<one; CHANGED=(); federate a <<<one; echo "changed: ${CHANGED[*]}"; reloads`, "changed: \nreloads: 1\n", false},
		{"another text is read again", `federate a <<<one; federate a <<<two; reloads; cat /etc/prometheus/clusters.d/a.yml`, "reloads: 2\ntwo\n", false},
		{"two clusters", `federate a <<<one; federate b <<<one; files; reloads`, "a.yml b.yml\nreloads: 2\n", false},
		{"a broken text is refused, and says why", `federate a <<<"broken line"`,
			"broken line\npromwire: host: verb: /etc/prometheus/clusters.d/a.yml: check_federation refuses its new text (see its reason above); the old one stays", true},
		{"and the old one stays", `federate a <<<one; (federate a <<<broken) || true; cat /etc/prometheus/clusters.d/a.yml; files; ls $RUN; reloads`,
			"one\na.yml\nlock\nreloads: 1\n", false},
		{"a cluster is removed", `federate a <<<one; unfederate a; files; reloads; recorded file /etc/prometheus/clusters.d/a.yml || echo forgotten`,
			"\nreloads: 2\nforgotten\n", false},
		{"nobody goes", `unfederate a; echo "changed: ${CHANGED[*]}"; reloads`, "changed: \nreloads: 0\n", false},
		{"one is removed, the other stays", `federate a <<<one; federate b <<<two; unfederate a; files`, "b.yml\n", false},
		{"a Prometheus that does not run is not reloaded", `rm /mnt/runs; federate a <<<one; files; reloads`, "a.yml\nreloads: 0\n", false},
		{"and reads it when it runs", `rm /mnt/runs; federate a <<<one; touch /mnt/runs; federate a <<<one; reloads`, "reloads: 1\n", false},
		{"one that was just restarted has read it", `RESTARTED=(prometheus.service); federate a <<<one; reloads; RESTARTED=(); federate a <<<one; reloads`,
			"reloads: 0\nreloads: 0\n", false},
		{"a file of somebody else's", `echo >/etc/prometheus/clusters.d/a.yml; federate a <<<one`, "exists already and is not promwire's", true},
		{"an end with its address replaces it", `put "$PARTS/peer-a.cluster.conf" 600 <<<"AllowedIPs = 10.98.0.3/32"; federate a <<<one
remove_conflicts b key 10.98.0.3/32; files; reloads`, "a.cluster had this key or address, and is removed\n\nreloads: 2\n", false},
		{"a target takes its name", `put "$PARTS/peer-a.cluster.conf" 600 <<<"AllowedIPs = 10.98.0.3/32"; federate a <<<one
remove_conflicts a key 10.98.0.3/32; put "$PARTS/peer-a.conf" 600 <<<"AllowedIPs = 10.98.0.3/32"; remove_peer a.cluster; unfederate a; files; ls "$PARTS"`, "\n\npeer-a.conf\n", false},
		{"it takes a target's name", `put "$PARTS/peer-a.conf" 600 <<<"AllowedIPs = 10.98.0.3/32"
remove_conflicts a.cluster key 10.98.0.3/32; put "$PARTS/peer-a.cluster.conf" 600 <<<"AllowedIPs = 10.98.0.3/32"; federate a <<<one
remove_peer a; files; ls "$PARTS"`, "a.yml\npeer-a.cluster.conf\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, clusters+c.text, c.said, c.fails)
		})
	}
}

// TestForwarding turns it on where it is off, only for the tunnel.
func TestForwarding(t *testing.T) {
	t.Parallel()
	const switches = `ip link add promwire0 type bridge
echo 0 >/proc/sys/net/ipv4/conf/all/forwarding # a new network may have what this machine has
all() { cat /proc/sys/net/ipv4/conf/{promwire0,lo,all}/forwarding | xargs; }
before=$(all); echo "before: $before"; `
	said, ok := run(t, switches+`forwarding; echo "after: $(all), changed: ${CHANGED[*]}"; CHANGED=(); forwarding; echo "again: ${#CHANGED[@]}"`)
	if !ok || !strings.Contains(said, "before: 0 0 0\nafter: 1 0 0, changed: promwire0 forwarding\nagain: 0\n") {
		t.Errorf("it succeeded: %v, said:\n%s", ok, said)
	}
}
