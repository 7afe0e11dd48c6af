package plan

import (
	"github.com/promwire/promwire/provisioners/fence"
)

// fenceFiles are the fence's script and units.
func (v TargetValues) fenceFiles() []call {
	if v.Direct != nil {
		return nil
	}
	f := fence.Fence{Networks: v.Tunnel.Networks, Own: v.Tunnel.Addresses, Monitor: v.Monitor.Addresses, Ports: v.Scraped()}
	return []call{
		putText("fence", fence.Path, "755", "bash", "-n"),
		do("record", "file", fence.Metrics),
		unit(fence.Service, f.Unit()),
		unit(fence.Timer, f.TimerUnit()),
		do("reread", fence.Service),
	}
}

func (v TargetValues) fenceRuns() []call {
	if v.Direct != nil { // its results from its time in the tunnel are out of date
		return []call{do("remove_unit", fence.Timer), do("remove", fence.Metrics)}
	}
	return []call{do("service", fence.Timer)}
}
