package proof

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/wireguard"
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

// TestHubGate: what is unknown is looked for on the hub, where the monitor is a peer too.
func TestHubGate(t *testing.T) {
	t.Parallel()
	renamed := behindHub
	renamed.Known = Known{Leaving: []string{"x"}, AtHub: []string{"former"}}
	if script := HubGate(renamed); !strings.Contains(script, "fleet_leaving='former x'\n") || strings.Contains(Gate(renamed), "former x") {
		t.Error("a monitor that has another name now is leaving, on the hub only")
	}
	if again := LikeFormer(HubGate, behindHub, HubGate(renamed)); again != HubGate(renamed) {
		t.Error("that it has gone needs another proof")
	}
	script := HubGate(behindHub)
	for _, want := range []string{"fleet_monitor=h\n", "fleet_known='a b c h m'", "fleet_monitor_at=10.98.0.1\n"} {
		if !strings.Contains(script, want) {
			t.Errorf("the script misses %q", want)
		}
	}
}

// TestHubPasses loads a hub's real rules in a network of its own, changes them, and lets its gate look.
func TestHubPasses(t *testing.T) {
	end := netip.MustParseAddr
	rules := nftables.Ruleset{SSHPort: 22, Tunnel: wireguard.Name, Monitor: []netip.Prefix{netip.PrefixFrom(end("10.98.0.1"), 32)}}
	for _, to := range []string{"10.98.0.3", "10.98.0.4", "10.98.0.5"} {
		rules.Passed = append(rules.Passed, netip.AddrPortFrom(end(to), 9100))
	}
	const (
		all = "an end of the tunnel\tanother, through h\t10.98.0.4\t9100\tclosed\tclosed\n" +
			"monitor, through h\ta\t10.98.0.3\t9100\topen\topen\n" +
			"monitor, through h\tb\t10.98.0.4\t9100\topen\topen\n" +
			"monitor, through h\tc\t10.98.0.5\t9100\topen\topen\n" +
			"monitor, through h\ta\t10.98.0.3\t22\tclosed\tclosed\n" +
			"a, through h\tmonitor\t10.98.0.1\t9090\tclosed\tclosed\n" +
			"a, through h\tb\t10.98.0.4\t9100\tclosed\tclosed\n"
		differs  = "promwire: h: verify: seen differs from expected (from, to, address, port, expected, seen):\n"
		toTarget = "a, through h\tb\t10.98.0.4\t9100\tclosed\topen\n"
	)
	for _, c := range []struct{ name, text, want string }{
		{"the hub's rules", "", all},
		{"what was passed on before an update", "nft flush set inet promwire passed\n" +
			"nft add element inet promwire former_passed '{ 10.98.0.3 . 9100 timeout 10m, 10.98.0.4 . 9100 timeout 10m, 10.98.0.5 . 9100 timeout 10m }'", all},
		{"one is not passed on", "nft delete element inet promwire passed '{ 10.98.0.4 . 9100 }'",
			differs + "monitor, through h\tb\t10.98.0.4\t9100\topen\tclosed\n"},
		{"nothing is passed on", "nft insert rule inet promwire forward drop", differs + "monitor, through h\ta\t10.98.0.3\t9100\topen\tclosed\n"},
		{"another port is", "nft insert rule inet promwire forward tcp dport 22 accept", differs + "monitor, through h\ta\t10.98.0.3\t22\tclosed\topen\n"},
		{"a target reaches the monitor", "nft insert rule inet promwire forward ip daddr 10.98.0.1 accept",
			differs + "a, through h\tmonitor\t10.98.0.1\t9090\tclosed\topen\n"},
		{"a target reaches another", "nft insert rule inet promwire forward ip saddr 10.98.0.3 ip daddr 10.98.0.4 accept",
			differs + "an end of the tunnel\tanother, through h\t10.98.0.4\t9100\tclosed\topen\n" + toTarget},
		{"the kernel does not forward", "echo 0 >/proc/sys/net/ipv4/ip_forward", "promwire: h: verify: it does not forward, so the monitor reaches nobody"},
		{"another firewall drops", "nft add table ip filter; nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'",
			"promwire: h: verify: another firewall would drop what it passes on to 9100/tcp, which promwire needs: table ip filter, chain FORWARD: policy drop"},
		{"no firewall", "nft delete table inet promwire", "promwire: h: verify: the hub's firewall is not loaded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			library := filepath.Join(t.TempDir(), "lib.sh")
			if err := os.WriteFile(library, []byte(scripts.Functions().Text()), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"--net", "bash", "-s"}
			if os.Geteuid() != 0 {
				args = append([]string{"--map-root-user", "--map-auto"}, args...)
			}
			gate := strings.ReplaceAll(strings.TrimSuffix(HubGate(behindHub), "main </dev/null\n"), scripts.LibraryPath, library)
			begin := "nft --file - <<'END'\n" + rules.Render() + "END\nip link add promwire0 type veth peer name other\necho 1 >/proc/sys/net/ipv4/ip_forward\n"
			// That nobody is unknown, and IPv6, is another test's.
			stub := "only_known() { :; }; unshare() { if [ \"$2\" = cat ]; then echo 1; else command unshare \"$@\"; fi; }\n"
			cmd := exec.CommandContext(ctx, "unshare", args...)
			cmd.Stdin = strings.NewReader(begin + gate + stub + c.text + "\nmain\n")
			out, _ := cmd.CombinedOutput()
			if !strings.HasPrefix(string(out), c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", out, c.want)
			}
		})
	}
}
