// Package authority renders what renews a fleet's certificates on the monitor, whose authority signs them.
package authority

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Folder holds the authorities, and what they signed for each host.
	Folder = folders.Config + "/authority"
	// RenewPath is the script that renews certificates.
	RenewPath = folders.Programs + "/renew"
	// SignService signs what is due. RenewService, which RenewTimer starts, does so too, and then sends it to the hosts.
	SignService  = "promwire-sign.service"
	RenewService = "promwire-renew.service"
	RenewTimer   = "promwire-renew.timer"

	// Renewals are tried at least this many times before a certificate expires, and at most and at least this often.
	tries    = 100
	soonest  = time.Minute
	slackest = 6 * time.Hour
)

// Sign is the unit that signs what is due. It runs as root, because the authority's key is root's, and without a network.
func Sign() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Sign the certificates of promwire's hosts that are due"}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"ExecStart=" + RenewPath + " sign",
			"ReadWritePaths=" + strings.Join([]string{folders.Config, prometheus.Folder, folders.State, folders.Textfiles}, " "),
			"PrivateNetwork=yes",
			"IPAddressDeny=any",
			"RestrictAddressFamilies=AF_UNIX",
		}, systemd.Runtime(folders.Run), systemd.Sandbox(), systemd.Owners())},
	}.Render()
}

// Service is the unit that sends what was signed to the hosts, which are in these networks; none: they may be anywhere. It reads none of the
// authorities of these names, and gets Prometheus's key, which hosts ask for, from systemd.
func Service(networks []netip.Prefix, authorities []string) string {
	var hidden []string
	for _, name := range authorities {
		hidden = append(hidden, Folder+"/"+name)
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Renew the certificates of promwire's hosts",
			"Wants=" + SignService,
			"After=" + SignService + " " + wireguard.Unit,
		}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"ExecStart=" + RenewPath + " deliver",
			"TimeoutStartSec=1h", // as long as a thousand hosts that do not answer need
			"LoadCredential=certificate.pem:" + prometheus.TLS + "/certificate.pem",
			"LoadCredential=key.pem:" + prometheus.TLS + "/key.pem",
			"InaccessiblePaths=" + strings.Join(hidden, " "),
			"ReadWritePaths=" + Folder + "/hosts", // where former certificates go once they are not needed
			"RestrictAddressFamilies=AF_INET AF_INET6",
		}, systemd.Runtime(folders.Run), systemd.Sandbox(), systemd.OnlyIf(networks))},
	}.Render()
}

// Timer is what runs Service, often enough for certificates that are renewed this long before they expire.
func Timer(renewBefore time.Duration) string {
	every := min(max(renewBefore/tries, soonest), slackest)
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Renew the certificates of promwire's hosts regularly"}},
		{Name: "Timer", Lines: []string{
			"OnActiveSec=1min", fmt.Sprintf("OnUnitInactiveSec=%ds", int(every.Seconds())), "AccuracySec=10s",
		}},
		{Name: "Install", Lines: []string{"WantedBy=timers.target"}},
	}.Render()
}
