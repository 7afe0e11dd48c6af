package plan

import (
	"github.com/promwire/promwire/provisioners/nodeexporter"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Enrol is the script that makes the monitor know a target: its peer, and the file that makes Prometheus scrape it. The monitor
// must have converged. Undone, it has forgotten the target; where nothing of the fleet is left, there is nothing to undo.
func Enrol(v EnrolValues) string {
	allowed := wireguard.Hosts(v.Addresses)
	unseat := []string{"unseat", v.Host, v.PublicKey.String()}
	for _, address := range allowed {
		unseat = append(unseat, address.String())
	}
	peer := wireguard.Peer{Name: v.Host, PublicKey: v.PublicKey, AllowedIPs: allowed}
	labels := prometheus.Labels{Name: v.Host, Region: v.Region, Role: prometheus.RoleTarget, Own: v.Labels}
	know := []call{
		do("use", v.Host, "enrol"),
		do(unseat...),
		put("/etc/wireguard/promwire0.d/peer-"+v.Host+".conf", "600", peer.Render()),
		do("join_parts"),
		put(targetFile(v.Host), "644", prometheus.Target(labels, v.Addresses[0], nodeexporter.Port)),
		do("receipt", ""),
	}
	forget := []call{
		do("use", v.Host, "withdraw"),
		do("leave", v.Host),
		do("join_parts"),
		do("receipt", ""),
	}
	return script("the monitor knows "+v.Host, scripts.Use, function{apply, know}, function{undo, forget})
}
