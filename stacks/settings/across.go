package settings

import (
	"net/netip"
	"slices"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/stacks/settings/document"
)

// room reports a tunnel network with fewer addresses than hosts and ends of the tunnel in clusters.
func (c *checker) room(v4 netip.Prefix, clusters []Cluster) {
	if !v4.IsValid() {
		return
	}
	// Without the first and the last one, which are the network's own and its broadcast address.
	room := 1<<(32-v4.Bits()) - 2
	needed := len(c.hosts)
	for _, cluster := range clusters {
		needed += len(cluster.TunnelNames())
	}
	if needed <= room {
		return
	}
	bits := v4.Bits()
	for bits > minBits && 1<<(32-bits)-2 < needed {
		bits--
	}
	// Only the state knows whether the fleet is up, and from where.
	c.Add("network.cidr", "%s has room for %d hosts, and the fleet has %d; choose a /%d or larger, and for a fleet that is up one that begins at "+
		"the same address as what it has, and is not smaller", v4, max(room, 0), needed, bits)
}

// overlap reports addresses that lie inside the tunnel's networks: what is sent there would go into the tunnel that it is
// needed to set up. (DNS names, and networks that only the hosts know, are looked at on the hosts.)
func (c *checker) overlap(s *Settings) {
	n, m := s.Network, s.Monitor
	c.outside(n, "monitor.endpoint", m.Endpoint)
	if s.Hub != nil {
		c.outside(n, "hub.endpoint", s.Hub.Endpoint)
	}
	if m.Existing == nil || single(m.Existing.Address) != m.Source { // or it's no news
		c.outside(n, "monitor.source", m.Source.String())
	}
	for _, host := range c.hosts {
		if host.Existing == nil {
			continue
		}
		c.outside(n, host.path+".address", host.Existing.Address)
		c.outside(n, host.path+".listen", host.Listen.String())
		if host.Existing.Bastion != nil {
			c.outside(n, host.path+".bastion.address", host.Existing.Bastion.Address)
		}
	}
}

// free reports a port that the tunnel needs where the others dial, and that the machine's owner says is served by something else.
func (c *checker) free(s *Settings) {
	n, path, dialed := s.Network, "monitor", s.Monitor.Existing
	if s.Hub != nil {
		path, dialed = "hub", s.Hub.Existing
	}
	if dialed != nil && nftables.Opens(dialed.Open, n.Port, "udp") {
		c.Add(path+".open", "%d/udp is network.port, where the tunnel listens; leave it out, or choose another network.port", n.Port)
	}
}

// fits reports hosts whose end of the tunnel can't have the size that they ask for.
func (c *checker) fits(n Network) {
	for i, host := range c.hosts {
		if host.MTU == 0 || i > 0 && host.path == c.hosts[i-1].path { // the first of a group stands for all
			continue
		}
		switch {
		case host.Transport == TLSOnly:
			c.Add(host.path+".mtu", "is of the tunnel, and a target with transport tls has none; leave it out")
		case host.MTU < minMTU && n.V6.IsValid() && !c.has(host.path+".mtu"):
			c.Add(host.path+".mtu", "%d is too small for IPv6 in the tunnel; write at least %d, or leave network.ipv6 out", host.MTU, minMTU)
		}
	}
}

func (c *checker) outside(n Network, path, address string) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return
	}
	if n.V4.Contains(addr.Unmap()) || n.V6.Contains(addr) {
		c.Add(path, "%s lies inside the tunnel's network; choose another network.cidr or network.ipv6", addr)
	}
}

// reachable reports hosts that their own firewall would hide from the operator, as far as the stack file tells.
func (c *checker) reachable(from []netip.Prefix) {
	if len(from) == 0 {
		return
	}
	droplets := false
	for _, host := range c.hosts {
		if host.Existing == nil {
			droplets = true
			continue
		}
		// Only the family is certain: which address the operator comes from is not in the stack file.
		if addr, err := netip.ParseAddr(host.Existing.Address); err == nil && !family(from, addr.Unmap().Is4()) {
			c.Add("ssh.from", "has no network of the same IP version as %s.address, %s; promwire would lock itself out", host.path, addr)
		}
		if host.Existing.Bastion != nil && !admits(from, host.Existing.Address) && !admits(from, host.Existing.Bastion.Address) {
			c.warn("ssh.from: %s is reached through its bastion; the network that the bastion reaches it from must be in the list",
				host.path)
		}
	}
	if droplets && !family(from, true) {
		c.Add("ssh.from", "has no IPv4 network, and droplets are reached by IPv4; promwire would lock itself out")
	}
}

func family(from []netip.Prefix, v4 bool) bool {
	return slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Addr().Is4() == v4 })
}

func admits(from []netip.Prefix, address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// clusterLabel is the label of all series that come from clusters.
const clusterLabel = "cluster"

// unlabelled reports hosts that have the clusters' label: it would not tell any more whose series they are.
func (c *checker) unlabelled(clusters []Cluster) {
	said := map[string]bool{} // a group has many hosts
	for _, host := range c.hosts {
		if _, has := host.Labels[clusterLabel]; has && len(clusters) > 0 && !said[host.path] {
			c.Add(host.path+".labels."+clusterLabel, "is the label that names the cluster of a series; choose another name")
			said[host.path] = true
		}
	}
}

// beside reports names that clusters have in common with hosts or with each other: each is a place in the tunnel. It reports two
// clusters in one namespace, too.
func (c *checker) beside(clusters []Cluster) {
	names, spaces := map[string]string{}, map[space]string{}
	for _, host := range c.hosts {
		names[host.Name] = host.path
	}
	for i, cluster := range clusters {
		path := document.Index("clusters", i)
		for _, name := range cluster.TunnelNames() {
			if first, taken := names[name]; taken && cluster.Name != "" {
				c.Add(path+".name", "%q is the name of %s already, and every end of the tunnel needs its own; choose another", name, first)
			}
			names[name] = path
		}
		here := space{cluster.Kubeconfig, cluster.Namespace}
		if first, taken := spaces[here]; taken {
			c.Add(path+".namespace", "%q is the namespace of %s already, with the same kubeconfig; choose the context of another cluster, or another namespace",
				cluster.Namespace, first)
		}
		spaces[here] = path
	}
}

// space is a namespace of a cluster, as far as settings tell clusters apart.
type space struct {
	kubernetes.Kubeconfig
	namespace string
}
