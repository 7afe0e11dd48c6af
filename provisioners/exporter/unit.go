package exporter

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Endpoint is where the monitor scrapes it.
func (i Instance) Endpoint() Endpoint { return Endpoints([]Choice{i.Choice}, nil, i.TLS)[0] }

// Service is the name of its unit.
func (i Instance) Service() string { return i.Endpoint().Unit + ".service" }

// Former are the units that the host had before certificates were turned on or off; none if they are the same ones.
func (i Instance) Former() []string {
	if !i.Pinned() || i.Relayed() {
		return nil
	}
	other := i
	other.TLS = !i.TLS
	var units []string
	if socket := other.Socket(); socket != "" {
		units = append(units, socket)
	}
	return append(units, other.Service())
}

// File is the path of its unit, or of the drop-in of its package's unit.
func (i Instance) File() string {
	if i.Pinned() {
		return systemd.Units + "/" + i.Service()
	}
	return systemd.DropInFolder(i.Service()) + "/" + systemd.DropIn
}

// Text is the text of File. The exporter listens only on its own addresses, and connects at most to the monitor and the host itself. In
// the tunnel it starts after the tunnel, and stops and starts again with it. One that is relayed listens on loopback, and needs neither; one
// with a socket can listen where there is no address yet.
func (i Instance) Text() string {
	unit := []string{"StartLimitIntervalSec=0"}
	wanted := "WantedBy=multi-user.target"
	switch {
	case i.Socket() != "":
		unit = append(unit, "Wants="+i.Socket(), "PartOf="+i.Socket()) // systemd 249 checks a unit only with all that it requires
	case i.Relayed():
	case i.Tunnel:
		unit = append(unit, "BindsTo="+wireguard.Unit, "After="+wireguard.Unit)
		wanted += " " + wireguard.Unit
	default:
		unit = append(unit, "Wants=network-online.target", "After=network-online.target")
	}
	if i.Pinned() {
		unit = append([]string{"Description=Prometheus exporter of " + i.Sees + ", for promwire's monitor only"}, unit...)
	}
	return systemd.Unit{
		{Name: "Unit", Lines: unit},
		{Name: "Service", Lines: i.service()},
		{Name: "Install", Lines: []string{wanted}},
	}.Render()
}

func (i Instance) service() []string {
	var service []string
	if i.Pinned() {
		service = append(service, "User="+i.User, "Group="+i.group())
	} else {
		// The package's own would listen on all addresses, and its file's empty variables would override ours.
		service = append(service, "ExecStart=", "EnvironmentFile=")
	}
	service = append(service, "ExecStart="+strings.Join(i.command(), " \\\n  "))
	if i.Secured() && !i.Pinned() {
		service = append(service, "SupplementaryGroups="+certificate.Group)
	}
	service = append(service, i.login()...)
	service = append(service, "Restart=always", "RestartSec=3", "MemoryHigh=15%", "MemoryMax=20%")
	return slices.Concat(service, systemd.Sandbox(), i.Choice.Service, i.network())
}

// group is that of one with a release: its user's own, or the one that reads the host's certificate.
func (i Instance) group() string {
	if i.Secured() {
		return certificate.Group
	}
	return i.User
}

// network is whom it may reach, and by what. One that gets its listeners from its socket makes no connection at all, unless the operator's
// flags turn on what asks the network. What others ask may be anywhere, or else is the host itself.
func (i Instance) network() []string {
	const all = "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX"
	switch {
	case i.SecretFile != "" || i.Name == Blackbox:
		return []string{all}
	case i.Socket() == "":
		return append([]string{all}, systemd.Only(append(wireguard.Hosts(i.Own), wireguard.Hosts(i.Monitor)...)...)...)
	case slices.ContainsFunc(i.Asks, func(flag string) bool { return slices.Contains(i.MoreFlags, flag) }):
		return append([]string{all}, systemd.Only()...)
	}
	return []string{"RestrictAddressFamilies=AF_NETLINK AF_UNIX", "IPAddressDeny=any"}
}

// login is how it logs in to its service: by the owner's secret file, or else by the row's way without a secret.
func (i Instance) login() []string {
	if i.SecretFile != "" {
		return []string{"EnvironmentFile=" + i.SecretFile}
	}
	var lines []string
	for _, variable := range i.Environment {
		lines = append(lines, "Environment="+systemd.Quote(variable))
	}
	return lines
}

func (i Instance) command() []string {
	words := append([]string{i.Program}, i.AllFlags()...)
	if i.Secured() {
		words = append(words, i.WebFlag+"="+certificate.WebPath)
	}
	if i.Socket() != "" {
		words = append(words, i.SocketFlag)
	} else {
		for _, at := range i.Listens() {
			words = append(words, i.ListenFlag+"="+at)
		}
	}
	for n, word := range words[1:] {
		words[n+1] = systemd.Quote(word)
	}
	return words
}

// AllFlags are the row's and the operator's.
func (c Choice) AllFlags() []string { return append(append([]string{}, c.Flags...), c.MoreFlags...) }

// Listens are where it listens, each host:port.
func (i Instance) Listens() []string {
	addresses, port := i.Own, i.Port
	switch {
	case i.Relayed():
		addresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	case i.One:
		addresses = i.Own[:1]
	}
	if i.Secured() {
		port += TLSOffset
	}
	var all []string
	for _, address := range addresses {
		all = append(all, net.JoinHostPort(address.String(), strconv.Itoa(port)))
	}
	return all
}

// Secured says whether it shows a certificate and requires one itself.
func (i Instance) Secured() bool { return i.TLS && !i.Relayed() }
