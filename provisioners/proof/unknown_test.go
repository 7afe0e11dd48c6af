package proof

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// peers is a monitor with these peers, which the running tunnel has too.
const peers = `
peer() { # NAME ADDRESS
  printf '[Peer]\nPublicKey = %s=\nAllowedIPs = %s\n' "$1" "$2" >"$PARTS/peer-$1.conf"
  echo "$1="$'\t'"$2" >>"$STATE/running"
}
wg() { [ "$3" = allowed-ips ] && cat "$STATE/running"; }
target() { mkdir -p "$TARGETS" "$TURNING"; echo '    "role": "target"' >"$TARGETS/$1.json"; }
certificate() { mkdir -p "$AUTHORITY/hosts/$1"; }
cluster() { mkdir -p "$CLUSTERS"; echo >"$CLUSTERS/$1.yml"; echo "file $CLUSTERS/$1.yml" >>"$STATE/manifest"; }
displaced() { mkdir -p "$STATE/displaced"; echo "$2" >"$STATE/displaced/$1"; }
LIBRARY=$STATE/lib.sh
cat >"$LIBRARY" <<'END'
begin() { :; }
remove_unknown() {
  echo "removes $*"
  for name; do rm -rf "$PARTS/peer-$name.conf" "$TARGETS/$name".* "$AUTHORITY/hosts/$name" "$CLUSTERS/${name%.cluster}.yml" "$STATE/displaced/$name"; sed -i "/^$name=/d" "$STATE/running"; done
}
END
peer a 10.98.0.2/32; peer b 10.98.0.3/32
target a.node; target a.shop; target b.node; target c.node; target _monitor.node
certificate b; certificate c
`

// TestUnknown finds what is of no host and no cluster of the stack, and nothing else.
func TestUnknown(t *testing.T) {
	known := gate
	known.Clusters = []Cluster{{Name: "kube", Address: "10.98.0.9", PublicKey: "kube="}}
	known.Known = Known{Planned: []string{"failed", "refused.cluster"}, Leaving: []string{"gone", "past.cluster"}}
	removing := known
	removing.Known.Remove = true
	const (
		head = "promwire: monitor: verify: the monitor has what is of no host and no cluster of this stack:\n"
		tail = "Whoever has the key of such a peer is in the tunnel. Add them to the stack file; or set verification.removeUnknown: true, and run " +
			"pulumi up, which removes them from the monitor\n(exit status 1)"
	)
	for _, c := range []struct {
		name, text string
		gate       GateValues
		want       string
	}{
		{"the fleet", ``, known, ""},
		{"an empty monitor", `rm -r "$PARTS" "$TARGETS" "$AUTHORITY"; : >"$STATE/running"`, known, ""},
		{"hosts that are just removed", `peer gone 10.98.0.7/32; target gone.node; certificate gone; peer past.cluster 10.98.0.8/32; cluster past`, known, ""},
		{"hosts and clusters that could not be made", `peer failed 10.98.0.7/32; target failed.node; cluster refused`, known, ""},
		{"a cluster", `peer kube.cluster 10.98.0.9/32; cluster kube`, known, ""},
		{"a host's address is another host's now", `displaced gone a; displaced b a; displaced old a`, known,
			head + "  old: was a peer until a got its address or key\n" + tail},
		{"names that begin as others", `peer aa 10.98.0.7/32; target fail.node; peer go 10.98.0.8/32; certificate b-old`, known,
			head + "  aa: peer at 10.98.0.7/32\n  b-old: gets certificates\n  fail: scraped by DIR/targets.d/fail.node.json\n  go: peer at 10.98.0.8/32\n" + tail},
		{"a host with the name of a cluster", `peer kube 10.98.0.7/32; target past.node`, known,
			head + "  kube: peer at 10.98.0.7/32\n  past: scraped by DIR/targets.d/past.node.json\n" + tail},
		{"a cluster with the name of a host", `peer a.cluster 10.98.0.7/32; cluster gone`, known,
			head + "  a.cluster: peer at 10.98.0.7/32\n  gone.cluster: federated by DIR/clusters.d/gone.yml\n" + tail},
		{"a peer that somebody wrote by hand", `printf '[Peer]\nPublicKey=key8=\nAllowedIPs=10.98.0.8/32\n' >"$PARTS/peer-evil.conf"`, known,
			head + "  evil: peer at 10.98.0.8/32\n" + tail},
		{"a peer without a file", `echo "key7="$'\t'"10.98.0.7/32 fd98::7/128" >>"$STATE/running"`, known,
			head + "  key7=: peer at 10.98.0.7/32 fd98::7/128, without a file\n" + tail},
		{"a scrape that waits for its turn", `target old.node; mv "$TARGETS/old.node.json" "$TURNING"`, known,
			head + "  old: scraped by DIR/turning/old.node.json\n" + tail},
		{"files of the owner's", `echo '"role": "shop"' >"$TARGETS/old.node.json"; cluster c; : >"$STATE/manifest"`, known, ""},
		{"it removes", `peer old 10.98.0.7/32; target old.node; target old.shop; certificate old; cluster old; displaced older a; target mine`, removing,
			"removes mine old old.cluster older\n"},
		{"it removes nothing", ``, removing, ""},
		{"what stays after that", `peer old 10.98.0.7/32; sed -i 's/for name;/for name in x;/' "$LIBRARY"`, removing,
			"removes old\n" + head + "  old: peer at 10.98.0.7/32\n" + tail},
		{"a tunnel that is down", `wg() { echo "no such device"; return 1; }`, known,
			"promwire: monitor: verify: the tunnel is down (no such device); see journalctl -u wg-quick@promwire0.service\n(exit status 1)"},
		{"what can't be removed", `peer old 10.98.0.7/32; echo 'begin() { echo busy; exit 1; }' >>"$LIBRARY"`, removing, "busy\n(exit status 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.MkdirAll(filepath.Join(folder, "promwire0.d"), 0o700); err != nil {
				t.Fatal(err)
			}
			said := askOf(t, c.gate, folder, peers+c.text+"\nonly_known")
			if said = strings.ReplaceAll(said, folder, "DIR"); said != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", said, c.want)
			}
		})
	}
}

// TestLikeFormer: the update after a removal has nothing to prove.
func TestLikeFormer(t *testing.T) {
	v := gate
	v.Known = Known{Planned: []string{"d"}, Leaving: []string{"x", "y"}}
	former := LikeFormer(Gate, v, "")
	if former != Gate(v) {
		t.Fatal("a first gate is not that of its values")
	}
	next := v
	next.Known.Leaving = nil
	if LikeFormer(Gate, next, former) != former {
		t.Error("hosts that have left need another proof")
	}
	other := v
	other.Known.Leaving = []string{"z"}
	changed := next
	changed.Digest = "d9"
	for name, values := range map[string]GateValues{"others leave": other, "something changed too": changed} {
		if got := LikeFormer(Gate, values, former); got != Gate(values) {
			t.Errorf("%s, and the gate is the former one", name)
		}
	}
	if text := LikeFormer(Gate, changed, former); strings.Contains(text, "leaving='x") {
		t.Error("hosts that have left are known for ever")
	}
}
