package plan

import (
	"github.com/promwire/promwire/provisioners/fence"
)

// fenceFiles are the fence's script and units.
func (v TargetValues) fenceFiles() []call {
	if v.Direct != nil {
		return nil
	}
	f := fence.Fence{Networks: v.Tunnel.Networks, Own: v.Tunnel.Addresses, Monitor: v.Monitor.Addresses, Ports: v.onlyMonitor(), Edges: v.tried()}
	return []call{
		putText("fence", fence.Path, "755", "bash", "-n"),
		do("record", "file", fence.Metrics),
		unit(fence.Service, f.Unit()),
		unit(fence.Timer, f.TimerUnit()),
		unit(fence.Asked, f.AskedUnit()),
		unit(fence.Socket, f.SocketUnit()),
		do("reread", fence.Service), // which is another one whenever that of Asked is: both have the same command
	}
}

func (v TargetValues) fenceRuns() []call {
	if v.Direct != nil { // its results from its time in the tunnel are out of date
		return []call{do("remove_unit", fence.Timer), do("remove", fence.Metrics), do("remove_unit", fence.Socket)}
	}
	return []call{do("service", fence.Timer)}
}

// fenceAsked listens for the monitor.
func (v TargetValues) fenceAsked() []call {
	if v.Direct != nil {
		return nil
	}
	return []call{do("service", fence.Socket)}
}

// fenceListeners are where the monitor asks.
func (v TargetValues) fenceListeners() []listener {
	if v.Direct != nil {
		return nil
	}
	return listeners(fence.Socket, fence.Port, v.Tunnel.Addresses...)
}

// onlyMonitor are the TCP ports that nobody but the monitor may reach.
func (v TargetValues) onlyMonitor() []int {
	if v.Direct != nil {
		return v.Scraped()
	}
	return v.Passed()
}
