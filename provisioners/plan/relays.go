package plan

import (
	"net"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/relay"
	"github.com/promwire/promwire/provisioners/systemd"
)

// relayed are the plain ports of what the host serves without certificates of its own, on loopback or wherever it listens.
func (v TargetSpec) relayed() []int {
	var ports []int
	for _, e := range exporter.Endpoints(v.Exporters, v.Scrape, true) {
		if e.Behind != 0 {
			ports = append(ports, e.Behind)
		}
	}
	return ports
}

// relays are those with TLS; none in a fleet without certificates.
func (v TargetValues) relays() []relay.Relay {
	var all []relay.Relay
	place := v.place()
	for _, e := range exporter.Endpoints(v.Exporters, v.Scrape, v.TLS.Enabled()) {
		if r, is := relay.Of(e, place.Own, place.Monitor); is {
			all = append(all, r)
		}
	}
	return all
}

// relayFiles are the relays' program, configurations and units.
func (v TargetValues) relayFiles() []call {
	var calls []call
	for _, r := range v.relays() {
		calls = append(calls,
			do("packages", relay.Package),
			do("dir", folders.Config, "755"),
			put(r.ConfigPath(), "644", r.Config()),
			unit(r.Service(), r.ServiceUnit()),
			unit(r.Socket(), r.SocketUnit()),
		)
	}
	return calls
}

// relaysRun starts the relays, and removes those of ports that the host does not serve any more. Without certificates, relays forward
// ports of the tunnel to what listens only on loopback; the host looks at what listens where.
func (v TargetValues) relaysRun() []call {
	var calls []call
	only := []string{"relays_only"}
	for _, r := range v.relays() {
		at := net.JoinHostPort(r.Own[0].String(), strconv.Itoa(r.Port))
		calls = append(calls,
			do("service", r.Socket(), r.ConfigPath(), systemd.Units+"/"+r.Service()),
			do("speaks_tls", "https://"+at+"/", r.Socket()),
		)
	}
	for _, port := range v.relayed() {
		only = append(only, strconv.Itoa(port), strconv.Itoa(port+exporter.TLSOffset))
	}
	if !v.TLS.Enabled() {
		calls = append(calls, v.plainRelays())
	}
	return append(calls, do(only...))
}

func (v TargetValues) plainRelays() call {
	var own []string
	for _, address := range v.Tunnel.Addresses {
		own = append(own, address.String())
	}
	words := []string{"relays", strings.Join(own, " ")}
	for _, port := range v.relayed() {
		words = append(words, strconv.Itoa(port))
	}
	return do(words...)
}

// formerRelays are those that the host had before certificates were turned on or off.
func (v TargetValues) formerRelays() []string {
	var units []string
	for _, port := range v.relayed() {
		if !v.TLS.Enabled() {
			port += exporter.TLSOffset
		}
		units = append(units, relay.Name(port)+".socket")
	}
	return units
}
