package plan

import (
	"fmt"
	"net/netip"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// EnrolCluster is the script that adds an end of the tunnel in a cluster to the monitor, and federates the cluster's Prometheus if
// there is one. The monitor must have converged. Its undo removes both.
func EnrolCluster(v EnrolClusterValues) string {
	addresses := []netip.Addr{v.Address}
	// A target may take a cluster's name, or the other way round: in one update the one is added before the other is removed.
	part := v.Name + ".cluster"
	peer := wireguard.Peer{Name: v.Name, PublicKey: v.PublicKey, AllowedIPs: wireguard.Hosts(addresses)}
	add := []call{
		use(v.Name, "enrol"),
		do("remove_conflicts", part, v.PublicKey.String(), wireguard.Hosts(addresses)[0].String()),
		put(wireguard.PeerPart(part), "600", peer.Render()),
		do("join_parts"),
		v.federate(),
		do("receipt", ""),
	}
	remove := []call{
		use(v.Name, withdraw),
		do("remove_peer", part),
		do("unfederate", v.Name),
		do("join_parts"),
		do("receipt", ""),
	}
	return script(fmt.Sprintf("the monitor knows %s, in a cluster", v.Name), head, withUndo("enrol."+part, add, remove)...)
}

func (v EnrolClusterValues) federate() call {
	if v.Federation == nil {
		return do("unfederate", v.Name)
	}
	return call{words: []string{"federate", v.Name, prometheus.Clusters}, input: v.Federation.Render()}
}
