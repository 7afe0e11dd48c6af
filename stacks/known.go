package stacks

import (
	"slices"

	end "github.com/promwire/promwire/components/cluster/tunnel"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/proof"
)

// known is what the monitor may have: what the stack has now, and what this update removes after the proof.
func (t translation) known(ends []string) proof.Known {
	k := proof.Known{Remove: t.settings.Verification.RemoveUnknown}
	for _, h := range t.settings.Hosts()[1:] { // but the monitor
		k.Planned = append(k.Planned, h.Name)
	}
	for _, c := range t.settings.Clusters {
		ends = append(slices.Clone(ends), c.TunnelNames()...)
	}
	for _, name := range ends {
		k.Planned = append(k.Planned, proof.InCluster(name))
	}
	enrolled := monitor.Enrolled(t.state, target.Type)
	for _, name := range monitor.Enrolled(t.state, end.Type) {
		enrolled = append(enrolled, proof.InCluster(end.Named(name)))
	}
	for _, name := range enrolled {
		if !slices.Contains(k.Planned, name) {
			k.Leaving = append(k.Leaving, name)
		}
	}
	for _, name := range slices.Concat(monitor.AtHub(t.state, monitor.Type), monitor.AtHub(t.state, target.Type)) {
		if name != t.settings.Monitor.Name && !slices.Contains(k.Planned, name) && !slices.Contains(k.Leaving, name) {
			k.AtHub = append(k.AtHub, name)
		}
	}
	return k
}
