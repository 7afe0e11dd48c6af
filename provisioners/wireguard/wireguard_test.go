package wireguard

import (
	"net/netip"
	"testing"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

func TestInterface(t *testing.T) {
	addresses := []netip.Prefix{netip.MustParsePrefix("10.98.0.1/24"), netip.MustParsePrefix("fd98::1/64")}
	for _, c := range []struct {
		i    Interface
		want string
	}{
		{Interface{Addresses: addresses, ListenPort: 51820, MTU: 1420},
			"[Interface]\nAddress = 10.98.0.1/24\nAddress = fd98::1/64\nListenPort = 51820\nMTU = 1420\n"},
		{Interface{Addresses: addresses[:1], ListenPort: 51820, MTU: 1420, Forwarding: true},
			"[Interface]\nAddress = 10.98.0.1/24\nListenPort = 51820\nMTU = 1420\nPostUp = echo 1 >/proc/sys/net/ipv4/conf/%i/forwarding\n"},
		{Interface{Addresses: addresses[:1], MTU: 1280}, "[Interface]\nAddress = 10.98.0.1/24\nMTU = 1280\n"},
	} {
		if got := c.i.Render(); got != c.want {
			t.Errorf("got:\n%swant:\n%s", got, c.want)
		}
	}
}

func TestPeer(t *testing.T) {
	key := wgtypes.Key{1}
	hosts := Hosts([]netip.Addr{netip.MustParseAddr("fd98::2"), netip.MustParseAddr("10.98.0.2")})
	for _, c := range []struct {
		p    Peer
		want string
	}{
		{Peer{Name: "node-1", PublicKey: key, AllowedIPs: hosts},
			"# node-1\n[Peer]\nPublicKey = " + key.String() + "\nAllowedIPs = 10.98.0.2/32, fd98::2/128\n"},
		{Peer{Name: "the monitor", PublicKey: key, AllowedIPs: hosts[1:], Endpoint: "[2001:db8::1]:51820", Keepalive: Keepalive},
			"# the monitor\n[Peer]\nPublicKey = " + key.String() +
				"\nEndpoint = [2001:db8::1]:51820\nAllowedIPs = 10.98.0.2/32\nPersistentKeepalive = 25\n"},
	} {
		if got := c.p.Render(); got != c.want {
			t.Errorf("got:\n%swant:\n%s", got, c.want)
		}
	}
	if hosts[0].String() != "fd98::2/128" {
		t.Error("rendering sorted the caller's slice")
	}
}
