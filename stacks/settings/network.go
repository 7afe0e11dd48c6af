package settings

import (
	"net/netip"

	"github.com/promwire/promwire/stacks/settings/document"
)

const (
	minBits = 8    // no private range is larger
	minMTU  = 1280 // RFC 8200: the least that IPv6 works with
	maxMTU  = 8920 // jumbo frames of 9000 bytes less WireGuard's 80
	maxPort = 65535
)

// privateRanges are those meant for networks of one's own: RFC 1918, and RFC 6598's shared address space.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
}

func (c *checker) network(n document.Network) Network {
	return Network{
		V4:   c.tunnelV4("network.cidr", or(n.CIDR, defaultCIDR)),
		V6:   c.tunnelV6("network.ipv6", n.IPv6),
		Port: c.number("network.port", n.Port, defaultPort, 1, maxPort),
		MTU:  c.number("network.mtu", n.MTU, defaultMTU, minMTU, maxMTU),
	}
}

func (c *checker) tunnelV4(path, text string) netip.Prefix {
	prefix, ok := c.prefix(path, text)
	if !ok {
		return netip.Prefix{}
	}
	first := prefix.Addr()
	switch {
	case !first.Is4():
		c.Add(path, "%s is no IPv4 network; an IPv6 one goes to network.ipv6", text)
	case prefix.Bits() < minBits:
		c.Add(path, "%s is larger than any private network; choose one such as %s", text, defaultCIDR)
	case first.IsUnspecified() || first.IsLoopback() || first.IsLinkLocalUnicast() || first.IsMulticast():
		c.Add(path, "%s can't be routed; choose a private network such as %s", text, defaultCIDR)
	default:
		if !private(prefix) {
			c.warn("network.cidr: %s is public address space; the fleet's hosts will no longer reach its owner", text)
		}
		return prefix
	}
	return netip.Prefix{}
}

func private(prefix netip.Prefix) bool {
	for _, r := range privateRanges {
		if r.Contains(prefix.Addr()) && r.Bits() <= prefix.Bits() {
			return true
		}
	}
	return false
}

func (c *checker) tunnelV6(path, text string) netip.Prefix {
	if text == "" {
		return netip.Prefix{}
	}
	prefix, ok := c.prefix(path, text)
	if !ok {
		return netip.Prefix{}
	}
	first := prefix.Addr()
	switch {
	case !first.Is6() || first.Is4In6():
		c.Add(path, "%s is no IPv6 network; an IPv4 one goes to network.cidr", text)
	case prefix.Bits() != 64:
		c.Add(path, "%s is a /%d; the tunnel takes a /64 of its own, such as one of fd00::/8", text, prefix.Bits())
	case !first.IsGlobalUnicast():
		c.Add(path, "%s can't be routed; choose a /64 of fd00::/8 (RFC 4193)", text)
	default:
		return prefix
	}
	return netip.Prefix{}
}

// prefix parses a network in CIDR notation and insists that no host bits are set: they would hide a typing error.
func (c *checker) prefix(path, text string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		if addr, err := netip.ParseAddr(text); err == nil {
			c.Add(path, "%s is an address, not a network; for this address alone write %s/%d", text, addr, addr.BitLen())
		} else {
			c.Add(path, "%q is no network; write it as address/bits, such as %s", text, defaultCIDR)
		}
		return netip.Prefix{}, false
	}
	if masked := prefix.Masked(); masked != prefix {
		c.Add(path, "%s is an address inside a network; the network is %s", text, masked)
		return netip.Prefix{}, false
	}
	return prefix, true
}

// number is a whole number that has a default and a range. Zero is not the default: who writes it means it.
func (c *checker) number(path string, value *int, fallback, least, most int) int {
	if value == nil {
		return fallback
	}
	if *value < least || *value > most {
		c.Add(path, "%d is out of range; it takes %d to %d", *value, least, most)
	}
	return *value
}

func (c *checker) ssh(s document.SSH) SSH {
	const path = "ssh.from"
	if s.From == nil {
		c.warn("ssh.from: SSH is open to the whole internet; name the networks that you come from")
		return SSH{From: anywhere, Registered: s.Registered}
	}
	if len(s.From) == 0 {
		c.Add(path, "the list is empty, and nobody could log in any more, promwire included; name the networks that you come from")
	}
	var from []netip.Prefix
	for i, text := range s.From {
		prefix, ok := c.prefix(document.Index(path, i), text)
		if !ok {
			continue
		}
		if prefix.Bits() == 0 {
			c.warn("%s: %s opens SSH to the whole internet; name the networks that you come from", document.Index(path, i), text)
		}
		from = append(from, prefix)
	}
	return SSH{From: from, Registered: s.Registered}
}
