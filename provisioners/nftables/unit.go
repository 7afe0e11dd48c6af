package nftables

import "github.com/promwire/promwire/provisioners/systemd"

const (
	// Permanent is the confirmed ruleset, which the host loads when it boots.
	Permanent = "/etc/promwire/firewall.nft"
	// Service is the unit that loads it.
	Service = "promwire-firewall.service"
)

// Unit loads the permanent ruleset before the network is up, and again whenever the distribution's own nftables.service, which
// may begin with `flush ruleset`, has loaded its rules.
func Unit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Firewall of promwire",
			"Documentation=man:nft(8)",
			"DefaultDependencies=no",
			"Wants=network-pre.target",
			"Before=network-pre.target shutdown.target",
			"After=local-fs.target nftables.service",
			"Conflicts=shutdown.target",
			"PartOf=nftables.service",
			"ReloadPropagatedFrom=nftables.service",
			"ConditionPathExists=" + Permanent,
		}},
		{Name: "Service", Lines: []string{
			"Type=oneshot",
			"RemainAfterExit=yes",
			"ExecStart=/usr/sbin/nft -f " + Permanent,
			"ExecReload=/usr/sbin/nft -f " + Permanent,
		}},
		{Name: "Install", Lines: []string{"WantedBy=sysinit.target nftables.service"}},
	}.Render()
}
