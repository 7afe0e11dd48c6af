package plan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// validName refuses what is not a host name (RFC 1123), because files are named after it.
func validName(host string) error {
	if !hostName.MatchString(host) {
		return fmt.Errorf("%q is not a valid host name: lower-case letters, digits and hyphens", host)
	}
	return nil
}

func (t Tunnel) check() error {
	if len(t.Addresses) == 0 || len(t.Addresses) != len(t.Networks) || !t.Addresses[0].Is4() {
		return fmt.Errorf("tunnel: %d addresses in %d networks; there must be one address in each, IPv4 first", len(t.Addresses), len(t.Networks))
	}
	for i, address := range t.Addresses {
		if !t.Networks[i].Contains(address) {
			return fmt.Errorf("tunnel: address %s is not in network %s", address, t.Networks[i])
		}
	}
	if t.Port < 1 || t.Port > 65535 {
		return fmt.Errorf("tunnel: %d is not a port", t.Port)
	}
	least := 576
	if len(t.Networks) > 1 {
		least = 1280 // RFC 8200: IPv6 needs it
	}
	if t.MTU < least || t.MTU > 65535 {
		return fmt.Errorf("tunnel: MTU %d is not from %d to 65535", t.MTU, least)
	}
	return nil
}

// prefixes are the host's own addresses with their networks' lengths.
func (t Tunnel) prefixes() []netip.Prefix {
	prefixes := make([]netip.Prefix, len(t.Addresses))
	for i, address := range t.Addresses {
		prefixes[i] = netip.PrefixFrom(address, t.Networks[i].Bits())
	}
	return prefixes
}

func (s SSH) check() error {
	if s.Port < 1 || s.Port > 65535 {
		return fmt.Errorf("ssh: %d is not a port", s.Port)
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
	return p.places(t)
}

// places refuses a monitor without its places in the tunnel.
func (p Peer) places(t Tunnel) error {
	if len(p.Addresses) != len(t.Networks) {
		return fmt.Errorf("monitor: %d addresses in %d networks; there must be one in each", len(p.Addresses), len(t.Networks))
	}
	return nil
}

func (o Open) check() error {
	for _, opening := range o {
		if err := opening.Check(); err != nil {
			return fmt.Errorf("open: %w", err)
		}
	}
	return nil
}

func (v TargetValues) check() error {
	err := errors.Join(validName(v.Host), v.SSH.check(), v.Open.check(), v.TLS.check(), checkExporters(v.Exporters))
	if v.TLS.Enabled() && v.Certificate == (facts.Certificate{}) {
		err = errors.Join(err, errors.New("tls: the monitor gave it no certificate"))
	}
	if v.Direct != nil {
		return errors.Join(err, v.Direct.check(v.TLS))
	}
	if v.Hub != nil {
		return errors.Join(err, v.Tunnel.check(), v.Monitor.places(v.Tunnel))
	}
	return errors.Join(err, v.Tunnel.check(), v.Monitor.check(v.Tunnel))
}

func (v MonitorValues) check() error {
	err := errors.Join(validName(v.Host), v.Tunnel.check(), v.SSH.check(), v.Releases.Prometheus.Check(), v.Open.check(), v.TLS.check(),
		v.checkJobs(), v.checkAlertmanager(), checkExporters(v.Exporters))
	if v.Agent && (len(v.RemoteWrite.Entries) == 0 || v.Alertmanager != nil || v.RetentionSize != "") {
		err = errors.Join(err, errors.New("agent: it needs somewhere to write to, and can have no alerts and no retention"))
	}
	if probing := slices.ContainsFunc(v.Exporters, named(exporter.Blackbox)); probing != (len(v.Probes) > 0) {
		err = errors.Join(err, errors.New("probes: the blackbox exporter and probes need each other"))
	}
	return err
}

// checkExporters refuses a list without the node exporter, which promwire's own proofs need, and releases that no host could install.
func checkExporters(choices []exporter.Choice) error {
	var err error
	if !slices.ContainsFunc(choices, named(exporter.Node)) {
		err = errors.New("exporters: node is not in the list")
	}
	for _, c := range choices {
		if c.Pinned() {
			err = errors.Join(err, c.Release.Check())
		}
	}
	return err
}

func named(name string) func(exporter.Choice) bool {
	return func(c exporter.Choice) bool { return c.Name == name }
}

func (t TLS) check() error {
	if t.Enabled() && (t.RenewBefore < time.Second || t.RenewBefore >= t.Validity) {
		return fmt.Errorf("tls: renewal %s before the end of %s; it must be more than 0 and less than the validity", t.RenewBefore, t.Validity)
	}
	return nil
}

func (d Direct) check(t TLS) error {
	switch {
	case !t.Enabled():
		return errors.New("direct: outside the tunnel it would be scraped in clear text; enable tls")
	case !d.Listen.IsValid() || !d.Monitor.IsValid():
		return errors.New("direct: the address where the exporter listens or the monitor's is missing")
	case d.Listen.Is4() != d.Monitor.Is4():
		return fmt.Errorf("direct: it listens on %s and the monitor comes from %s; both have to be IPv4, or both IPv6", d.Listen, d.Monitor)
	}
	return nil
}
