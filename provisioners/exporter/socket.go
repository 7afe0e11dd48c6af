package exporter

import (
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Socket is the name of the unit that listens for it; "" if it listens itself. systemd listens from early in a boot on, before anybody can
// log in, so no local user can take the port first. While the exporter restarts, a scrape waits.
func (i Instance) Socket() string {
	if !i.Pinned() || i.SocketFlag == "" {
		return ""
	}
	return strings.TrimSuffix(i.Service(), ".service") + ".socket"
}

// SocketText is the text of Socket, systemd.socket(5). What systemd lets its packets reach counts here, not in the service's unit.
func (i Instance) SocketText() string {
	var socket []string
	for _, at := range i.Listens() {
		socket = append(socket, "ListenStream="+at)
	}
	socket = append(socket,
		"FreeBind=yes",              // it can start before the address exists
		"TriggerLimitIntervalSec=0", // an exporter that does not start must not end the socket
	)
	socket = slices.Concat(socket, systemd.Only(append(wireguard.Hosts(i.Own), wireguard.Hosts(i.Monitor)...)...))
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Where " + i.Service() + " is scraped"}},
		{Name: "Socket", Lines: socket},
		{Name: "Install", Lines: []string{"WantedBy=sockets.target"}},
	}.Render()
}
