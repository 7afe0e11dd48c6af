// Package relay renders the TLS end of what a host serves without certificates: on the port exporter.TLSOffset higher, only the monitor's
// Prometheus is admitted, and led to the plain port on the same host.
package relay

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Package is Debian's and Ubuntu's, of stunnel. It starts nothing by itself.
const Package = "stunnel4"

// program is what Package installs.
const program = "/usr/bin/stunnel4"

// Relay is the TLS end of one port of a host.
type Relay struct {
	Port    int          // TCP: where it listens
	Own     []netip.Addr // the host's addresses where it listens
	Monitor []netip.Addr // who may connect
	Plain   int          // TCP: where it leads
	To      []netip.Addr // the host's addresses where something may listen on Plain; they are tried in this order
}

// Socket is the unit that listens. Like the exporters' units, it admits only the monitor and the host itself.
func (r Relay) Socket() string { return r.name() + ".socket" }

// Service is the unit that serves one connection: systemd wants a template with the socket's name.
func (r Relay) Service() string { return r.name() + "@.service" }

func (r Relay) name() string { return Name(r.Port) }

// Name is that of the units of the relay which listens on a port, with TLS or, where the fleet has no certificates, without it.
func Name(port int) string { return "promwire-relay-" + strconv.Itoa(port) }

// ConfigPath is where Config lies.
func (r Relay) ConfigPath() string { return fmt.Sprintf("%s/relay-%d.conf", folders.Config, r.Port) }

// Config is stunnel's configuration, in the format of stunnel(8), for a process that serves one connection (inetd mode). It admits the same
// clients as certificate.WebConfig: the client's certificate must have a chain to an authority of the fleet, be for clients, and have the
// scraper's name.
func (r Relay) Config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `; Logs of level warning go to the journal.
foreground = yes
syslog = no
debug = warning
cert = %[1]s/certificate.pem
key = %[1]s/key.pem
CAfile = %[1]s/authorities.pem
verifyChain = yes
checkHost = %[2]s
sslVersionMin = TLSv1.3
; Seconds: a handshake, a connection to the service, a connection that nobody uses.
TIMEOUTbusy = 10
TIMEOUTconnect = 5
TIMEOUTidle = 600
failover = prio
`, certificate.Folder, certificate.Scraper)
	for _, to := range r.To {
		fmt.Fprintf(&b, "connect = %s:%d\n", to, r.Plain) // stunnel takes no brackets
	}
	return b.String()
}

// SocketUnit is the text of Socket.
func (r Relay) SocketUnit() string {
	return systemd.Socket(r.description(), r.Port, r.Own, r.Monitor,
		"Accept=yes",
		"MaxConnections=64",
		"MaxConnectionsPerSource=16", // a local user must not use up the monitor's
		"TriggerLimitIntervalSec=0",  // nor end the unit with many connections
	)
}

// ServiceUnit is the text of Service. A process for each connection reads the certificate again, so renewing it restarts nothing; and
// Prometheus keeps its connection from one scrape to the next.
func (r Relay) ServiceUnit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=" + r.description(),
			"CollectMode=inactive-or-failed",
			"PartOf=" + r.Socket(), // its connections end with it
		}},
		{Name: "Service", Lines: append(append([]string{
			"ExecStart=" + program + " " + r.ConfigPath(),
			"StandardInput=socket",
			"StandardOutput=socket",
			"StandardError=journal",
			"SyslogLevel=warning",
			"LogLevelMax=notice", // otherwise the journal would have entries for each connection
			"DynamicUser=yes",
			"User=promwire-relay", // one for all relays; it exists while one of them runs
			"SupplementaryGroups=" + certificate.Group,
			"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
		}, systemd.Sandbox()...), systemd.Only(wireguard.Hosts(r.Own)...)...)},
	}.Render()
}

func (r Relay) description() string {
	return fmt.Sprintf("Lead promwire's monitor, by its certificate, to port %d of this host", r.Plain)
}

// Of is the relay of an endpoint, and whether it has one.
func Of(e exporter.Endpoint, own, monitor []netip.Addr) (Relay, bool) {
	to := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	if e.Unit == "" { // a service may listen where it wants
		to = append(append(to, netip.IPv6Loopback()), own...)
	}
	return Relay{Port: e.Port, Own: own, Monitor: monitor, Plain: e.Behind, To: to}, e.Behind != 0
}
