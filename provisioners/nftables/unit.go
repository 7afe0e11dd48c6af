package nftables

import (
	"slices"

	"github.com/promwire/promwire/provisioners/systemd"

	"github.com/promwire/promwire/provisioners/folders"
)

const (
	// Permanent is the confirmed ruleset, which the host loads when it boots.
	Permanent = folders.Config + "/firewall.nft"
	// BridgesFile names the bridges that lead outside, if there are any; Uplinks is how a ruleset includes a file that may not be there.
	BridgesFile = folders.Config + "/uplinks.nft"
	Uplinks     = folders.Config + "/uplinks*.nft"
	// Service is the unit that loads it.
	Service = "promwire-firewall.service"
	// Distribution is the unit that loads the host's own rules, if it is enabled.
	Distribution = "nftables.service"

	load = "/usr/sbin/nft -f " + Permanent
)

// Unit loads the permanent ruleset before the network is up.
func Unit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Firewall of promwire",
			"Documentation=man:nft(8)",
			"DefaultDependencies=no",
			"Wants=network-pre.target",
			"Before=network-pre.target shutdown.target",
			"After=local-fs.target " + Distribution,
			"Conflicts=shutdown.target",
			"ConditionPathExists=" + Permanent,
		}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"RemainAfterExit=yes",
			"ExecStart=" + load,
		}, systemd.Sandbox(), systemd.Firewall())},
		{Name: "Install", Lines: []string{"WantedBy=sysinit.target"}},
	}.Render()
}

// DropIn loads again what Distribution's `flush ruleset` removes when it is started, reloaded or stopped. With the minus it is not
// an error if a host has no confirmed ruleset.
func DropIn() string {
	return systemd.Unit{
		{Name: "Service", Lines: []string{
			"ExecStartPost=-" + load,
			"ExecReload=-" + load,
			"ExecStopPost=-" + load,
		}},
	}.Render()
}
