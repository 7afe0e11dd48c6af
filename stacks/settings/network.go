package settings

import (
	"net/netip"

	"github.com/promwire/promwire/stacks/settings/document"
)

const (
	minBits = 8    // no private range is larger
	minMTU  = 1280 // RFC 8200: the least that IPv6 works with
	minMTU4 = 576  // RFC 791: what every host takes
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
		c.Add(path, "%s is not an IPv4 network; write an IPv6 network under network.ipv6", text)
	case prefix.Bits() < minBits:
		c.Add(path, "%s is larger than any private network; choose a smaller one, such as %s", text, defaultCIDR)
	case first.IsUnspecified() || first.IsLoopback() || first.IsLinkLocalUnicast() || first.IsMulticast():
		c.Add(path, "%s cannot be routed; choose a private network such as %s", text, defaultCIDR)
	default:
		if !private(prefix) {
			c.warn("network.cidr: %s is public address space; the fleet's hosts can no longer reach the hosts that use it on the internet", text)
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
		c.Add(path, "%s is not an IPv6 network; write an IPv4 network under network.cidr", text)
	case prefix.Bits() != 64:
		c.Add(path, "%s is a /%d; the tunnel needs a /64 of its own, such as one from fd00::/8", text, prefix.Bits())
	case !first.IsGlobalUnicast():
		c.Add(path, "%s cannot be routed; choose a /64 from fd00::/8 (RFC 4193)", text)
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
			c.Add(path, "%s is an address, not a network; for only this address write %s/%d", text, addr, addr.BitLen())
		} else {
			c.Add(path, "%q is not a network; write it as address/bits, such as %s", text, defaultCIDR)
		}
		return netip.Prefix{}, false
	}
	if masked := prefix.Masked(); masked != prefix {
		c.Add(path, "%s is an address inside a network; write the network, %s", text, masked)
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
		c.Add(path, "%d is out of range; it must be from %d to %d", *value, least, most)
	}
	return *value
}

func (c *checker) ssh(s document.SSH) SSH {
	const path = "ssh.from"
	if s.From == nil {
		c.warn("ssh.from: SSH is open to the whole internet; list the networks that you connect from")
		return SSH{From: anywhere}
	}
	if len(s.From) == 0 {
		c.Add(path, "the list is empty, so nobody could log in any more, not even promwire; list the networks that you connect from")
	}
	var from []netip.Prefix
	for i, text := range s.From {
		prefix, ok := c.prefix(document.Index(path, i), text)
		if !ok {
			continue
		}
		if prefix.Bits() == 0 {
			c.warn("%s: %s opens SSH to the whole internet; list the networks that you connect from", document.Index(path, i), text)
		}
		from = append(from, prefix)
	}
	return SSH{From: from}
}
