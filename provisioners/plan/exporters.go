package plan

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/systemd"
)

// exporters are all that a host runs, in the order of its settings.
type exporters []exporter.Instance

// files are the exporters' programs of pinned releases, their users and their units. A package's unit gets its drop-in here, before the
// package is installed, so that it never listens on the package's default addresses. What would not run is refused before its unit is
// written: otherwise the exporter that runs now would not come back after a reboot.
func (all exporters) files(mirror string) []call {
	var calls []call
	for _, e := range all {
		if !e.Pinned() {
			calls = join(calls, []call{do("refuse_owners_exporter", e.Service(), e.Package)}, secretFile(e), knowsFlags(e), config(e),
				dropIn(e.Service(), e.Text()))
			continue
		}
		calls = join(calls,
			fetch(mirror, e.Choice.Release, exporterMB),
			user(e.User, "Prometheus exporter of "+e.Sees),
			secretFile(e), knowsFlags(e),
			link(e.Choice.Release, e.Choice.Release.Name),
			config(e),
			[]call{unit(e.Service(), e.Text())},
			socket(e))
	}
	return calls
}

// socket is the unit that listens for an exporter, if there is one. systemd checks it with the service's file, which comes before.
func socket(e exporter.Instance) []call {
	if e.Socket() == "" {
		return nil
	}
	return []call{unit(e.Socket(), e.SocketText())}
}

// config are the files and folders of one exporter.
func config(e exporter.Instance) []call {
	switch {
	case e.Name == exporter.Node:
		return []call{do("dir", folders.NodeExporter, "755"), do("dir", folders.Textfiles, "755")}
	case e.ConfigFile != "":
		return []call{do("dir", folders.Config, "755"), put(e.ConfigFile, "644", e.Config)}
	}
	return nil
}

// packages installs what comes from the distribution. A program that was not there before is asked for its flags now.
func (all exporters) packages() []call {
	var calls []call
	for _, e := range all {
		if !e.Pinned() {
			calls = join(calls, []call{do("packages", e.Package), do("reread", e.Service())}, knowsFlags(e))
		}
	}
	return calls
}

// secretFile checks the file that an exporter logs in with, if there is one.
func secretFile(e exporter.Instance) []call {
	if e.SecretFile == "" {
		return nil
	}
	return []call{do("secret_file", e.Name, e.SecretFile, e.Secret)}
}

// knowsFlags lets the exporter itself check its flags.
func knowsFlags(e exporter.Instance) []call {
	flags := e.AllFlags()
	if len(flags) == 0 {
		return nil
	}
	program := e.Program
	if e.Pinned() { // the release that will run: the one that runs now may be another
		program = e.Choice.Release.Home() + "/" + e.Choice.Release.Name
	}
	return []call{do(append([]string{"knows_flags", e.Name, program, e.CheckFlag}, flags...)...)}
}

// run starts them and waits until each answers, then ends those that the host has from an earlier plan.
func (all exporters) run() []call {
	var calls []call
	packaged := []string{"packaged_exporters"}
	for _, e := range all {
		inputs := []string{"service", e.Service(), e.Program}
		if !e.Pinned() {
			packaged = append(packaged, e.Service())
			inputs = append(inputs, e.File())
		}
		for _, file := range []string{e.ConfigFile, e.SecretFile} {
			if file != "" {
				inputs = append(inputs, file)
			}
		}
		if e.Socket() != "" {
			calls = append(calls, do("service", e.Socket()))
		}
		calls = append(calls, do(inputs...), answers(e))
		if e.Pinned() {
			calls = append(calls, do("prune", e.Choice.Release.Name, e.Choice.Release.Version))
		}
	}
	return append(calls, do(packaged...))
}

// answers waits until an exporter answers. One with certificates refuses its own host, but that is an answer.
func answers(e exporter.Instance) call {
	how := "answers"
	if e.Secured() {
		how = "listens"
	}
	return do(how, fmt.Sprintf("http://%s/", e.Listens()[0]), e.Service())
}

// serving are the TCP ports at which exporters themselves answer the tunnel.
func (all exporters) serving() []int {
	var found []int
	for _, e := range all {
		if !e.Relayed() {
			found = append(found, e.Endpoint().Port)
		}
	}
	return found
}

// former are the units of the exporters that the host had before certificates were turned on or off.
func (all exporters) former() []string {
	var units []string
	for _, e := range all {
		units = append(units, e.Former()...)
	}
	return units
}

// former ends units that the host had before certificates were turned on or off, once Prometheus had the time to change.
func former(units ...string) call { return do(append([]string{"stop_later"}, units...)...) }

// group may read the host's certificate, which all its exporters use.
func group() []call {
	return []call{
		put(systemd.Users+"/"+certificate.Group+".conf", "644", systemd.Group(certificate.Group)),
		do("group", certificate.Group),
	}
}

// install is one release, which runs when its unit starts the next time.
func install(mirror string, r release.Release, room int, binaries ...string) []call {
	return join(fetch(mirror, r, room), link(r, binaries...))
}

// fetch brings a release to the host. The script has each architecture's archive, and the host chooses.
func fetch(mirror string, r release.Release, room int) []call {
	var archives string
	for _, arch := range release.Architectures {
		if sum := r.SHA256[arch]; sum != "" {
			archives += fmt.Sprintf("%s %s %s\n", arch, r.URL(mirror, arch), sum)
		}
	}
	return []call{{words: []string{"release", r.Name, r.Version, strconv.Itoa(room)}, input: archives}}
}

// link makes the programs of a release those that the host runs from now on.
func link(r release.Release, binaries ...string) []call {
	return []call{do(append([]string{"link_release", r.Name, r.Version}, binaries...)...)}
}

// Guarded are the TCP ports of a host that only the monitor may reach, whatever its settings open: the exporters', with and
// without certificates, and the certificates'. Those of the node exporter are among them on every host.
func Guarded(choices []exporter.Choice) []int {
	ports := []int{certificate.ReceivePort, fence.Port}
	for _, tls := range []bool{false, true} {
		ports = append(ports, exporter.Ports(exporter.Endpoints(choices, nil, tls))...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Closed are the TCP ports that must not answer the operator's machine.
func (v MonitorValues) Closed() []int {
	ports := append(Guarded(v.Exporters), prometheus.Port)
	if len(v.Jobs) > 0 {
		ports = append(ports, pushgateway.Port)
	}
	if v.Alertmanager != nil {
		ports = append(ports, alertmanager.Port)
	}
	return ports
}

// Closed are the TCP ports that must not answer the operator's machine. What the settings open besides being scraped is not among them.
func (v TargetSpec) Closed() []int {
	ports, others := Guarded(v.Exporters), []int{prometheus.Port}
	for _, e := range exporter.Endpoints(nil, v.Scrape, v.TLS.Enabled()) {
		others = append(others, e.Port, e.Behind)
	}
	for _, port := range others {
		if port != 0 && !nftables.Opens(v.Open, port, "tcp") {
			ports = append(ports, port)
		}
	}
	return ports
}
