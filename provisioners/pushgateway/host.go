package pushgateway

import (
	"net/netip"
	"strings"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Service is the unit on a host.
	Service = Name + ".service"
	// Scraper is Prometheus's user. On a host, its password and those of all other users are made there, see PasswordOf.
	Scraper = prometheus.PushedUser

	// Data is what was pushed.
	Data = states + "/" + Name
	// states is where systemd makes a unit's StateDirectory.
	states = "/var/lib"
)

// PasswordOf is the file of a user's password on a host, which only root reads.
func PasswordOf(user string) string { return Folder + "/" + user + ".password" }

// Host is the Pushgateway of the monitor.
type Host struct {
	Own      []netip.Addr   // of the tunnel: where it listens
	Networks []netip.Prefix // of the tunnel: the networks that it exchanges packets with
}

// At is the address where Prometheus scrapes it: host:port.
func (h Host) At() string { return at(h.Own[0], Port) }

// Unit is its unit. It listens only on the host's tunnel addresses, starts after the tunnel, and stops and starts again with it.
// Pushed series survive a restart.
func (h Host) Unit() string {
	command := []string{
		release.Binaries + "/" + Name,
		"--web.config.file=" + WebConfig,
		"--persistence.file=" + Data + "/metrics",
	}
	for _, address := range h.Own {
		command = append(command, "--web.listen-address="+at(address, Port))
	}
	service := []string{
		"User=" + Name,
		"Group=" + Name,
		"ExecStart=" + strings.Join(command, " \\\n  "),
		"Restart=always",
		"RestartSec=3",
		"StateDirectory=" + Name,
		"StateDirectoryMode=0750",
		"MemoryHigh=15%",
		"MemoryMax=20%",
		"RemoveIPC=yes",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
	}
	service = append(service, systemd.Only(h.Networks...)...)
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Pushgateway, for batch jobs on hosts in the tunnel",
			"Documentation=https://github.com/prometheus/pushgateway",
			"StartLimitIntervalSec=0",
			"BindsTo=" + wireguard.Unit,
			"After=" + wireguard.Unit,
		}},
		{Name: "Service", Lines: append(service, systemd.Sandbox()...)},
		{Name: "Install", Lines: []string{"WantedBy=multi-user.target " + wireguard.Unit}},
	}.Render()
}
