package kubernetes

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"
)

// firstDial and dialPorts bound the gateway's ports for Dials.
const firstDial, dialPorts = 20000, 10000

// Dial is a connection that people allow: from pods of a namespace, through the gateway, to a host in the tunnel.
type Dial struct {
	Host      string         // its name
	To        netip.AddrPort // where it is in the tunnel, TCP
	Namespace string         // of the pods
}

// Service is the name of the Service at which pods reach the host, at the host's own port.
func (d Dial) Service() string { return "to-" + d.Host }

// DialPorts are the gateway's ports, one for each place in the tunnel. A place keeps its port when others come and go: while an update is applied,
// policies are new and the gateway is not, and a port must not lead elsewhere then.
func DialPorts(dials []Dial) map[netip.AddrPort]int {
	var all []netip.AddrPort
	for _, d := range dials {
		all = append(all, d.To)
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	ports := map[netip.AddrPort]int{}
	taken := map[int]bool{}
	for _, to := range slices.Compact(all) {
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(to.String())) // which never fails
		port := firstDial + int(hash.Sum32()%dialPorts)
		for taken[port] { // one in ten thousand
			port = firstDial + (port+1-firstDial)%dialPorts
		}
		taken[port], ports[to] = true, port
	}
	return ports
}

// toGateway are the edges of pods to the gateway.
func (v Values) toGateway() []Edge {
	ports := DialPorts(v.Dials)
	var edges []Edge
	for _, d := range slices.SortedFunc(slices.Values(v.Dials), func(a, b Dial) int { return cmp.Or(a.To.Compare(b.To), cmp.Compare(a.Namespace, b.Namespace)) }) {
		edges = append(edges, Edge{End{Namespace: d.Namespace}, End{Role: RoleGateway}, TCP, ports[d.To]})
	}
	return edges
}
