// Package wireguard renders the parts of a tunnel's configuration that are known outside the host. The private key is not
// among them: the host makes it and adds it.
package wireguard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// Name is the tunnel's interface, its configuration's name and its unit's instance: wg-quick@promwire0.
const Name = "promwire0"

const (
	// Folder is where wg-quick(8) looks for configurations.
	Folder = "/etc/wireguard"
	// Config is the tunnel's configuration, which the host assembles from the private key in Key and what is in Parts.
	Config = Folder + "/" + Name + ".conf"
	Key    = Folder + "/" + Name + ".key"
	Parts  = Folder + "/" + Name + ".d"
	// InterfacePart is the part that an Interface renders.
	InterfacePart = Parts + "/interface.conf"
)

// PeerPart is the part of a peer's, by a name that the host gives it.
func PeerPart(name string) string { return Parts + "/peer-" + name + ".conf" }

// Keepalive is how often a target sends a packet when it has no data to send, so that NAT keeps its mapping: 25 s, the interval that
// wg(8) recommends.
const Keepalive = 25 * time.Second

// Interface is a host's own end.
type Interface struct {
	Addresses  []netip.Prefix // own address with the network's length, so that the whole network is routed into the tunnel
	ListenPort int            // UDP; 0: any free one, for a host that only dials
	MTU        int            // bytes of one packet inside the tunnel
	Forwarding bool           // whether the kernel forwards IPv4 packets from the tunnel
}

// Peer is the other end.
type Peer struct {
	Name       string         // for people
	PublicKey  wgtypes.Key    // of the other end
	Endpoint   string         // host:port to dial; "": the peer dials
	AllowedIPs []netip.Prefix // the addresses of the peer, as source and destination
	Keepalive  time.Duration  // whole seconds; 0: none
}

// Render is the [Interface] section for wg-quick(8), without its PrivateKey. It comes first in the file, so that the host can
// append the key to it.
func (i Interface) Render() string {
	var b strings.Builder
	b.WriteString("[Interface]\n")
	for _, address := range i.Addresses {
		fmt.Fprintf(&b, "Address = %s\n", address)
	}
	if i.ListenPort != 0 {
		fmt.Fprintf(&b, "ListenPort = %d\n", i.ListenPort)
	}
	fmt.Fprintf(&b, "MTU = %d\n", i.MTU)
	if i.Forwarding {
		b.WriteString("PostUp = echo 1 >/proc/sys/net/ipv4/conf/%i/forwarding\n")
	}
	return b.String()
}

// Render is the peer's [Peer] section.
func (p Peer) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n[Peer]\nPublicKey = %s\n", p.Name, p.PublicKey)
	if p.Endpoint != "" {
		fmt.Fprintf(&b, "Endpoint = %s\n", p.Endpoint)
	}
	allowed := make([]string, 0, len(p.AllowedIPs))
	for _, prefix := range slices.SortedFunc(slices.Values(p.AllowedIPs), netip.Prefix.Compare) {
		allowed = append(allowed, prefix.String())
	}
	fmt.Fprintf(&b, "AllowedIPs = %s\n", strings.Join(allowed, ", "))
	if p.Keepalive != 0 {
		fmt.Fprintf(&b, "PersistentKeepalive = %d\n", int(p.Keepalive.Seconds()))
	}
	return b.String()
}

// Hosts are the addresses as networks of one address each: what a peer with these addresses may send from.
func Hosts(addresses []netip.Addr) []netip.Prefix {
	prefixes := make([]netip.Prefix, 0, len(addresses))
	for _, address := range addresses {
		prefixes = append(prefixes, netip.PrefixFrom(address, address.BitLen()))
	}
	return prefixes
}
