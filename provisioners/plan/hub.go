package plan

import (
	"net/netip"
	"slices"
	"strconv"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// EnrolPeer is the script that lets another end of the tunnel, the monitor included, dial a hub. The hub must have converged. Its undo removes
// the peer.
func EnrolPeer(v EnrolPeerValues) string {
	end := wireguard.Peer{Name: v.Host, PublicKey: v.PublicKey, AllowedIPs: wireguard.Hosts(v.Addresses)}
	add := join([]call{use(v.Host, "enrol")}, peer(end), []call{do("receipt", "")})
	remove := []call{use(v.Host, withdraw), do("remove_peer", v.Host), do("join_parts"), do("receipt", "")}
	return script("the hub knows "+v.Host, head, withUndo("peer."+v.Host, add, remove)...)
}

// peer makes the monitor dial the hub, and send it what is for any other end. Peers of single hosts, which it may still have from a time without
// a hub, go before that: WireGuard takes the narrowest.
func (m Meeting) peer(hub string, key wgtypes.Key) []call {
	var networks []netip.Prefix
	for _, n := range m.Networks {
		networks = append(networks, n.Masked())
	}
	return join(
		peer(wireguard.Peer{Name: hub, PublicKey: key, Endpoint: m.Endpoint, AllowedIPs: networks, Keepalive: wireguard.Keepalive}),
		lookup(m.Endpoint),
	)
}

// hubTunnel is the hub's end: it listens, and dials nobody. Its peers come when they are enrolled.
func (v TargetValues) hubTunnel() []call {
	return join(
		[]call{do("dials_nobody")},
		tunnel(v.Tunnel, wireguard.Interface{ListenPort: v.Tunnel.Port, Forwarding: true}),
	)
}

// hubRules are what a hub admits beside what a target does.
func (v TargetValues) hubRules() []nftables.Rule {
	if v.Hub == nil {
		return nil
	}
	listen := nftables.Rule{Way: nftables.Outside, Protocol: "udp", Ports: []int{v.Tunnel.Port}}
	return append([]nftables.Rule{listen}, nftables.Forward(v.Hub.Forward)...)
}

// hubPasses are what the monitor reaches through a hub.
func (v TargetValues) hubPasses() []netip.AddrPort {
	if v.Hub == nil {
		return nil
	}
	var all []netip.AddrPort
	for _, p := range v.Hub.Passes {
		for _, port := range p.Ports {
			all = append(all, netip.AddrPortFrom(p.To, uint16(port))) //nolint:gosec // settings admit no larger port
		}
	}
	return all
}

// hubOpenings are what a hub serves for the fleet beside what a target does.
func (v TargetValues) hubOpenings() []nftables.Opening {
	if v.Hub == nil {
		return nil
	}
	return openings("udp", v.Tunnel.Port)
}

// hubAdmitted refuses a host whose other firewall keeps the ends out, or drops what it passes on.
func (v TargetValues) hubAdmitted() []call {
	if v.Hub == nil {
		return nil
	}
	calls := append(otherFirewalls("udp", "", netip.Addr{}, v.Tunnel.Port), otherForwards(v.Monitor.Addresses[0], v.Hub.ports()...))
	for _, e := range v.Hub.Forward {
		calls = append(calls, otherForwards(e.From, e.Port))
	}
	return calls
}

// ports are those that the hub passes on, sorted.
func (h Hub) ports() []int {
	var all []int
	for _, p := range h.Passes {
		all = append(all, p.Ports...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// otherForwards refuses a host whose other firewall drops what it passes on from an end of the tunnel.
func otherForwards(from netip.Addr, ports ...int) call {
	words := []string{"other_forwards", from.String()}
	for _, port := range ports {
		words = append(words, strconv.Itoa(port))
	}
	return do(words...)
}

// hubForwards makes a hub forward packets.
func (v TargetValues) hubForwards() []call {
	if v.Hub == nil {
		return nil
	}
	return []call{do("forwarding")}
}
