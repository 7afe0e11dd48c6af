// Package cause renders what says, on the monitor, why a target does not answer.
package cause

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/systemd"
)

const (
	// Path is the script.
	Path = folders.Programs + "/causes"
	// Service and Timer are its units.
	Service = "promwire-causes.service"
	Timer   = "promwire-causes.timer"
	// Metrics is the file of what it found.
	Metrics = folders.Textfiles + "/promwire_causes.prom"

	// unfinished is Metrics while they are written.
	unfinished = Metrics + ".new"
)

// Unit looks once: it asks the Prometheus at a URL what is down, as user if that is not "", and then what is down as Prometheus does, with
// its key. What is behind a hub is judged by what the hub says; "": there is none. So it is Prometheus's user, and exchanges packets only with these networks; with all if there are none. The metrics are its
// standard output, in a file that only root can name; systemd opens it, and gives it its name when it is whole.
func Unit(url, user, hub string, networks []netip.Prefix) string {
	command := []string{Path, Metrics, url}
	if user != "" || hub != "" {
		command = append(command, systemd.Quote(user))
	}
	if hub != "" {
		command = append(command, hub)
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Find out why targets of promwire do not answer", "After=" + prometheus.Service}},
		{Name: "Service", Lines: slices.Concat([]string{
			"Type=oneshot",
			"User=" + prometheus.Name,
			"Group=" + prometheus.Name,
			"ExecStartPre=!/bin/rm -f " + unfinished,
			"ExecStart=" + strings.Join(command, " "),
			"ExecStartPost=!/bin/mv " + unfinished + " " + Metrics,
			"StandardOutput=append:" + unfinished,
			"StandardError=journal",
			"TimeoutStartSec=90",
			"SyslogLevel=notice",
			"LogLevelMax=notice", // otherwise the journal would have an entry for each run
			"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
			"ReadWritePaths=" + folders.Textfiles,
		}, systemd.Sandbox(), []string{
			"UMask=0022", // the exporter reads what it writes
		}, systemd.OnlyIf(networks))},
	}.Render()
}

// TimerUnit is what runs Service: soon, and 20 s after it last ended.
func TimerUnit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Find out regularly why targets of promwire do not answer"}},
		{Name: "Timer", Lines: []string{"OnActiveSec=10s", "OnUnitInactiveSec=20s", "AccuracySec=1s"}},
		{Name: "Install", Lines: []string{"WantedBy=timers.target"}},
	}.Render()
}
