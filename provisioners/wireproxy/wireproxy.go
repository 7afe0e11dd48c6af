// Package wireproxy renders the configuration of wireproxy (https://github.com/windtf/wireproxy, v1.0.9): WireGuard in userspace,
// which needs no privileges, so that a pod can have an end of the tunnel. Ports of the tunnel address lead to addresses of the
// cluster, and ports of the pod's loopback to addresses of the tunnel; nothing else passes in either direction.
package wireproxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Config is the path of the configuration in the container, in a Folder of its own. It has the private key.
	Config = Folder + "/config"
	Folder = "/etc/wireproxy"
	// MTU is of one packet inside the tunnel, in bytes: the least that IPv6 works with (RFC 8200), as the pods' network, with headers of
	// its own, may carry little more.
	MTU = 1280
)

// End is one end of the tunnel.
type End struct {
	Address netip.Addr     // its own
	Monitor wireguard.Peer // the only peer; its AllowedIPs are who may connect, and where Dial may lead
	Listen  []Forward      // what is reached from the tunnel
	Dial    []Forward      // what in the tunnel is reached from the pod's loopback, or from other pods
}

// Forward forwards a TCP port to an address.
type Forward struct {
	Port int    // of the tunnel address, or of 127.0.0.1
	To   string // host:port; a name is looked up for each connection
	Pods bool   // of Dial: other pods reach the port, as far as policies let them
}

// bind is where a port of Dial is.
func (f Forward) bind() string {
	if f.Pods {
		return "0.0.0.0"
	}
	return "127.0.0.1"
}

// Render is the configuration with a private key, base64 as wg(8) writes it.
func (e End) Render(privateKey string) string {
	i := wireguard.Interface{Addresses: wireguard.Hosts([]netip.Addr{e.Address}), MTU: MTU}
	var b strings.Builder
	fmt.Fprintf(&b, "%sPrivateKey = %s\n\n%s", i.Render(), privateKey, e.Monitor.Render())
	for _, f := range byPort(e.Listen) {
		fmt.Fprintf(&b, "\n[TCPServerTunnel]\nListenPort = %d\nTarget = %s\n", f.Port, f.To)
	}
	for _, f := range byPort(e.Dial) {
		fmt.Fprintf(&b, "\n[TCPClientTunnel]\nBindAddress = %s:%d\nTarget = %s\n", f.bind(), f.Port, f.To)
	}
	return b.String()
}

func byPort(forwards []Forward) []Forward {
	return slices.SortedFunc(slices.Values(forwards), func(a, b Forward) int { return a.Port - b.Port })
}
