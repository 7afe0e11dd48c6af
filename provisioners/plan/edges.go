package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// admitted are the rules for connections of other ends to this host, through the tunnel.
func admitted(edges []Edge) []nftables.Rule {
	var rules []nftables.Rule
	for _, e := range slices.SortedFunc(slices.Values(edges), Edge.compare) {
		rules = append(rules, nftables.TCP(nftables.Inside, wireguard.Hosts([]netip.Addr{e.Address}), e.Port)...)
	}
	return rules
}

// edgesAdmitted refuses a host whose other firewall drops them.
func edgesAdmitted(edges []Edge) []call {
	var calls []call
	for _, e := range slices.SortedFunc(slices.Values(edges), Edge.compare) {
		calls = append(calls, do("other_edge", e.Address.String(), strconv.Itoa(e.Port)))
	}
	return calls
}

// others are the addresses of all other ends that this one has edges with, sorted; the monitor, which it has to do with anyway, is none of them.
func (v TargetValues) others() []netip.Addr {
	var all []netip.Addr
	for _, e := range slices.Concat(v.Admits, v.Dials) {
		if !slices.Contains(v.Monitor.Addresses, e.Address) {
			all = append(all, e.Address)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// dials are where of others this host may connect to.
func (v TargetValues) dials() []netip.AddrPort {
	var all []netip.AddrPort
	for _, e := range v.Dials {
		if !slices.Contains(v.Monitor.Addresses, e.Address) {
			all = append(all, netip.AddrPortFrom(e.Address, uint16(e.Port)))
		}
	}
	return all
}

// tried are the edges that the fence tries, which must work.
func (v TargetSpec) tried() []fence.Edge {
	var all []fence.Edge
	for _, e := range slices.SortedFunc(slices.Values(v.Dials), Edge.compare) {
		all = append(all, fence.Edge{Name: e.Name, To: netip.AddrPortFrom(e.Address, uint16(e.Port))})
	}
	return all
}

func (e Edge) compare(o Edge) int {
	return cmp.Or(e.Address.Compare(o.Address), cmp.Compare(e.Port, o.Port))
}
