package wireguard

import (
	"slices"

	"github.com/promwire/promwire/provisioners/systemd"
)

// Unit is the tunnel's unit, an instance of the one from wireguard-tools.
const Unit = "wg-quick@" + Name + ".service"

// UserspaceDropIn is beside DropIn's file, and read after it, where the kernel has no WireGuard. See Userspace.
const UserspaceDropIn = "promwire.userspace.conf"

// Switches is where the kernel has what it does with the IPv4 packets of each interface. Interfaces come and go, so it is the whole folder.
const Switches = "/proc/sys/net/ipv4/conf"

// DropIn adds to Unit what a host without an operator needs: a start that fails is tried again without end. And it leaves wg-quick, which
// runs as root, only what it needs to make the interface in the kernel, which then exchanges the packets itself.
func (i Interface) DropIn() string {
	service := slices.Concat([]string{
		"Restart=on-failure",
		"RestartSec=5",
	}, systemd.Sandbox(), systemd.Early(), []string{
		"CapabilityBoundingSet=CAP_NET_ADMIN",
		"RestrictAddressFamilies=AF_NETLINK",
		"IPAddressDeny=any",
	})
	if i.Forwarding {
		service = append(service, "ReadWritePaths="+Switches) // and no other switch of the kernel's
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{"StartLimitIntervalSec=0"}},
		{Name: "Service", Lines: service},
	}.Render()
}

// Userspace is what wireguard-go needs beyond DropIn, lines of [Service]: wg-quick starts it where the kernel has no WireGuard. It makes the
// interface from /dev/net/tun, has a socket below /run, and exchanges packets with peers anywhere.
func Userspace() []string {
	return []string{
		"RuntimeDirectory=wireguard",
		"RuntimeDirectoryMode=0755",
		"RuntimeDirectoryPreserve=yes", // other tunnels have their sockets there too
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
		"IPAddressDeny=",
		"PrivateDevices=no",
		"DevicePolicy=closed",
		"DeviceAllow=/dev/net/tun rw",
	}
}
