package settings

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/stacks/settings/document"
)

// transport is how a target is reached, and where it listens.
func (c *checker) transport(path string, t document.Target) (string, netip.Addr) {
	transport := or(t.Transport, WireGuard)
	if transport != WireGuard && transport != TLSOnly {
		c.Add(path+".transport", "%q is not a transport; write %s or %s", t.Transport, WireGuard, TLSOnly)
	}
	if t.Listen == "" {
		return transport, netip.Addr{}
	}
	listen := single(t.Listen)
	switch {
	case !listen.IsValid():
		c.Add(path+".listen", "%q is not an IP address at which others can reach a machine", t.Listen)
	case transport != TLSOnly || !existing(t.Machine):
		c.Add(path+".listen", "is only for existing machines with transport tls; promwire knows where the others listen")
	}
	return transport, listen
}

// source is where targets outside the tunnel see the monitor come from: a machine's own address, unless it's behind something.
func (c *checker) source(path string, m document.Monitor, hub *document.Hub) netip.Addr {
	if m.Source == "" {
		if m.Bastion != nil {
			return netip.Addr{}
		}
		return single(m.Address)
	}
	if hub != nil {
		c.Add(path, "nobody asks where the monitor of a fleet with a hub comes from; leave it out")
	}
	source := single(m.Source)
	if !source.IsValid() {
		c.Add(path, "%q is not an IP address at which others can reach a machine", m.Source)
	}
	return source
}

// single is the IP address of one machine that others know it by; the zero value if the text is none.
func single(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback() {
		return netip.Addr{}
	}
	return addr
}

// outsideTunnel looks at the targets that are scraped outside the tunnel, and at what they need of the monitor and of the
// fleet: certificates.
func (c *checker) outsideTunnel(s *Settings, certificates bool) {
	scraped := map[string]string{}
	for i, host := range c.hosts {
		if host.Transport != TLSOnly || i > 0 && host.path == c.hosts[i-1].path { // the first of a group stands for all
			continue
		}
		if !certificates {
			c.Add(host.path+".transport", "tls needs certificates; write tls: {enabled: true} for the fleet")
		}
		c.sourceFor(host, s.Monitor)
		if host.Existing != nil && host.Existing.Address != "" && !c.has(host.path+".address") {
			c.scrapable(host, scraped)
		}
	}
	if s.Monitor.Prometheus.Web.TLS && !certificates {
		c.Add("monitor.prometheus.web.tls", "needs certificates; write tls: {enabled: true} for the fleet")
	}
}

// scrapable reports a machine outside the tunnel whose exporter could not listen, or not be asked. Those before it are in scraped.
func (c *checker) scrapable(host located, scraped map[string]string) {
	address := host.Existing.Address
	_, err := netip.ParseAddr(address)
	switch {
	case err == nil && !single(address).IsValid():
		c.Add(host.path+".transport", "tls: %s is not an address at which the monitor can reach the target", address)
	case err != nil && !host.Listen.IsValid() && !c.has(host.path+".listen"):
		c.Add(host.path+".listen", "missing: %s is a name; give the machine's own IP address on which its exporters listen", address)
	}
	at := strings.TrimSuffix(strings.ToLower(address), ".")
	if first, taken := scraped[at]; taken {
		c.Add(host.path+".transport",
			"tls: %s is scraped at %s already, and each port of an address can have one exporter only; use the tunnel for one of them", first, address)
	} else {
		scraped[at] = host.path
	}
	if host.Existing.Bastion != nil {
		c.warn("%s.transport: tls: the monitor does not use the bastion; it must reach %s directly", host.path, address)
	}
}

// sourceFor reports a monitor that comes from nowhere that a target's firewall could admit.
func (c *checker) sourceFor(host located, m Monitor) {
	if c.has("monitor.source") {
		return
	}
	from, v4 := "its public IPv4 address", true // a droplet's
	switch {
	case m.Source.IsValid():
		from, v4 = m.Source.String(), m.Source.Is4()
	case m.Existing != nil:
		if m.Existing.Bastion != nil || !c.has("monitor.address") {
			c.Add("monitor.source", "missing: %s admits the monitor by its address; give the IP address that it connects from", host.path)
		}
		return
	}
	if slices.ContainsFunc(host.own(), func(a netip.Addr) bool { return a.Is4() != v4 }) {
		c.Add(host.path+".transport", "tls: the monitor connects from %s, and the target's address is of the other IP version; "+
			"give an address of the same version in monitor.source", from)
	}
}

// own are the addresses of a target outside the tunnel, as far as the stack file tells. Droplets are scraped by IPv4, so one stands
// for theirs.
func (h located) own() []netip.Addr {
	if h.Existing == nil {
		return []netip.Addr{netip.IPv4Unspecified()}
	}
	known := []netip.Addr{single(h.Existing.Address), h.Listen}
	return slices.DeleteFunc(known, func(a netip.Addr) bool { return !a.IsValid() })
}

// has says whether something is wrong at a path already.
func (c *checker) has(path string) bool {
	return slices.ContainsFunc(c.Problems, func(p document.Problem) bool { return p.Path == path })
}
