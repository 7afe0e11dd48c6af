// Package pushgateway renders what runs a Pushgateway, where batch jobs leave their metrics: on the monitor's host, and in a pod, with
// its own guard (Direct) or behind a reverse proxy (Proxy).
package pushgateway

import (
	"net"
	"net/netip"
	"strconv"
)

const (
	// Name is the project, the binary, the user, the job and the unit (with ".service").
	Name = "pushgateway"
	// Folder has its configuration.
	Folder = "/etc/pushgateway"
	// Port is TCP: https://github.com/prometheus/prometheus/wiki/Default-port-allocations.
	Port = 9091
)

// loopback is only reachable from the same host, or the same pod.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// at is an address with a port.
func at(address netip.Addr, port int) string {
	return net.JoinHostPort(address.String(), strconv.Itoa(port))
}
