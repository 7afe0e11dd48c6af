package exporter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/release"
)

const (
	// Node is the exporter that every host runs: promwire's own proofs and alerts read what it serves.
	Node = "node"
	// Blackbox is the exporter that probes other things from outside. It runs only on the monitor.
	Blackbox = "blackbox"
	// socketFlag is exporter-toolkit's.
	socketFlag = "--web.systemd-socket"
	// BlackboxConfig is the blackbox exporter's configuration.
	BlackboxConfig = folders.Config + "/blackbox.yml"
)

// table has a row for each exporter that promwire installs. A new row is all that a new exporter needs. The facts come from the
// project's own --help and, for a package, from its unit file, /etc/default and README.Debian; they hold for Debian 12 and 13.
var table = append([]Exporter{
	{
		Name: Node, Sees: "the host itself", Release: "node_exporter",
		Unit: "node_exporter", Program: release.Binaries + "/node_exporter", User: "node_exporter",
		Port: 9100, ListenFlag: "--web.listen-address", SocketFlag: socketFlag, WebFlag: webFlag, CheckFlag: "--version",
		Flags: []string{"--collector.textfile.directory=" + folders.Textfiles},
		Asks:  []string{"--collector.ethtool", "--collector.ntp", "--collector.supervisord"}, // the first needs such a socket for an ioctl
		Service: []string{
			"RemoveIPC=yes",
			"ProtectHome=read-only",                        // it counts the space of what is mounted there
			"ProtectProc=default",                          // what is mounted is read from the first process
			"ProtectClock=no", "SystemCallFilter=adjtimex", // which reads the clock's state, and changes it only with a privilege
		},
	},
	{
		Name: Blackbox, Sees: "what others see of a URL by HTTP, TCP and ICMP, and of its certificate", Release: "blackbox_exporter",
		Unit: "blackbox_exporter", Program: release.Binaries + "/blackbox_exporter", User: "blackbox_exporter",
		Port: 9115, ListenFlag: "--web.listen-address", SocketFlag: socketFlag, WebFlag: webFlag, CheckFlag: "--version",
		Flags: []string{ // the URL because it can't make one of a socket
			"--config.file=" + BlackboxConfig, "--web.external-url=http://127.0.0.1:9115/",
		},
		ConfigFile: BlackboxConfig, Config: blackboxModules,
		Service: []string{
			"RemoveIPC=yes",
			"CapabilityBoundingSet=CAP_NET_RAW", "AmbientCapabilities=CAP_NET_RAW", // it sends echo requests
		},
	},
}, packaged...)

// Find is the row of this name.
func Find(name string) (Exporter, error) {
	for _, e := range table {
		if e.Name == name {
			return e, nil
		}
	}
	return Exporter{}, fmt.Errorf("%q is not an exporter that promwire installs; it installs %s", name, strings.Join(ForTargets(), ", "))
}

// All are the table's rows, by name.
func All() []Exporter {
	return slices.SortedFunc(slices.Values(table), func(a, b Exporter) int { return strings.Compare(a.Name, b.Name) })
}

// ForTargets are the names of the exporters that a target can have, sorted.
func ForTargets() []string {
	var names []string
	for _, e := range All() {
		if e.Name != Blackbox {
			names = append(names, e.Name)
		}
	}
	return names
}
