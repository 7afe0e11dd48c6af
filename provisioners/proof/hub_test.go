package proof

import (
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/exporter"
)

var node = []exporter.Endpoint{{Job: "node", Port: 9100, Unit: "node_exporter"}}

// behindHub is a fleet with a hub, h, and three targets behind it.
var behindHub = GateValues{
	Monitor: "m", Hub: Hub{Name: "h", Monitor: "10.98.0.1", Digest: "d"},
	Targets: []Target{
		{Name: "h", Address: "10.98.0.2", Endpoints: node, Tunnel: true, PublicKey: "h=", Digest: "d"},
		{Name: "a", Address: "10.98.0.3", Endpoints: node, Tunnel: true, PublicKey: "a=", Digest: "d"},
		{Name: "b", Address: "10.98.0.4", Endpoints: node, Tunnel: true, PublicKey: "b=", Digest: "d"},
		{Name: "c", Address: "10.98.0.5", Endpoints: node, Tunnel: true, PublicKey: "c=", Digest: "d"},
	},
}

// hubSays is what Prometheus answers of the hub, which looked at 1000, and what the monitor's own tunnel is.
const hubSays = `query() {
  case $1 in
    *last_look*) printf '{}\t1000\n' ;;
    *missing*) printf '%s' "$missing" ;;
    *handshake*) printf 'm\t990\na\t700\nb\t990\nc\t0\n' ;;
    *received*) printf 'm\t990\na\t800\nb\t954\nc\t0\n' ;;
  esac
}
missing='' now=$(date +%s) transfer=$'h= 5 5' shook=$((now - 10)) bytes=6
wg() { case $3 in transfer) echo "h= $bytes 5" ;; *) [ -z "$shook" ] || echo "h= $shook" ;; esac; }
`

// TestCausesThroughHub: the way to the hub comes first, then what the hub says of the way from there.
func TestCausesThroughHub(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ commands, want string }{
		"the monitor does not know the hub": {"shook=\ntunnel_cause a=", "tunnel: the monitor does not know the hub's key"},
		"never":                             {"shook=0\ntunnel_cause a=", "tunnel: the monitor never completed a handshake with the hub"},
		"the hub is silent":                 {"bytes=5\ntunnel_cause a=", "tunnel: the hub is silent, its last handshake was 1"},
		"silent":                            {"tunnel_cause a=", "tunnel: silent, the hub heard nothing of it for 200 s"},
		"a bit silent":                      {"tunnel_cause b=", "tunnel: silent, the hub heard nothing of it for 46 s"},
		"never of the hub":                  {"tunnel_cause c=", "tunnel: it never completed a handshake with the hub"},
		"missing":                           {"missing=$'a\\t1'\ntunnel_cause a=", "tunnel: the hub does not know its key; run pulumi up --replace with the URN of a-peer"},
		"the hub itself":                    {"tunnel_cause h= || echo none", "none"},
		"what the hub does not mention":     {"tunnel_cause x= || echo none", "none"},
		"dark":                              {"dark | xargs", "a a/node\n"},
		"all are dark":                      {"bytes=5 shook=$((now - 181))\ndark | xargs", "a a/node b b/node c c/node h h/node\n"},
		"the hub may come back":             {"bytes=5 shook=$((now - 170))\ndark | xargs", "a a/node\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := askOf(t, behindHub, t.TempDir(), hubSays+c.commands); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestHubGate: what is unknown is looked for on the hub, where the monitor is a peer too, and what it passes on is tried each way.
func TestHubGate(t *testing.T) {
	t.Parallel()
	script := HubGate(behindHub)
	for _, want := range []string{"fleet_monitor=h\n", "fleet_known='a b c h m'", "fleet_monitor_at=10.98.0.1\n"} {
		if !strings.Contains(script, want) {
			t.Errorf("the script misses %q", want)
		}
	}
	const rows = `
nft() { echo rules; }
timeout() { echo "$*" | grep -q 'try_across 198.51.100.1 10.98.0.1 [^ ]* 9100$' && echo open || echo closed; }
passed_rows
`
	printed := askOfScript(t, script, t.TempDir(), rows)
	const want = "monitor, through h\ta\t10.98.0.3\t9100\topen\topen\n" +
		"monitor, through h\tb\t10.98.0.4\t9100\topen\topen\n" +
		"monitor, through h\tc\t10.98.0.5\t9100\topen\topen\n" +
		"monitor, through h\ta\t10.98.0.3\t22\tclosed\tclosed\n" +
		"a, through h\tmonitor\t10.98.0.1\t9090\tclosed\tclosed\n" +
		"a, through h\tb\t10.98.0.4\t9100\tclosed\tclosed\n"
	if printed != want {
		t.Errorf("got:\n%swant:\n%s", printed, want)
	}
}
