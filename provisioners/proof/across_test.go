package proof

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// TestAcross loads the monitor's real rules in a network of its own, opens them, and lets the gate look.
func TestAcross(t *testing.T) {
	end := netip.MustParseAddr
	rules := nftables.Ruleset{SSHPort: 22, Tunnel: wireguard.Name}
	edges := rules
	edges.Rules = nftables.Forward([]nftables.Edge{{From: end("10.98.0.8"), To: end("10.98.0.9"), Port: 9100}})
	const (
		v4  = "an end of the tunnel\tanother, through monitor\t10.98.0.3\t9100\tclosed\t"
		v6  = "an end of the tunnel\tanother, through monitor\t2001:db8::3\t9100\tclosed\t"
		all = v4 + "closed\n" + v6 + "closed\n"
	)
	for _, c := range []struct {
		name, text string
		rules      nftables.Ruleset
		want       string
	}{
		{"the monitor's rules", "", rules, all},
		{"edges between other ends", "", edges, all},
		{"an accept in front", "nft insert rule inet promwire forward accept", rules, v4 + "open\n" + v6 + "open\n"},
		{"an accept of one family", "nft insert rule inet promwire forward meta nfproto ipv6 accept", rules, v4 + "closed\n" + v6 + "open\n"},
		{"an accept between two targets", "nft insert rule inet promwire forward ip saddr 10.98.0.2 ip daddr 10.98.0.3 tcp dport 9100 accept", rules, v4 + "open\n" + v6 + "closed\n"},
		{"an accept behind all", "nft add rule inet promwire forward accept", rules, all},
		{"no rules of the chain", "nft flush chain inet promwire forward", rules, v4 + "open\n" + v6 + "open\n"},
		{"no firewall", "nft delete table inet promwire", rules,
			"promwire: monitor: verify: the monitor's firewall is not loaded (Error: No such file or directory"},
		{"a table of the owner's that accepts", "nft add table inet own; nft 'add chain inet own forward { type filter hook forward priority -200; }'; nft add rule inet own forward accept", rules, all},
		{"no veth", "ip() { echo no such type; return 1; }; export -f ip", rules, "promwire: monitor: verify: what it forwards can't be tried in a network namespace of its own: no such type\nits kernel has no veth; see modprobe veth"},
		{"no IPv6", "unshare() { if [ \"$2\" = cat ]; then echo 1; else command unshare \"$@\"; fi; }", rules, v4 + "closed\n1: lo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			args := []string{"--net", "bash", "-s"}
			if os.Geteuid() != 0 {
				args = append([]string{"--map-root-user", "--map-auto"}, args...)
			}
			script := "nft --file - <<'END'\n" + c.rules.Render() + "END\n" + strings.TrimSuffix(Gate(gate), "main </dev/null\n") + c.text + "\nacross_rows\nip link\n"
			cmd := exec.CommandContext(ctx, "unshare", args...)
			cmd.Stdin = strings.NewReader(script)
			out, _ := cmd.CombinedOutput()
			if !strings.HasPrefix(string(out), c.want) {
				t.Errorf("got:\n%s\nwant:\n%s", out, c.want)
			}
			if strings.Contains(string(out), wireguard.Name+"@") {
				t.Errorf("it leaves an interface:\n%s", out)
			}
		})
	}
}
