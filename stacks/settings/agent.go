package settings

import "github.com/promwire/promwire/stacks/settings/document"

// byAgent reports what a monitor that only forwards can't do, and what it needs.
func (c *checker) byAgent(fleet document.Fleet) {
	const path = "monitor.prometheus.agent"
	p := fleet.Monitor.Prometheus
	if !p.Agent {
		return
	}
	if len(p.RemoteWrite) == 0 {
		c.Add(path, "needs monitor.prometheus.remoteWrite: an agent only forwards; say where to, or leave out agent")
	}
	for _, other := range []struct {
		path, why string
		there     bool
	}{
		{"monitor.prometheus.retention", "an agent keeps no history; the stores of remoteWrite do", p.Retention != (document.Retention{})},
		{"alertmanager", "an agent raises no alerts; let the stores of remoteWrite do that", fleet.Alertmanager.Config != nil},
		{"rules", "an agent evaluates none; give them to the stores of remoteWrite", len(fleet.Rules) > 0},
		{"clusters", "an agent can't prove that it federates any; leave out agent, or let another monitor federate them", len(fleet.Clusters) > 0},
		{"hub", "an agent can't ask the hub's metrics for its peers; leave out hub or agent", fleet.Hub != nil},
	} {
		if other.there {
			c.Add(other.path, "%s", other.why)
		}
	}
}
