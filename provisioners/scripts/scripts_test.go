package scripts

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world makes the root of a throw-away machine: its own mounts, and no network except loopback.
const world = `set -euo pipefail
mount -t tmpfs none /mnt
cp -a /etc/alternatives /mnt # awk is there
mount -t tmpfs none /etc
mv /mnt/alternatives /etc
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mount -t tmpfs none /usr/local/lib
printf '%s\n' 'root:x:0:0::/:/bin/bash' 'node_exporter:x:990:990::/:/bin/false' 'prometheus:x:991:991::/:/bin/false' 'nobody:x:65534:65534::/:/bin/false' >/etc/passwd
printf '%s\n' 'root:x:0:' 'node_exporter:x:990:' 'prometheus:x:991:' 'promwire:x:980:' 'nogroup:x:65534:' >/etc/group
mkdir -p /etc/wireguard/promwire0.d /etc/prometheus/targets.d
`

// run runs bash in such a world, after the functions of the library, of bootstrap and of undo.
func run(t *testing.T, text string) (said string, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := []string{"--mount", "--net", "bash", "-s"}
	if os.Geteuid() != 0 { // whoever runs this is root there, and the other users are those that /etc/subuid gives them
		if _, err := exec.LookPath("newuidmap"); err != nil {
			t.Fatal("the scripts are tried as root and with users of their own: run this as root, or `apt-get install uidmap`")
		}
		args = append([]string{"--map-root-user", "--map-auto"}, args...)
	}
	cmd := exec.CommandContext(ctx, "unshare", args...)
	cmd.Stdin = strings.NewReader(world + Functions().text + WithConstants(Bootstrap+Undo) + "test() {\nbegin host verb\n" + text + "\n}\ntest </dev/null\n")
	cmd.WaitDelay = time.Second // processes that it started may go on, and keep the output open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	_ = cmd.Cancel() // what it left: a text that fails does not come to its end
	return string(out), err == nil
}

// check runs a text that must succeed, or fail, and say something, and returns all that it says.
func check(t *testing.T, text, want string, fails bool) (said string) {
	t.Helper()
	said, ok := run(t, text)
	if ok == fails || !strings.Contains(said, want) {
		t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, want)
	}
	return said
}

func TestScripts(t *testing.T) {
	t.Parallel()
	const fleet = `
for n in 1 2; do
  put "$PARTS/peer-node-$n.conf" 600 <<<"PublicKey = key$n"$'\n'"AllowedIPs = 10.98.0.$n/32, fd98::$n/128"
  put "/etc/prometheus/targets.d/node-$n.node.json" 644 <<<'[]'
done
CHANGED=()
`
	// unknown is a monitor that has a file of its owner's too.
	const unknown = `
for n in 1 2; do put "/etc/prometheus/targets.d/node-$n.node.json" 644 <<<'"role": "target"'; done
echo '"role": "shop"' >/etc/prometheus/targets.d/node-1.mine.json
mkdir -p "$CLUSTERS"
wg() { echo "wg $*"; }
join_parts() { echo joined; }
left() { (cd /etc/prometheus/targets.d && ls *.node.json *.mine.json; ls "$PARTS") | xargs; }
`
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
		fails      bool
	}{
		{"put writes", "put /mnt/a 640 <<<new; stat -c %a /mnt/a; cat /mnt/a; ls -A /mnt", "640\nnew\na\n", false},
		{"what wg knows of a configuration is what wg-quick says", `c=/etc/wireguard/promwire0.conf
printf '%s\n' '[Interface]' 'Address = 10.98.0.1/24, fd98::1/64' 'MTU=1420' 'ListenPort = 51820' 'PostUp = echo a = b' 'PrivateKey = k=' '' '# node-1' '[Peer]' \
  'PublicKey = MTU=' 'AllowedIPs = 10.98.0.2/32' >$c; chmod 600 $c; diff -B <(stripped <$c) <(wg-quick strip $c) && stripped <$c | grep -c =`, "4\n", false},
		{"put fills in what units have in common", `with_sandbox put /mnt/a 644 <<<$'x\n$SANDBOX\ny'; sed -n '1p;2p;$p' /mnt/a; [[ $(</mnt/a) == $'x\n'"$SANDBOX"$'\ny' ]]`,
			"x\nCapabilityBoundingSet=\ny\n", false},
		{"put twice changes nothing", "put /mnt/a 644 <<<x; CHANGED=(); put /mnt/a 644 <<<x; echo ${#CHANGED[@]}", "0\n", false},
		{"put sees another text", "put /mnt/a 644 <<<x; CHANGED=(); put /mnt/a 644 <<<y; echo ${#CHANGED[@]}", "1\n", false},
		{"put sees another mode", "put /mnt/a 644 <<<x; CHANGED=(); put /mnt/a 600 <<<x; echo ${#CHANGED[@]}", "1\n", false},
		{"put refuses files of others", "echo theirs >/mnt/a; put /mnt/a 644 <<<ours", "promwire: host: verb: /mnt/a exists already and is not promwire's", true},
		{"put checks first", "put /mnt/a 644 grep x <<<x; echo done", "done\n", false},
		{"put stops if the check fails", "put /mnt/a 644 <<<x; (put /mnt/a 644 grep x <<<y) || true; cat /mnt/a", "grep refuses its new text (see its reason above); the old one stays\nx\n", false},
		{"put says that the disk is full", "mount -o remount,size=16k /mnt; put /mnt/a 644 < <(head -c 99999 /dev/zero)", "/mnt/a can't be written; is the disk full?", true},
		{"remove removes file and record", "put /mnt/a 644 <<<x; remove /mnt/a; ls /mnt; cat $STATE/manifest; echo done", "done\n", false},
		{"remove of nothing", "remove /mnt/a; echo ${#CHANGED[@]}", "0\n", false},
		{"put makes its folder, and undo removes it", "systemctl() { :; }; put /mnt/a/b/c 644 <<<x; stat -c %a /mnt/a/b; cat $STATE/manifest; undo_all; ls /mnt; echo done",
			"755\ndir /mnt/a\ndir /mnt/a/b\nfile /mnt/a/b/c\ndone\n", false},
		{"dir makes its folder too", "systemctl() { :; }; dir /mnt/a/b 700; stat -c %a /mnt/a; undo_all; ls /mnt; echo done", "755\ndone\n", false},
		{"dir records what it makes", "dir /mnt/d 700; dir /mnt 755; cat $STATE/manifest", "dir /mnt/d\n", false},
		{"a record is a whole line", `record file '/mnt/a*'; record file /mnt/abc; for f in /mnt/{a,ab,abcd,abc,a\*}; do recorded file "$f" && printf yes || printf no; done`,
			"nononoyesyes", false},
		{"systemd reads links once", `systemctl() { case $1 in enable | daemon-reload) echo "$*" ;; is-*) return 1 ;; esac; }
enable a.service; enable b.socket; read_links; read_links; echo end`, "enable --quiet --root=/ a.service\nenable --quiet --root=/ b.socket\ndaemon-reload\nend\n", false},
		{"links that systemd did not read are read the next time", `systemctl() { [ "$1" = enable ]; }
enable a.service; (read_links) || true; systemctl() { echo "$*"; }; read_links`, "daemon-reload\n", false},
		{"what starts at boot already has no links to read", `systemctl() { case $1 in enable | daemon-reload) echo "$*" ;; esac; }; enable a.service; read_links; echo none; ls $RUN`,
			"none\nlock\n", false},
		{"space names the mount", "mount -o remount,size=8m /mnt; space 100 /mnt/no/such", "the file system at /mnt has 8 MB free, and 100 MB are needed", true},
		{"a failure names host, verb and command", "false", `promwire: host: verb: "false" failed with status 1`, true},
		{"digest sees an absent file appear", "digest /mnt/a >/mnt/1; echo >/mnt/a; digest /mnt/a | cmp -s - /mnt/1 || echo differs", "differs\n", false},
		{"receipt", `CHANGED=(a "b c"); installed x 1; installed y 2; receipt d`, `{"host":"host","scripts":"","changed":["a","b c"],"versions":{"x":"1","y":"2"},"firewall":"d"}`, false},
		{"receipt that is kept", `CHANGED=(a "b c"); installed x 1; keep_receipt d; CHANGED=(e); VERSIONS=(); kept_receipt d`,
			`{"host":"host","scripts":"","changed":["a","b c","e"],"versions":{"x":"1"},"firewall":"d"}`, false},
		{"receipt of nothing that is kept", `keep_receipt "" 3>/dev/null; kept_receipt d`,
			`{"host":"host","scripts":"","changed":[],"versions":{},"firewall":"d"}`, false},
		{"receipt of nothing", `receipt ""`, `{"host":"host","scripts":"","changed":[],"versions":{},"firewall":""}`, false},

		{"remove_conflicts keeps others", fleet + "remove_conflicts node-3 key3 10.98.0.3/32; echo ${#CHANGED[@]}", "0\n", false},
		{"remove_conflicts keeps the same host", fleet + "remove_conflicts node-1 key1 10.98.0.1/32 fd98::1/128; echo ${#CHANGED[@]}", "0\n", false},
		{"remove_conflicts of a key", fleet + "remove_conflicts node-3 key1 10.98.0.3/32; ls $PARTS /etc/prometheus/targets.d | xargs", "targets.d: node-2.node.json /etc/wireguard/promwire0.d: peer-node-2.conf", false},
		{"remove_conflicts of an address", fleet + "remove_conflicts node-3 key3 10.98.0.3/32 fd98::2/128; ls $PARTS | xargs", "node-2 had this key or address, and is removed\npeer-node-1.conf\n", false},
		{"remove_conflicts compares whole addresses", fleet + "remove_conflicts node-3 key3 10.98.0.1/3; echo ${#CHANGED[@]}", "0\n", false},

		{"remove_conflicts tells the gate", fleet + `remove_conflicts node-3 key1 10.98.0.3/32; grep -H . "$STATE/displaced"/*`, "/displaced/node-1:node-3\n", false},
		{"who comes back was not displaced", fleet + `remove_conflicts node-3 key1 10.98.0.3/32; remove_conflicts node-1 key9 10.98.0.9/32; ls "$STATE/displaced"; echo none`, "removed\nnone\n", false},
		{"who leaves was not displaced", fleet + `remove_conflicts node-3 key1 10.98.0.3/32; remove_peer node-1; ls "$STATE/displaced"; echo none`, "removed\nnone\n", false},

		{"remove_unknown removes one", fleet + unknown + `remove_unknown node-1; left`, "node-1.mine.json node-2.node.json peer-node-2.conf", false},
		{"remove_unknown of a name that is the beginning of another", fleet + unknown + `remove_unknown node; left`, "node-1.mine.json node-1.node.json node-2.node.json peer-node-1.conf peer-node-2.conf", false},
		{"remove_unknown of what nobody recorded", fleet + unknown + `: >"$STATE/manifest"; remove_unknown node-1; left`, "node-1.mine.json node-2.node.json peer-node-2.conf", false},
		{"remove_unknown of a cluster", fleet + unknown + `put "$PARTS/peer-node-1.cluster.conf" 600 <<<x; put "$CLUSTERS/node-1.yml" 644 <<<x
remove_unknown node-1.cluster; left; ls "$CLUSTERS" | grep . && false || true`, "node-1.mine.json node-1.node.json node-2.node.json peer-node-1.conf peer-node-2.conf\n", false},
		{"remove_unknown of a peer of the running tunnel only", fleet + unknown + `remove_unknown key7=`, "wg set promwire0 peer key7= remove\njoined\n", false},
		{"remove_unknown of a certificate", fleet + unknown + `mkdir -p "$AUTHORITY"/hosts/{gone,node-1}; remove_unknown gone; ls "$AUTHORITY/hosts"`, "joined\nnode-1\n", false},

		{"refuse_overlap from nothing", "refuse_overlap 10.98.0.0/24 fd98::/64; echo done", "done\n", false},
		{"refuse_overlap from an address inside", "ip link set lo up; ip address add 10.98.0.9/32 dev lo; refuse_overlap 10.98.0.0/24", "the tunnel's network 10.98.0.0/24 overlaps its own", true},
		{"refuse_overlap from a network around", "ip link set lo up; ip address add 10.1.2.3/8 dev lo; refuse_overlap 10.98.0.0/24", "overlaps its own", true},
		{"refuse_overlap from IPv6", "ip link set lo up; ip address add fd98::9/48 dev lo; refuse_overlap 10.98.0.0/24 fd98::/64", "the tunnel's network fd98::/64 overlaps", true},
		{"a default route does not overlap", "ip link set lo up; ip address add 10.1.2.3/24 dev lo; ip route add default via 10.1.2.1; refuse_overlap 10.98.0.0/24; echo done", "done\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, c.text, c.said, c.fails)
		})
	}
}

// TestFence runs the fence with a curl that knows which addresses are open.
func TestFence(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"ip": "exit 0",
		"curl": `awk -F'[/"]' '/^url/ { print ($4 == "10.98.0.3:9100" || $4 == "[fd98::1]:9090") ? "0.012" : "0.000000" }'
exit 7`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-s", "--", "6", "9100,19099", "10.98.0.0/29,10.98.0.2,10.98.0.1", "fd98::/64,fd98::2,fd98::1")
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(Fence)
	metrics, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, metrics)
	}
	for _, want := range []string{
		`promwire_fence_probed_addresses{to="targets",port="9100"} 8`,
		`promwire_fence_probed_addresses{to="monitor",port="9090"} 2`,
		`promwire_fence_probed_addresses{to="monitor",port="9100"} 2`,
		`promwire_fence_open_addresses{to="targets",port="9100"} 1`,
		`promwire_fence_open_addresses{to="monitor",port="9090"} 1`,
		`promwire_fence_open_addresses{to="monitor",port="9100"} 0`,
		`promwire_fence_probed_addresses{to="targets",port="19099"} 8`,
		`promwire_fence_open_addresses{to="targets",port="19099"} 0`,
	} {
		if !strings.Contains(string(metrics), want+"\n") {
			t.Errorf("%s is missing in:\n%s", want, metrics)
		}
	}
}

// TestInputsAreNotPrinted: what a failed command reads may be a secret.
func TestInputsAreNotPrinted(t *testing.T) {
	t.Parallel()
	if said := check(t, "nothing_of_this_name <<'END'\nplanted\nEND\n", "nothing_of_this_name", true); strings.Contains(said, "planted") {
		t.Error(said)
	}
}
