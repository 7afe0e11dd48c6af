package scripts

import (
	"strings"
	"testing"
)

// used is a machine in use, with a systemd that writes down what it is asked for.
const used = `
mkdir -p /mnt/bin /etc/systemd/system /etc/sysusers.d
printf '#!/bin/sh\necho "$@" >>/mnt/asked\n[ "$1" != is-enabled ] || { cat /mnt/enabled 2>/dev/null && false; }\n[ "$1" != is-active ]\n' >/mnt/bin/systemctl
chmod 755 /mnt/bin/systemctl
PATH=/mnt/bin:$PATH
BINARIES=/mnt RELEASES=/mnt/releases
UNITS=$UNIT_FOLDER
theirs() { mkdir -p "$(dirname "$1")" && echo theirs >"$1"; }
`

// planned is a plan that begins as all do; what it would change shows in /mnt/asked and in the files.
const planned = `
use() { :; }
apply() {
use host converge
ask_first apply
space 999999999 /etc
packages nothing-of-this-name
dir /etc/wireguard 700
with_sandbox put /etc/systemd/system/node_exporter.service 644 check_unit <<<unit
from_library x put /usr/local/lib/promwire/x 755
user nobody-new
link_release node_exporter 1 node_exporter
web yes admin
pushers backup
scrape _monitor.node http://a <<<json
dir /var/lib/prometheus 750 prometheus
service node_exporter.service
keep_receipt
}
text_x() { echo x; }
`

func TestAskFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		said       string
		fails      bool
	}{
		{"nothing is in the way, and nothing is changed", `find /etc /usr/local/lib /var/lib /run | sort >/mnt/1; ask_first apply
find /etc /usr/local/lib /var/lib /run | sort | diff /mnt/1 - && ls /mnt | xargs`, "1 bin\n", false},
		{"all that is in the way is named at once, and stays", `for f in $UNITS/node_exporter.service /mnt/node_exporter /etc/prometheus/{web,promtool}.yml /etc/prometheus/curl.conf \
  /etc/pushgateway/backup.password /etc/prometheus/targets.d/_monitor.node.json /var/lib/prometheus/wal; do theirs "$f"; done
find /etc /usr/local/lib /var/lib /run | sort >/mnt/1
(ask_first apply) || true; find /etc /usr/local/lib /var/lib /run | sort | diff /mnt/1 - && echo unchanged`,
			"promwire: host: verb: /etc/prometheus/curl.conf, /etc/prometheus/promtool.yml, /etc/prometheus/targets.d/_monitor.node.json, " +
				"/etc/prometheus/web.yml, /etc/pushgateway/backup.password, /etc/systemd/system/node_exporter.service, /mnt/node_exporter, " +
				"/var/lib/prometheus (with data of somebody else's) exists already and is not promwire's; move it away, or leave this host out of the fleet\nunchanged\n", false},
		{"a file that another function writes", `theirs /etc/prometheus/rules.yml; apply() { muted Healed -- put /etc/prometheus/rules.yml 644 <<<x; }; ask_first apply`,
			"/etc/prometheus/rules.yml exists already", true},
		{"what is recorded is not in the way", `put $UNITS/node_exporter.service 644 <<<older; record unit prometheus.service; theirs /var/lib/prometheus/wal
ask_first apply; echo done`, "done\n", false},
		{"a configuration that is fitted to the disk", `apply() { retention fit 1GB put /etc/prometheus/prometheus.yml 644 <<<new; }
theirs /etc/prometheus/prometheus.yml; ask_first apply`, "/etc/prometheus/prometheus.yml exists already", true},
		// id is a function here, and so asks ask_id while the plan is asked.
		{"a service's account with an ID of people's", `apply() { user prometheus; }; ask_id() { echo 1001; }; id() { :; }; ask_first apply`,
			"the user prometheus has the user ID 1001, as people have", true},
		{"a service's account of its own kind", `apply() { user prometheus; }; ask_id() { echo 999; }; id() { :; }; ask_first apply; echo done`, "done\n", false},
		{"a link to nowhere", `ln -s /nowhere $UNITS/node_exporter.service; ask_first apply`, "node_exporter.service exists already", true},
		{"a package's unit", `mkdir -p /run/systemd/system; echo >/run/systemd/system/node_exporter.service; ask_first apply`,
			"/run/systemd/system/node_exporter.service (of a package to remove) exists already", true},
		{"an empty volume", `mkdir -p /var/lib/prometheus/lost+found; ask_first apply; echo done`, "done\n", false},
		{"a directory where everybody may write", `chmod 777 /etc/wireguard; ask_first apply`, "/etc/wireguard (no directory, or everybody may write there) exists", true},
		{"a directory of somebody else", `chown nobody /etc/wireguard; ask_first apply`, "/etc/wireguard (of nobody, not of root) exists already", true},
		{"an exporter that the owner runs", `systemctl() { :; }; apply() { refuse_owners_exporter x.service x; dir /mnt/made 755; }
(ask_first apply) || ls /mnt | xargs`, "x.service of the package x is the owner's and runs already; remove it from this host's exporters and list its port under scrape, " +
			"or disable it (systemctl disable --now x.service)\nbin\n", false},
		{"an exporter that the owner masked", `echo masked >/mnt/enabled; refuse_owners_exporter x.service x`, "x.service of the package x is masked by the owner", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, used+planned+c.text, c.said, c.fails)
		})
	}
}

// TestOwnersThings: what promwire did not make, it does not remove, and what it changed is as it was after an undo.
func TestOwnersThings(t *testing.T) {
	t.Parallel()
	// All units are enabled, and ends prints how they were ended.
	const enabled = `systemctl() { echo "$@" >>/mnt/asked; }
ends() { grep -E '^(stop|disable) .*a.service' /mnt/asked; }
`
	for _, c := range []struct{ name, text, said string }{
		{"a unit", `theirs $UNITS/node_exporter.service; remove_unit node_exporter.service; stop_later node_exporter.service; retire node_exporter.service
cat $UNITS/node_exporter.service; cat /mnt/asked | grep node_exporter || echo untouched`, "theirs\nuntouched\n"},
		{"a unit of ours goes", `put $UNITS/a.service 644 <<<x; remove_unit a.service; ls $UNITS; grep -c a.service $STATE/manifest || cat /mnt/asked`, "0\ndisable --quiet --now a.service\ndaemon-reload\n"},
		{"a unit that the owner had enabled", enabled + `put $UNITS/a.service 644 <<<x; service a.service; put $UNITS/a.service 644 <<<y; service a.service; undo_all; ends`,
			"stop a.service\n"},
		{"such a unit that is not in the plan any more", enabled + `put $UNITS/a.service 644 <<<x; service a.service; remove_unit a.service; ends; cat $STATE/manifest`, "stop a.service\n"},
		{"a unit that only promwire enabled", enabled + `systemctl() { echo "$@" >>/mnt/asked; [ "$1" != is-enabled ]; }; put $UNITS/a.service 644 <<<x; service a.service; undo_all; ends`,
			"disable --quiet --now a.service\n"},
		{"a unit of a package", enabled + `service a.service; undo_all; ends`, "disable --quiet --now a.service\n"},
		{"a unit after its record was lost", enabled + `touch $STATE/damaged; put $UNITS/a.service 644 <<<x; service a.service; undo_all; ends`, "disable --quiet --now a.service\n"},
		{"files", `for f in /etc/prometheus/{web,promtool}.yml /etc/pushgateway/a.password /etc/prometheus/targets.d/{mine,web.mine}.json; do theirs "$f"; done
find /etc/p* -type f | sort >/mnt/1; web no ""; remove_pushgateway; targets_by_job; scrape_only web; find /etc/p* -type f | sort | diff /mnt/1 - && echo kept`, "kept\n"},
		{"a password", `theirs $PUSH/a.password; (password $PUSH/a.password) || cat $PUSH/a.password`, "exists already and is not promwire's; move it away, or leave this host out of the fleet\ntheirs\n"},
		{"files beside ours", `dir /etc/a.d 755; put /etc/a.d/promwire.conf 644 <<<x; theirs /etc/a.d/mine.conf; dir $TEXTFILES 755; echo >$TEXTFILES/promwire_fence.prom
theirs $TEXTFILES/mine.prom; dir /etc/b.d 755; put /etc/b.d/x 644 <<<x; undo_all; ls /etc/a.d $TEXTFILES; ls -d /etc/b.d $STATE 2>&1 | grep "No such" | wc -l || true`,
			"/etc/a.d stays, because what is in it is not promwire's: mine.conf\n/etc/a.d:\nmine.conf\n\n/var/lib/node_exporter/textfile:\nmine.prom\n2\n"},
		{"files in data", `dir $PROMETHEUS_DATA 750 prometheus; mkdir -p $PROMETHEUS_DATA/{wal/x,01JZABCDEFGHJKMNPQRSTVWXYZ/chunks,chunks_head}; echo >$PROMETHEUS_DATA/queries.active; chown -R prometheus $PROMETHEUS_DATA; theirs $PROMETHEUS_DATA/wal/mine
dir $RELEASES 755; mkdir $RELEASES/a-1; echo >$RELEASES/a-1/.sha256; theirs $RELEASES/notes; dir $AUTHORITY 700; mkdir -p $AUTHORITY/{1,hosts/a,own}; echo >$AUTHORITY/1/index.txt
undo_all; find $PROMETHEUS_DATA $RELEASES -type f; ls -d $AUTHORITY 2>&1 | grep "No such" | wc -l || true`, "/var/lib/prometheus/wal/mine\n/mnt/releases/notes\n1\n"},
		{"metrics that were being written", `theirs $TEXTFILES/mine.prom.new; put $TEXTFILES/promwire_x.prom 644 <<<x; touch $TEXTFILES/promwire_x.prom.new; undo_all
ls $TEXTFILES | grep -c promwire || ls $TEXTFILES`, "0\nmine.prom.new\n"},
		{"a directory that will do", `chown root:prometheus /etc/wireguard; chmod 2750 /etc/wireguard; dir /etc/wireguard 700; stat -c '%a %U %G' /etc/wireguard; cat $STATE/manifest; undo_all
stat -c '%a %U %G' /etc/wireguard`, "2750 root prometheus\n2750 root prometheus\n"},
		{"a directory that will not do", `mkdir /etc/p; chown root:prometheus /etc/p; chmod 750 /etc/p; dir /etc/p 755; CHANGED=(); dir /etc/p 755; stat -c '%a %U %G' /etc/p
sed "s/:$(getent group prometheus | cut -d : -f 3)$/:prometheus/" $STATE/manifest; echo ${#CHANGED[@]}; undo_all; stat -c '%a %U %G' /etc/p`, "755 root prometheus\nmode /etc/p 750:0:prometheus\n0\n750 root prometheus\n"},
		{"a volume for data", `mkdir -p /var/lib/prometheus/lost+found; chown nobody:nogroup /var/lib/prometheus; dir $PROMETHEUS_DATA 700 prometheus; stat -c '%a %U' $PROMETHEUS_DATA
echo >$PROMETHEUS_DATA/wal; chown prometheus $PROMETHEUS_DATA/wal; theirs $PROMETHEUS_DATA/mine; undo_all; stat -c '%a %U %G' $PROMETHEUS_DATA; ls $PROMETHEUS_DATA`, "755 prometheus\n755 nobody nogroup\nlost+found\nmine\n"},
		{"a user", `printf 'u prometheus - "Prometheus" / /\n' >/etc/sysusers.d/prometheus.conf; user prometheus; group promwire; undo_all; getent passwd prometheus; getent group promwire`,
			"prometheus:x:991:991::/:/bin/false\npromwire:x:980:\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, used+c.text, c.said, false)
		})
	}
}

// TestRecord: the record is always whole, and what a damaged one lost is found again.
func TestRecord(t *testing.T) {
	t.Parallel()
	const lost = used + `
put $UNITS/node_exporter.service 644 <<<"Description=Exporter, for promwire's monitor only"; put /etc/a.yml 644 <<<same; put $TUNNEL_CONFIG 600 <<<old
symlink /mnt/tool $RELEASES/tool-1/tool; record dir /etc/wireguard
sed -i 's/^\(node_exporter:x:990:990:\):/\1Exporter of x:/' /etc/passwd; printf 'u node_exporter - "Exporter of x" / /\n' >/etc/sysusers.d/node_exporter.conf
echo monitor >$STATE/host
exec 9>&-
`
	for _, c := range []struct {
		name, text string
		said       string
		fails      bool
	}{
		{"it is intact", lost + "begin host verb; ls $STATE | xargs", "host manifest manifest.sum\n", false},
		{"a full disk keeps it", `record a b; mount -t tmpfs -o size=16k none /mnt; cp $STATE/manifest* /mnt; STATE=/mnt; head -c 99999 /dev/zero >/mnt/x 2>/dev/null || true
(record c d) || true; rm /mnt/x; cat /mnt/manifest; ls /mnt | xargs; record c d; cat /mnt/manifest`,
			"/mnt/manifest can't be written; is the disk full? See df -h\na b\nmanifest manifest.sum\na b\nc d\n", false},
		{"forget the last line", "record a b; forget a b; wc -c <$STATE/manifest; record c d; cat $STATE/manifest", "0\nc d\n", false},
		{"names begin with another one", "record file /a; record file /ab; forget file /a; cat $STATE/manifest", "file /ab\n", false},
		{"recorded before it is made", `mv() { if [ "$2" = /etc/new ]; then cat $STATE/manifest; return 1; fi; command mv "$@"; }; put /etc/new 644 <<<x`, "file /etc/new\n", true},
		{"an empty one", lost + `: >$STATE/manifest; begin host verb; put $UNITS/node_exporter.service 644 <<<new; put /etc/a.yml 644 <<<same; put $TUNNEL_CONFIG 600 <<<new
symlink /mnt/tool $RELEASES/tool-2/tool; user node_exporter; dir $CONFIG_FOLDER 755; cat $STATE/manifest; keep_receipt "" 3>/dev/null; ls $STATE | xargs`,
			"file /etc/systemd/system/node_exporter.service\nfile /etc/a.yml\nfile /etc/wireguard/promwire0.conf\nfile /mnt/tool\nuser node_exporter\ndir /etc/promwire\nchanged host manifest manifest.sum versions\n", false},
		{"none", lost + `rm $STATE/manifest*; begin host verb; put $UNITS/node_exporter.service 644 <<<new; cat $STATE/manifest`, "file /etc/systemd/system/node_exporter.service\n", false},
		{"one line less", lost + `sed -i /a.yml/d $STATE/manifest; begin host verb; put /etc/a.yml 644 <<<same; tail -n 1 $STATE/manifest`, "file /etc/a.yml\n", false},
		{"of an earlier version", lost + `rm $STATE/manifest.sum; begin host verb; PATH=/mnt/bin:$PATH; put $UNITS/node_exporter.service 644 <<<new; remove_unit node_exporter.service; cat $STATE/manifest`,
			"file /etc/a.yml\nfile /etc/wireguard/promwire0.conf\nfile /mnt/tool\ndir /etc/wireguard\n", false},
		{"and the owner's files stay his", lost + `rm $STATE/manifest; begin host verb; theirs $UNITS/prometheus.service; theirs /etc/prometheus/prometheus.yml; remove_unit prometheus.service
(put /etc/prometheus/prometheus.yml 644 <<<x) || cat $UNITS/prometheus.service /etc/prometheus/prometheus.yml`, "theirs\ntheirs\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, c.text, c.said, c.fails)
		})
	}
}

// TestAsks: each function that asks belongs to one that makes.
func TestAsks(t *testing.T) {
	t.Parallel()
	library := Functions().text
	for _, line := range strings.Split(Owner, "\n") {
		name, is := strings.CutPrefix(strings.TrimSuffix(line, "() {"), "ask_")
		if !is || !strings.HasSuffix(line, "() {") || name == "first" || name == "files" {
			continue
		}
		if !strings.Contains(library, "\n"+name+"() {") {
			t.Errorf("ask_%s asks for nothing that a plan calls", name)
		}
	}
}
