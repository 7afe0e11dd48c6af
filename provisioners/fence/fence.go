// Package fence renders the probes that a target repeats: it tries to reach, through the tunnel, what it must not reach.
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
	Ports        []int // TCP: what only the monitor may reach
}

// Unit tries the tunnel's addresses once, as a user that exists only meanwhile and has no privilege: binding to an interface needs none.
// The metrics are its standard output, in a file that only root can name; systemd opens it, and gives it its name when it is whole.
func (f Fence) Unit() string {
	ports := make([]string, len(f.Ports))
	for i, port := range f.Ports {
		ports[i] = strconv.Itoa(port)
	}
	command := []string{Path, strconv.Itoa(f.count()), strings.Join(ports, ",")}
	for i, network := range f.Networks {
		command = append(command, fmt.Sprintf("%s,%s,%s", network, f.Own[i], f.Monitor[i]))
	}
	service := []string{
		"Type=oneshot",
		"ExecStartPre=!/bin/rm -f " + unfinished,
		"ExecStart=" + strings.Join(command, " "),
		"ExecStartPost=!/bin/mv " + unfinished + " " + Metrics,
		"StandardOutput=append:" + unfinished,
		"StandardError=journal",
		"TimeoutStartSec=60",
		"LogLevelMax=notice", // otherwise the journal would have an entry for each run
		"ReadWritePaths=" + folders.Textfiles,
		"DynamicUser=yes",
		"User=promwire-fence",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Try to reach what a target of promwire must not reach",
			"After=" + wireguard.Unit,
		}},
		{Name: "Service", Lines: slices.Concat(service, systemd.Sandbox(), []string{
			"UMask=0022",              // the exporter reads what it writes
			"SystemCallFilter=capset", // by which ip gives up the capabilities that it has not
		}, systemd.Only(f.Networks...))},
	}.Render()
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
