package settings

import (
	"slices"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/stacks/settings/document"
)

func (c *checker) hub(h *document.Hub) *Hub {
	if h == nil {
		return nil
	}
	const path = "hub"
	exporters := c.choices(path, []exporter.Exporter{row(exporter.Node)}, h.Flags, nil)
	host := c.host(path, h.Machine, exporters)
	host.Transport = WireGuard
	if host.Name == "monitor" { // the monitor has the file of who it dials by this name, if it was a target
		c.Add(path+".name", "a hub can't have the name monitor; choose another")
	}
	c.hosts = append(c.hosts, located{path, host})
	return &Hub{Host: host, Endpoint: c.endpoint(path, h.Endpoint, h.Machine, "the hub")}
}

// byHub reports what a fleet with a hub can't have: what reaches the monitor or other ends by itself, and what the hub does not pass on.
func (c *checker) byHub(s *Settings) {
	if s.Hub == nil {
		return
	}
	if len(s.Clusters) > 0 {
		c.Add("clusters", "a fleet with a hub can't have any: their ends of the tunnel dial the monitor; leave out hub or clusters")
	}
	if len(s.Pushgateway.Jobs) > 0 {
		c.Add("pushgateway", "a fleet with a hub can't have one: the hub lets nobody connect to the monitor; leave out hub or pushgateway")
	}
	if i := slices.IndexFunc(c.hosts, func(h located) bool { return h.Transport == TLSOnly }); i >= 0 {
		c.Add(c.hosts[i].path+".transport", "a fleet with a hub has all its targets in the tunnel; write wireguard, or leave out hub")
	}
}
