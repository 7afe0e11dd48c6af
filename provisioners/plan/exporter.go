package plan

import (
	"fmt"
	"net"
	"strconv"

	"github.com/promwire/promwire/provisioners/nodeexporter"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/scripts"
)

// exporterFiles are the exporter's user, folder and unit.
func exporterFiles(e nodeexporter.Exporter) []call {
	return join(
		user(nodeexporter.Name, "Prometheus exporter of this host's metrics"),
		[]call{
			do("dir", "/var/lib/node_exporter", "755"),
			do("dir", nodeexporter.Textfiles, "755"),
			unit(e.Service(), e.Unit()),
		})
}

// exporterRuns starts it and sees it answer.
func exporterRuns(e nodeexporter.Exporter, r release.Release) []call {
	answers := []string{"answers", fmt.Sprintf("http://%s/", net.JoinHostPort(e.Own[0].String(), strconv.Itoa(e.Port()))), e.Service()}
	if e.TLS { // to a host without the scraper's certificate it says no, but it speaks
		answers[0] = "listens"
	}
	return []call{
		do("service", e.Service(), "/usr/local/bin/node_exporter"),
		do(answers...),
		do("prune", r.Name, r.Version),
	}
}

// retire ends the exporter that the host had before TLS was turned on or off, once Prometheus had the time to turn.
func retire(e nodeexporter.Exporter) []call { return []call{do("retire_later", e.Former())} }

// fenceFiles are what a target tries the tunnel with.
func (v TargetValues) fenceFiles() []call {
	if v.Direct != nil {
		return nil
	}
	f := nodeexporter.Fence{
		Networks: v.Tunnel.Networks, Own: v.Tunnel.Addresses, Monitor: v.Monitor.Addresses, Ports: v.exporter().Ports(),
	}
	return []call{
		put(nodeexporter.FencePath, "755", scripts.Fence, "bash", "-n"),
		unit(nodeexporter.FenceService, f.Service()),
		unit(nodeexporter.FenceTimer, f.Timer()),
	}
}

func (v TargetValues) fenceRuns() []call {
	if v.Direct != nil { // what it saw when it was in the tunnel is no news any more
		return []call{do("without", nodeexporter.FenceTimer), do("drop", nodeexporter.Textfiles+"/promwire_fence.prom")}
	}
	return []call{do("service", nodeexporter.FenceTimer)}
}
