package settings

import (
	"net/netip"
	"slices"
)

// room reports a tunnel network with fewer addresses than hosts.
func (c *checker) room(v4 netip.Prefix) {
	if !v4.IsValid() {
		return
	}
	// Without the first and the last one, which are the network's own and its broadcast address.
	room := 1<<(32-v4.Bits()) - 2
	if len(c.hosts) <= room {
		return
	}
	bits := v4.Bits()
	for bits > minBits && 1<<(32-bits)-2 < len(c.hosts) {
		bits--
	}
	c.Add("network.cidr", "%s has room for %d hosts, and the fleet has %d; choose a /%d", v4, max(room, 0), len(c.hosts), bits)
}

// overlap reports addresses that lie inside the tunnel's networks: what is sent there would go into the tunnel that it is
// needed to set up. (DNS names, and networks that only the hosts know, are looked at on the hosts.)
func (c *checker) overlap(n Network, m Monitor) {
	c.outside(n, "monitor.endpoint", m.Endpoint)
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
			c.Add("ssh.from", "has no network of the family of %s.address, %s; promwire would lock itself out", host.path, addr)
		}
		if host.Existing.Bastion != nil && !admits(from, host.Existing.Address) && !admits(from, host.Existing.Bastion.Address) {
			c.warn("ssh.from: %s is reached through its bastion; the network that the bastion reaches it from must be in the list",
				host.path)
		}
	}
	if droplets && !family(from, true) {
		c.Add("ssh.from", "has no IPv4 network, by which droplets are reached; promwire would lock itself out")
	}
}

func family(from []netip.Prefix, v4 bool) bool {
	return slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Addr().Is4() == v4 })
}

func admits(from []netip.Prefix, address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
