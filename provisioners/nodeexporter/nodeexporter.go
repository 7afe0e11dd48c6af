// Package nodeexporter renders what runs the exporter on a host, and the fence that a target keeps around itself.
package nodeexporter

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Name is the exporter's user, binary and unit (with ".service").
	Name = "node_exporter"
	// Port is TCP: https://github.com/prometheus/prometheus/wiki/Default-port-allocations.
	Port = 9100
	// Textfiles is where other programs leave metrics for the exporter.
	Textfiles = "/var/lib/node_exporter/textfile"
)

// Exporter is how one host's exporter is reached.
type Exporter struct {
	Own     []netip.Addr // where it listens
	Monitor []netip.Addr // whom it talks to, beside the host itself
	TLS     bool         // on TLSPort, with certificates; false: plain HTTP on Port
	Tunnel  bool         // Own are addresses of the tunnel
}

// Service is the name of its unit. Plain and TLS are two units, so that one can go on until the other one is scraped.
func (e Exporter) Service() string { return e.name() + ".service" }

// Former is the name of the unit that the host had before TLS was turned on or off.
func (e Exporter) Former() string { return Exporter{TLS: !e.TLS}.Service() }

func (e Exporter) name() string {
	if e.TLS {
		return TLSName
	}
	return Name
}

// Port is the TCP port that it listens on.
func (e Exporter) Port() int {
	if e.TLS {
		return TLSPort
	}
	return Port
}

// Scheme is "https" or "http".
func (e Exporter) Scheme() string {
	if e.TLS {
		return "https"
	}
	return "http"
}

// Ports are all TCP ports that the monitor reaches on the host.
func (e Exporter) Ports() []int {
	if e.TLS {
		return []int{TLSPort, ReceivePort}
	}
	return []int{Port}
}

// Unit is the exporter's unit. It listens on its own addresses alone and talks to nobody but the monitor. In the tunnel it starts
// after the tunnel, ends with it, and comes back with it.
func (e Exporter) Unit() string {
	unit := []string{
		"Description=Prometheus exporter of this host's metrics, for the monitor only",
		"Documentation=https://github.com/prometheus/node_exporter",
		"StartLimitIntervalSec=0",
	}
	wanted := "WantedBy=multi-user.target"
	if e.Tunnel {
		unit = append(unit, "BindsTo="+wireguard.Unit, "After="+wireguard.Unit)
		wanted += " " + wireguard.Unit
	} else {
		unit = append(unit, "Wants=network-online.target", "After=network-online.target")
	}
	return systemd.Unit{
		{Name: "Unit", Lines: unit},
		{Name: "Service", Lines: append(e.service(), systemd.Sandbox()...)},
		{Name: "Install", Lines: []string{wanted}},
	}.Render()
}

func (e Exporter) service() []string {
	command := []string{"/usr/local/bin/" + Name, "--collector.textfile.directory=" + Textfiles}
	if e.TLS {
		command = append(command, "--web.config.file="+WebPath)
	}
	for _, address := range e.Own {
		command = append(command, "--web.listen-address="+net.JoinHostPort(address.String(), strconv.Itoa(e.Port())))
	}
	service := []string{
		"User=" + Name,
		"Group=" + Name,
		"ExecStart=" + strings.Join(command, " \\\n  "),
		"Restart=always",
		"RestartSec=3",
		"UMask=0077",
		"CapabilityBoundingSet=",
		"ProtectHome=read-only", // it counts the space of what is mounted there
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
		"SystemCallFilter=@system-service adjtimex", // the clock's state is read with adjtimex
	}
	return append(service, systemd.Only(append(wireguard.Hosts(e.Own), wireguard.Hosts(e.Monitor)...)...)...)
}
