package kubernetes

import (
	"cmp"
	"net/netip"
	"slices"
)

// firstDial is the gateway's port for the first Dial; the next ones follow.
const firstDial = 20000

// Dial is a connection that people allow: from pods of a namespace, through the gateway, to a host in the tunnel.
type Dial struct {
	Host      string         // its name
	To        netip.AddrPort // where it is in the tunnel, TCP
	Namespace string         // of the pods
}

// Service is the name of the Service at which pods reach the host, at the host's own port.
func (d Dial) Service() string { return "to-" + d.Host }

// DialPorts are the gateway's ports, one for each place in the tunnel.
func DialPorts(dials []Dial) map[netip.AddrPort]int {
	var all []netip.AddrPort
	for _, d := range dials {
		all = append(all, d.To)
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	ports := map[netip.AddrPort]int{}
	for i, to := range slices.Compact(all) {
		ports[to] = firstDial + i
	}
	return ports
}

// dials are the edges of pods to the gateway.
func (v Values) dials() []Edge {
	ports := DialPorts(v.Dials)
	var edges []Edge
	for _, d := range slices.SortedFunc(slices.Values(v.Dials), func(a, b Dial) int { return cmp.Or(a.To.Compare(b.To), cmp.Compare(a.Namespace, b.Namespace)) }) {
		edges = append(edges, Edge{End{Namespace: d.Namespace}, End{Role: RoleGateway}, TCP, ports[d.To]})
	}
	return edges
}
