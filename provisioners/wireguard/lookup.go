package wireguard

import (
	"slices"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/systemd"
)

const (
	// Lookup is the unit that looks up the name of the monitor's endpoint, for the watch: that one is root, and asks no name servers itself.
	Lookup = "promwire-lookup.service"
	// LookedUp has what Lookup found: a line for each address, which begins with it, as getent(1) prints them.
	LookedUp = folders.Run + "/endpoint"
)

// LookupUnit is the text of Lookup for a name. It runs as nobody else does, and systemd writes what it prints.
func LookupUnit(name string) string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Look up the name of promwire's monitor"}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"DynamicUser=yes",
			"ExecStart=/usr/bin/getent ahosts " + systemd.Quote(name),
			"StandardOutput=truncate:" + LookedUp,
			"TimeoutStartSec=20s",
			"RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
		}, systemd.Sandbox())},
	}.Render()
}
