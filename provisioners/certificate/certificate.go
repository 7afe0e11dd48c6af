// Package certificate renders what a host needs to prove itself to the monitor with a certificate and to ask the monitor for one. The
// certificate is the host's, and all exporters of the host use it: they read it as members of one group.
package certificate

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/systemd"
)

const (
	// Folder holds the host's key, certificate and the authorities that it trusts.
	Folder = folders.Config + "/tls"
	// Group may read them.
	Group = "promwire"
	// Mode, owner and group of files that the host's exporters may read, as put (provisioners/scripts/base.sh) takes them.
	Mode = "440:root:" + Group
	// WebPath is the web configuration of all exporters of the host.
	WebPath = Folder + "/web.yml"

	// ReceivePort is TCP: where the monitor delivers a renewed certificate. No exporter has it: with
	// certificates theirs begin at 19100.
	ReceivePort = 19099
	// ReceivePath is the receiver's script.
	ReceivePath = folders.Programs + "/receive"
	// ReceiveSocket is the unit that listens for renewed certificates, ReceiveService the template that installs one each.
	ReceiveSocket  = "promwire-certificate.socket"
	ReceiveService = "promwire-certificate@.service"

	// ReceiveSeconds is how long it may take to install one. The monitor waits longer: otherwise it would say of a busy host that it does not
	// answer, and the host would install the certificate afterwards.
	ReceiveSeconds = 30

	// Scraper is the only name that a client's certificate may have. It has dots, which no host name of a fleet has.
	Scraper = "scraper.promwire.internal"
)

// WebConfig is the exporters' web configuration, in the format of
// https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md: only the scraper's certificate is admitted, by
// an authority of the fleet. The files are read again for each connection, so renewing them restarts nothing.
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

// Receiver is where a host waits for its renewed certificate, and who may send it.
type Receiver struct {
	Own     []netip.Addr // where it listens
	Monitor []netip.Addr // who may connect
}

// Socket is the unit that listens. It admits only the monitor.
func (r Receiver) Socket() string {
	return systemd.Socket("Renewed certificates of this host, from promwire's monitor", ReceivePort, r.Own, r.Monitor, "Accept=yes", "MaxConnections=4")
}

// Service is the unit that installs one renewed certificate, whoever sends it: only one for this host's own key, by an authority
// that the host trusts already, is accepted.
func Service() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Install a renewed certificate of this host", "CollectMode=inactive-or-failed"}},
		{Name: "Service", Lines: slices.Concat([]string{
			"ExecStart=" + ReceivePath,
			"StandardInput=socket",
			"StandardOutput=socket",
			"StandardError=journal",
			"RuntimeMaxSec=" + strconv.Itoa(ReceiveSeconds),
			"ReadWritePaths=" + strings.Join([]string{Folder, folders.State, folders.Textfiles}, " "),
			"PrivateNetwork=yes",
			"IPAddressDeny=any",
			"RestrictAddressFamilies=AF_UNIX",
		}, systemd.Runtime(folders.Run), systemd.Sandbox(), systemd.Owners())},
	}.Render()
}
