package wireguard

import (
	"slices"

	"github.com/promwire/promwire/provisioners/systemd"
)

// Unit is the tunnel's unit, an instance of the one from wireguard-tools.
const Unit = "wg-quick@" + Name + ".service"

// DropIn adds to Unit what a host without an operator needs: a start that fails, for example because the monitor's name can't
// be resolved yet, is tried again without end. And it leaves wg-quick, which runs as root, only what it needs to make the interface: without
// a WireGuard in the kernel, wireguard-go makes it from /dev/net/tun, and has a socket below /run.
func (i Interface) DropIn() string {
	service := slices.Concat([]string{
		"Restart=on-failure",
		"RestartSec=5",
		"RuntimeDirectory=wireguard",
		"RuntimeDirectoryMode=0755",
		"RuntimeDirectoryPreserve=yes", // other tunnels have their sockets there too
	}, systemd.Sandbox(), systemd.Early(), []string{
		"CapabilityBoundingSet=CAP_NET_ADMIN",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX",
		"PrivateDevices=no",
		"DevicePolicy=closed",
		"DeviceAllow=/dev/net/tun rw",
	})
	if i.Forwarding {
		service = append(service, "ReadWritePaths=/proc/sys/net/ipv4/conf") // and no other switch of the kernel's
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"StartLimitIntervalSec=0"}},
		{Name: "Service", Lines: service},
	}.Render()
}
