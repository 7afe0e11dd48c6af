// Package watch renders what looks after a host between updates: it heals what changed since the last one, and says so.
package watch

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Path is the watch's script.
	Path = folders.Programs + "/watch"
	// Service and Timer are its units.
	Service = "promwire-watch.service"
	Timer   = "promwire-watch.timer"
	// Metrics is the file of what it healed, and of what it could not.
	Metrics = folders.Textfiles + "/promwire_watch.prom"
)

// Unit looks once. The addresses are the host's own in the tunnel, with the network's length; none: it is outside the tunnel. One
// that forwards may set the kernel's switch of its tunnel, and no other kind. The unit runs as root, because systemd starts units for nobody else, with no privilege left but CAP_NET_ADMIN, for addresses, WireGuard and
// nftables. It exchanges no packets.
func Unit(addresses []netip.Prefix, forwarding bool) string {
	command := []string{Path, Metrics}
	for _, address := range addresses {
		command = append(command, address.String())
	}
	paths := folders.State + " " + folders.Textfiles + " " + folders.Config // the last one: where bridges that lead outside are listed
	if forwarding {
		paths += " " + wireguard.Switches
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Heal what promwire made on this host"}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"ExecStart=" + strings.Join(command, " "),
			"TimeoutStartSec=3min",
			"SyslogLevel=notice",
			"LogLevelMax=notice", // otherwise the journal would have an entry for each run
			"ReadWritePaths=" + paths,
		}, systemd.Runtime(folders.Run), systemd.Sandbox(), []string{
			"UMask=0022", // the exporter reads what it writes
			"CapabilityBoundingSet=CAP_NET_ADMIN",
			"RestrictAddressFamilies=AF_NETLINK AF_UNIX",
			"IPAddressDeny=any",
		})},
	}.Render()
}

// TimerUnit is what runs Service: at once, and 20 s after it last began.
func TimerUnit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Heal regularly what promwire made on this host"}},
		{Name: "Timer", Lines: []string{"OnActiveSec=1s", "OnUnitActiveSec=20s", "AccuracySec=1s"}},
		{Name: "Install", Lines: []string{"WantedBy=timers.target"}},
	}.Render()
}
