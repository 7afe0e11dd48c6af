package wireproxy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/wireguard"
)

func end() End {
	return End{
		Address: netip.MustParseAddr("10.98.0.4"),
		Monitor: wireguard.Peer{
			Name: "the monitor", PublicKey: wgtypes.Key{1}, Endpoint: "198.51.100.9:51820", Keepalive: wireguard.Keepalive,
			AllowedIPs: wireguard.Hosts([]netip.Addr{netip.MustParseAddr("10.98.0.1"), netip.MustParseAddr("10.98.0.5")}),
		},
		Listen: []Forward{{Port: 7000, To: "127.0.0.1:7000"}, {Port: 6443, To: "kubernetes.default.svc:443"}},
		Dial:   []Forward{{Port: 8080, To: "10.98.0.5:8080"}, {Port: 20000, To: "10.98.0.1:9090", Pods: true}},
	}
}

const private = "cHJpdmF0ZXByaXZhdGVwcml2YXRlcHJpdmF0ZXByaXY="

func TestRender(t *testing.T) {
	want := `[Interface]
Address = 10.98.0.4/32
MTU = 1280
PrivateKey = ` + private + `

# the monitor
[Peer]
PublicKey = AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
Endpoint = 198.51.100.9:51820
AllowedIPs = 10.98.0.1/32, 10.98.0.5/32
PersistentKeepalive = 25

[TCPServerTunnel]
ListenPort = 6443
Target = kubernetes.default.svc:443

[TCPServerTunnel]
ListenPort = 7000
Target = 127.0.0.1:7000

[TCPClientTunnel]
BindAddress = 127.0.0.1:8080
Target = 10.98.0.5:8080

[TCPClientTunnel]
BindAddress = 0.0.0.0:20000
Target = 10.98.0.1:9090
`
	e := end()
	if got := e.Render(private); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if e.Listen[0].Port != 7000 {
		t.Error("rendering sorted the caller's slice")
	}
	for range 20 {
		if e.Render(private) != want {
			t.Fatal("rendered twice, it differs")
		}
	}
}

// TestNobodyElse reads the configuration as wireproxy does, which reads missing AllowedIPs, or a misspelt word, as everybody
// (v1.0.9, config.go), and accepts unknown keys: this test is the check that it does not make.
func TestNobodyElse(t *testing.T) {
	known := map[string][]string{
		"[Interface]":       {"Address", "PrivateKey", "MTU"},
		"[Peer]":            {"PublicKey", "Endpoint", "AllowedIPs", "PersistentKeepalive"},
		"[TCPServerTunnel]": {"ListenPort", "Target"},
		"[TCPClientTunnel]": {"BindAddress", "Target"},
	}
	count, section := map[string]int{}, ""
	for line := range strings.Lines(end().Render(private)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = line
			count[section]++
			if known[section] == nil {
				t.Errorf("there is no section %s", section)
			}
		default:
			key, value, _ := strings.Cut(line, " = ")
			count[section+key]++
			if !slices.Contains(known[section], key) || value == "" {
				t.Errorf("%s: %s = %q", section, key, value)
			}
			if key == "AllowedIPs" {
				single(t, value)
			}
		}
	}
	for what, want := range map[string]int{
		"[Interface]": 1, "[Peer]": 1, "[Interface]Address": 1, "[Peer]AllowedIPs": 1, "[Peer]PublicKey": 1,
		"[TCPServerTunnel]": 2, "[TCPServerTunnel]Target": 2, "[TCPServerTunnel]ListenPort": 2, "[TCPClientTunnel]Target": 2,
	} {
		if count[what] != want {
			t.Errorf("%s is there %d times, want %d", what, count[what], want)
		}
	}
}

// single checks that a list of networks is one of single addresses.
func single(t *testing.T, list string) {
	t.Helper()
	for text := range strings.SplitSeq(list, ", ") {
		if p, err := netip.ParsePrefix(text); err != nil || !p.IsSingleIP() {
			t.Errorf("AllowedIPs has %q, %v", text, err)
		}
	}
}
