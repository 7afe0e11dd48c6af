package nodeexporter

import (
	"fmt"
	"net"
	"strconv"

	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// TLSName is the unit (with ".service") of an exporter with certificates.
	TLSName = "node_exporter-tls"
	// TLSPort is TCP. It's another one than Port, so that both exporters run while Prometheus turns from one to the other.
	TLSPort = 19100
	// ReceivePort is TCP: where the monitor brings a renewed certificate.
	ReceivePort = 19101

	// Folder holds the host's key, certificate and the authorities that it trusts.
	Folder = "/etc/node_exporter"
	// WebPath is the exporter's web configuration.
	WebPath = Folder + "/web.yml"
	// ReceivePath is where the receiver's script lies.
	ReceivePath = "/usr/local/lib/promwire/receive"
	// ReceiveSocket is the unit that listens for renewed certificates, ReceiveService the template that takes one each.
	ReceiveSocket  = "promwire-certificate.socket"
	ReceiveService = "promwire-certificate@.service"

	// Scraper is the only name that a client's certificate may bear. It has dots, as no host name of a fleet has.
	Scraper = "scraper.promwire.internal"
)

// WebConfig is the exporter's web configuration, in the format of
// https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md: only the scraper's certificate gets in, by an
// authority of the fleet. The files are read anew for each connection, so renewing them restarts nothing.
func WebConfig() string {
	return fmt.Sprintf(`tls_server_config:
  cert_file: %[1]s/certificate.pem
  key_file: %[1]s/key.pem
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: %[1]s/authorities.pem
  client_allowed_sans:
    - %[2]s
  min_version: TLS13
`, Folder, Scraper)
}

// ReceiveListens is the socket on which a host waits for its renewed certificate, from the monitor alone.
func (e Exporter) ReceiveListens() string {
	socket := []string{
		"Accept=yes",
		"MaxConnections=4",
		"FreeBind=yes", // it needs no address to be there yet
	}
	for _, address := range e.Own {
		socket = append(socket, "ListenStream="+net.JoinHostPort(address.String(), strconv.Itoa(ReceivePort)))
	}
	socket = append(socket, systemd.Only(append(wireguard.Hosts(e.Own), wireguard.Hosts(e.Monitor)...)...)...)
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Renewed certificates of this host, from promwire's monitor"}},
		{Name: "Socket", Lines: socket},
		{Name: "Install", Lines: []string{"WantedBy=sockets.target"}},
	}.Render()
}

// Receive is the service that takes one renewed certificate. Whoever sends it: only one for this host's own key, by an authority that
// the host trusts already, is taken.
func Receive() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Take a renewed certificate for this host", "CollectMode=inactive-or-failed"}},
		{Name: "Service", Lines: append([]string{
			"ExecStart=" + ReceivePath,
			"StandardInput=socket",
			"StandardOutput=socket",
			"StandardError=journal",
			"RuntimeMaxSec=30",
			"ReadWritePaths=" + Folder + " /var/lib/promwire /run/promwire " + Textfiles,
			"CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE",
			"ProtectHome=yes",
			"PrivateNetwork=yes",
			"RestrictAddressFamilies=AF_UNIX",
			"SystemCallFilter=@system-service",
		}, systemd.Sandbox()...)},
	}.Render()
}
