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

// Unit is the exporter's unit. It listens on the tunnel's own addresses alone, so it starts after the tunnel, ends with it,
// and comes back with it. It talks to nobody but the monitor.
func Unit(own, monitor []netip.Addr) string {
	command := []string{"/usr/local/bin/" + Name, "--collector.textfile.directory=" + Textfiles}
	for _, address := range own {
		command = append(command, "--web.listen-address="+net.JoinHostPort(address.String(), strconv.Itoa(Port)))
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
	service = append(service, systemd.Only(append(wireguard.Hosts(own), wireguard.Hosts(monitor)...)...)...)
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Prometheus exporter of this host's metrics, in the tunnel only",
			"Documentation=https://github.com/prometheus/node_exporter",
			"BindsTo=" + wireguard.Unit,
			"After=" + wireguard.Unit,
			"StartLimitIntervalSec=0",
		}},
		{Name: "Service", Lines: append(service, systemd.Sandbox()...)},
		{Name: "Install", Lines: []string{"WantedBy=multi-user.target " + wireguard.Unit}},
	}.Render()
}
