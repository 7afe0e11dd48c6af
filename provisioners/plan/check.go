package plan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// named refuses a name that is no host name (RFC 1123), because files are named after it.
func named(host string) error {
	if !hostName.MatchString(host) {
		return fmt.Errorf("name %q is no host name: lower-case letters, digits and hyphens", host)
	}
	return nil
}

func (t Tunnel) check() error {
	if len(t.Addresses) == 0 || len(t.Addresses) != len(t.Networks) || !t.Addresses[0].Is4() {
		return fmt.Errorf("tunnel: %d addresses in %d networks; it takes one address in each, IPv4 first", len(t.Addresses), len(t.Networks))
	}
	for i, address := range t.Addresses {
		if !t.Networks[i].Contains(address) {
			return fmt.Errorf("tunnel: address %s is not in network %s", address, t.Networks[i])
		}
	}
	if t.Port < 1 || t.Port > 65535 {
		return fmt.Errorf("tunnel: port %d is none", t.Port)
	}
	if t.MTU < 1280 || t.MTU > 65535 { // RFC 8200: IPv6 needs 1280
		return fmt.Errorf("tunnel: MTU %d is not from 1280 to 65535", t.MTU)
	}
	return nil
}

// prefixes are the own addresses with their networks' lengths.
func (t Tunnel) prefixes() []netip.Prefix {
	prefixes := make([]netip.Prefix, len(t.Addresses))
	for i, address := range t.Addresses {
		prefixes[i] = netip.PrefixFrom(address, t.Networks[i].Bits())
	}
	return prefixes
}

func (s SSH) check() error {
	if s.Port < 1 || s.Port > 65535 {
		return fmt.Errorf("ssh: port %d is none", s.Port)
	}
	if len(s.From) == 0 {
		return errors.New("ssh: nobody may log in; name the operator's networks")
	}
	return nil
}

func (p Peer) check(t Tunnel) error {
	if p.PublicKey == (wgtypes.Key{}) {
		return errors.New("monitor: it has no public key")
	}
	if _, _, err := net.SplitHostPort(p.Endpoint); err != nil {
		return fmt.Errorf("monitor: endpoint %q is not host:port: %w", p.Endpoint, err)
	}
	if len(p.Addresses) != len(t.Networks) {
		return fmt.Errorf("monitor: %d addresses in %d networks; it takes one in each", len(p.Addresses), len(t.Networks))
	}
	return nil
}

func (p Ports) check() error {
	for _, port := range p {
		if port.Number < 1 || port.Number > 65535 || port.Protocol != "tcp" && port.Protocol != "udp" {
			return fmt.Errorf("open: %s is no port; it is like 443/tcp", port)
		}
	}
	return nil
}
