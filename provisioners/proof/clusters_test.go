package proof

import (
	"strings"
	"testing"
	"time"
)

// clustered is a gate with only clusters, a behind a gateway and b dark.
var clustered = GateValues{
	Monitor: "monitor", Digest: "d0", Wait: time.Second,
	Clusters: []Cluster{
		{Name: "b", Address: "10.98.0.4", PublicKey: "keyB=", Dark: true, Digest: "d2"},
		{Name: "a", Address: "10.98.0.3", PublicKey: "keyA=", Digest: "d1"},
	},
}

// monitor is one whose Prometheus has as many samples of each cluster as stand in $samples, after it was asked $late times, and whose
// tunnel heard of both clusters. Their own Prometheus answers with $code.
const monitor = `samples= late=0 code=000 transfer=
promtool() {
  echo . >>asked
  [ "$(wc -l <asked)" -gt "$late" ] || return 0
  printf '%s' "$samples"
}
curl() { printf %s "$code"; [ "$code" != 000 ]; }
wg() { case $3 in transfer) printf 'keyA= %s 0\nkeyB= %s 0\n' "$RANDOM$RANDOM" "$RANDOM$RANDOM" ;; *) printf 'keyA= 7\nkeyB= 7\n' ;; esac; }
both='{cluster="a"} => 20 @[1]
{cluster="b"} => 5 @[1]
'
transfer=$(wg show x transfer)
`

// TestFederated: the gate waits for series of each cluster, and then says why each missing one has none.
func TestFederated(t *testing.T) {
	const (
		head    = "promwire: monitor: verify: not federated after 1 s:\n"
		gateway = "  cluster a: the gateway answers, but no Prometheus behind it; see kubectl logs deploy/gateway and deploy/prometheus\n"
		dark    = "  cluster b: the tunnel's end answers, but no Prometheus behind it; see kubectl logs deploy/prometheus\n"
		exit    = "(exit status 1)"
	)
	for _, c := range []struct{ name, text, want string }{
		{"all is well", `samples=$both; federated; echo opened`, "opened\n"},
		{"they arrive later", `samples=$both late=2 fleet_seconds=20; federated; echo opened`, "opened\n"},
		{"nothing arrives", `samples= ; answers() { :; }; federated`, head + gateway + dark + exit},
		{"one is missing", `samples='{cluster="a"} => 20 @[1]'; federated`, head + dark + exit},
		{"one has no series", `samples=${both/20/0}; federated`, head + gateway + exit},
		{"one with a similar name", `samples=${both/\"a\"/\"ab\"}; federated`, head + gateway + exit},
		{"nothing matches", `samples=${both/20/0} code=200; federated`,
			head + "  cluster a: its Prometheus is ready, but has no series that match; see FOLDER/clusters.d/a.yml for what is federated\n" + exit},
		{"it is not ready", `samples=${both/20/0} code=503; federated`,
			head + "  cluster a: its Prometheus answers with status 503; see kubectl logs deploy/prometheus\n" + exit},
		{"the tunnel was never there", `samples=${both/20/0} code=200; wg() { echo "keyA= 0"; }; federated`,
			head + "  cluster a: tunnel: it never completed a handshake; check that its UDP packets reach the monitor, and wg show on both\n" + exit},
		{"the monitor does not know it", `samples=${both/20/0}; wg() { :; }; federated`,
			head + "  cluster a: tunnel: the monitor does not know its key; remove it from the list, run pulumi up, and add it again\n" + exit},
		{"the monitor's own Prometheus is silent", `promtool() { echo refused >&2; return 1; }; federated`,
			"promwire: monitor: verify: Prometheus does not answer at http://127.0.0.1:9090; see journalctl -u prometheus\nrefused\n" + exit},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			said := askOf(t, clustered, folder, "cd "+folder+"\n"+monitor+c.text)
			if want := strings.ReplaceAll(c.want, "FOLDER", folder); said != want {
				t.Errorf("it says:\n%s\nwant:\n%s", said, want)
			}
		})
	}
}

// TestNoClusters: without any, nothing is asked.
func TestNoClusters(t *testing.T) {
	if said := ask(t, t.TempDir(), `promtool() { echo asked >&2; }; federated; federation_rows; echo opened`); said != "opened\n" {
		t.Errorf("it says: %s", said)
	}
}

// TestFederationRows: what is reached through the tunnel, and a port of the same address that is not.
func TestFederationRows(t *testing.T) {
	for status, seen := range map[string]string{"0": "open", "1": "closed", "124": "closed"} {
		said := askOf(t, clustered, t.TempDir(), "timeout() { return "+status+"; }; federation_rows")
		want := ""
		for _, cluster := range []string{"a\t10.98.0.3", "b\t10.98.0.4"} {
			want += "monitor\t" + cluster + "\t9090\topen\topen\nmonitor\t" + cluster + "\t22\tclosed\t" + seen + "\n"
		}
		if said != want {
			t.Errorf("it prints:\n%s\nwant:\n%s", said, want)
		}
	}
}

// TestClustersInTheGate: the order of clusters does not matter; a changed end of the tunnel is proved again.
func TestClustersInTheGate(t *testing.T) {
	turned := clustered
	turned.Clusters = []Cluster{clustered.Clusters[1], clustered.Clusters[0]}
	if Gate(turned) != Gate(clustered) {
		t.Error("the order of clusters changes the gate")
	}
	changed := clustered
	changed.Clusters = []Cluster{clustered.Clusters[0], {Name: "a", Address: "10.98.0.3", PublicKey: "keyA=", Digest: "d9"}}
	if Gate(changed) == Gate(clustered) {
		t.Error("a cluster whose end of the tunnel changed is not proved again")
	}
}
