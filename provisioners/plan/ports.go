package plan

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/relay"
)

// listener is a unit and an address:port where it listens.
type listener struct{ unit, at string }

// listeners are those of one unit.
func listeners(unit string, port int, own ...netip.Addr) []listener {
	var all []listener
	for _, address := range own {
		all = append(all, listener{unit, net.JoinHostPort(address.String(), strconv.Itoa(port))})
	}
	return all
}

// places are where these listen.
func places(all []listener) []netip.AddrPort {
	var found []netip.AddrPort
	for _, l := range all {
		found = append(found, netip.MustParseAddrPort(l.at))
	}
	return found
}

// ports looks, before anything is changed, whether something else listens where the plan's units are to.
func ports(all ...listener) call {
	words := []string{"ports"}
	for _, l := range all {
		words = append(words, l.unit, l.at)
	}
	return do(words...)
}

// portsHeld waits until they listen there, and nothing else does.
func portsHeld() call { return do("ports_held") }

func (all exporters) listeners() []listener {
	var found []listener
	for _, e := range all {
		for _, at := range e.Listens() {
			found = append(found, listener{e.Service(), at})
		}
	}
	return found
}

// listeners are what the monitor's units listen on.
func (v MonitorValues) listeners() []listener {
	own := v.Tunnel.Addresses
	all := append(v.exporters().listeners(), listeners(prometheus.Service, prometheus.Port, append([]netip.Addr{loopback}, own...)...)...)
	if len(v.Jobs) > 0 {
		all = append(all, listeners(pushgateway.Service, pushgateway.Port, own...)...)
	}
	if v.Alertmanager != nil {
		all = append(all, listeners(alertmanager.Service, alertmanager.Port, loopback)...)
	}
	return all
}

// listeners are what the target's units listen on. Where a relay without TLS leads to a service of the owner's, the host itself finds out.
func (v TargetValues) listeners() []listener {
	own := v.place().Own
	all := v.exporters().listeners()
	for _, r := range v.relays() {
		all = append(all, listeners(r.Socket(), r.Port, r.Own...)...)
	}
	all = append(all, v.fenceListeners()...)
	if v.TLS.Enabled() {
		return append(all, listeners(certificate.ReceiveSocket, certificate.ReceivePort, own...)...)
	}
	for _, e := range exporter.Endpoints(v.Exporters, nil, true) {
		if e.Behind != 0 {
			all = append(all, listeners(relay.Name(e.Behind)+".socket", e.Behind, own...)...)
		}
	}
	return all
}
