// Package fence renders the probes that a target repeats, and those that the monitor asks for: the target tries to reach, through the
// tunnel, what it must not reach.
package fence

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Path is the fence's script.
	Path = folders.Programs + "/fence"
	// Service and Timer are its units.
	Service = "promwire-fence.service"
	Timer   = "promwire-fence.timer"
	// Port is TCP: whoever connects gets what the fence sees now. Only the monitor may. No exporter has it: see certificate.ReceivePort.
	Port = 19098
	// Socket is the unit that listens at Port, Asked the template that answers one connection each.
	Socket = "promwire-fence-asked.socket"
	Asked  = "promwire-fence-asked@.service"
	// Metrics is the file of what it saw.
	Metrics = folders.Textfiles + "/promwire_fence.prom"

	// unfinished is Metrics while they are written.
	unfinished = Metrics + ".new"

	maxAddresses = 1022 // that are probed in one network: all hosts of a /22
)

// Fence is a target and what it must not reach. Networks, Own and Monitor have one entry a family, IPv4 first.
type Fence struct {
	Networks     []netip.Prefix
	Own, Monitor []netip.Addr
	Ports        []int  // TCP: what only the monitor may reach
	Edges        []Edge // what this target may reach all the same, and must
}

// Edge is a connection that people allow.
type Edge struct {
	Name string         // of who is connected to
	To   netip.AddrPort // in the tunnel, TCP
}

// Unit tries the tunnel's addresses once. The metrics are its standard output, in a file that only root can name; systemd opens it, and gives
// it its name when it is whole.
func (f Fence) Unit() string {
	return f.unit("Try to reach what a target of promwire must not reach", []string{"After=" + wireguard.Unit}, []string{
		"Type=oneshot",
		"ExecStartPre=!/bin/rm -f " + unfinished,
		"ExecStart=" + f.command(),
		"ExecStartPost=!/bin/mv " + unfinished + " " + Metrics,
		"StandardOutput=append:" + unfinished,
		"TimeoutStartSec=60",
		"LogLevelMax=notice", // otherwise the journal would have an entry for each run
		"ReadWritePaths=" + folders.Textfiles,
	}, "UMask=0022") // the exporter reads what it writes
}

// AskedUnit is the same for one connection of Socket: whoever connects gets the metrics.
func (f Fence) AskedUnit() string {
	return f.unit("Tell promwire's monitor what this target reaches", []string{"CollectMode=inactive-or-failed"}, []string{
		"ExecStart=" + f.command(),
		"StandardInput=socket",
		"StandardOutput=socket",
		"RuntimeMaxSec=60",
		"LogLevelMax=notice",
	})
}

// unit is a service that runs as a user who exists only meanwhile and has no privilege: binding to an interface needs none.
func (f Fence) unit(description string, unit, service []string, exceptions ...string) string {
	return systemd.Unit{
		{Name: "Unit", Lines: append([]string{"Description=" + description}, unit...)},
		{Name: "Service", Lines: slices.Concat(service, []string{
			"StandardError=journal",
			"DynamicUser=yes",
			"User=promwire-fence",
			"RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
		}, systemd.Sandbox(), exceptions, []string{
			"SystemCallFilter=capset", // by which ip gives up the capabilities that it has not
		}, systemd.Only(f.Networks...))},
	}.Render()
}

// command is the script with what it has to try.
func (f Fence) command() string {
	ports := make([]string, len(f.Ports))
	for i, port := range f.Ports {
		ports[i] = strconv.Itoa(port)
	}
	words := []string{Path, strconv.Itoa(f.count()), strings.Join(ports, ",")}
	for _, e := range f.Edges {
		words = append(words, fmt.Sprintf("edge=%s=%s=%d", e.Name, e.To.Addr(), e.To.Port()))
	}
	for i, network := range f.Networks {
		words = append(words, fmt.Sprintf("%s,%s,%s", network, f.Own[i], f.Monitor[i]))
	}
	return strings.Join(words, " ")
}

// SocketUnit is what listens for the monitor's question. More than two at once are one too many: each costs a moment's work. What waits is little,
// too, so that the monitor is heard as soon as others leave off.
func (f Fence) SocketUnit() string {
	return systemd.Socket("Where promwire's monitor asks what this target reaches", Port, f.Own, f.Monitor,
		"Accept=yes", "MaxConnections=2", "Backlog=4", "TriggerLimitIntervalSec=0")
}

// TimerUnit is what runs Service: at once, and 15 s after it last began.
func (f Fence) TimerUnit() string {
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"Description=Try regularly to reach what a target of promwire must not reach"}},
		{Name: "Timer", Lines: []string{"OnActiveSec=1s", "OnUnitActiveSec=15s", "AccuracySec=1s"}},
		{Name: "Install", Lines: []string{"WantedBy=timers.target"}},
	}.Render()
}

// count is how many addresses the IPv4 network has for hosts; their IPv6 addresses have the same numbers.
func (f Fence) count() int {
	return min(1<<(32-f.Networks[0].Bits())-2, maxAddresses)
}
