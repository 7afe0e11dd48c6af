// Package systemd renders unit files and users.
package systemd

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const (
	// Units is where a host's own units and drop-ins are.
	Units = "/etc/systemd/system"
	// Users is where sysusers.d(5) finds a host's own users and groups.
	Users = "/etc/sysusers.d"
	// DropIn is the name of every drop-in of promwire's.
	DropIn = "promwire.conf"
)

// DropInFolder is where the drop-ins of a unit are.
func DropInFolder(unit string) string { return Units + "/" + unit + ".d" }

// Section is one section of a unit file: its name and its lines, as systemd.syntax(7) has them.
type Section struct {
	Name  string
	Lines []string
}

// Unit is a unit file's sections in order.
type Unit []Section

// Render is the unit file's text.
func (u Unit) Render() string {
	var b strings.Builder
	for i, section := range u {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", section.Name)
		for _, line := range section.Lines {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// Sandbox is what every service of ours gives up (systemd.exec(5)): it has no privileges and can't gain any, it can't change the system,
// see other processes, or make code at run time. What a service needs nevertheless stands behind it: systemd adds it, or takes the last
// line. A container's systemd goes on without those that it does not support.
func Sandbox() []string {
	return []string{
		"CapabilityBoundingSet=",
		"NoNewPrivileges=yes",
		"UMask=0077",
		"ProtectSystem=strict",
		"ProtectHome=yes",
		"ProtectProc=invisible",
		"PrivateTmp=yes",
		"PrivateDevices=yes",
		"PrivateMounts=yes",
		"ProtectClock=yes",
		"ProtectHostname=yes",
		"ProtectKernelLogs=yes",
		"ProtectKernelModules=yes",
		"ProtectKernelTunables=yes",
		"ProtectControlGroups=yes",
		"RestrictNamespaces=yes",
		"RestrictRealtime=yes",
		"RestrictSUIDSGID=yes",
		"LockPersonality=yes",
		"MemoryDenyWriteExecute=yes",
		"SystemCallArchitectures=native",
		"SystemCallErrorNumber=EPERM",
		"SystemCallFilter=@system-service",
		"SystemCallFilter=~@privileged @resources",
	}
}

// Owners lets a service of root's give files to their owners, and reach what is theirs.
func Owners() []string {
	return []string{"CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE", "SystemCallFilter=@chown"}
}

// Firewall lets a service of root's load rules, which takes no packet.
func Firewall() []string {
	return append(Early(), "CapabilityBoundingSet=CAP_NET_ADMIN", "RestrictAddressFamilies=AF_NETLINK", "IPAddressDeny=any")
}

// Early lets a service start without the system's folders for temporary files, for which private ones would wait: these may be on a disk
// that is missing, or that comes over the network, and a host without its firewall is open.
func Early() []string { return []string{"PrivateTmp=no"} }

// Runtime lets a service write to a folder below /run, which systemd makes for it, of root alone, because a boot removes it. It stays
// when the service ends: other services and scripts have it too.
func Runtime(folder string) []string {
	return []string{
		"RuntimeDirectory=" + strings.TrimPrefix(folder, "/run/"),
		"RuntimeDirectoryMode=0700",
		"RuntimeDirectoryPreserve=yes",
	}
}

// Only lets a service exchange packets with these networks and the host itself, whatever the firewall says
// (systemd.resource-control(5)).
func Only(networks ...netip.Prefix) []string {
	lines := []string{"IPAddressDeny=any", "IPAddressAllow=localhost"}
	for _, network := range networks {
		lines = append(lines, "IPAddressAllow="+network.String())
	}
	return lines
}

// Socket is a unit that listens at a port of each of a host's own addresses, with these options (systemd.socket(5)). Besides the host itself
// only the monitor can connect.
func Socket(description string, port int, own, monitor []netip.Addr, options ...string) string {
	lines := append(slices.Clone(options), "FreeBind=yes") // it can start before the address exists
	var admitted []netip.Prefix
	for _, address := range own {
		lines = append(lines, "ListenStream="+net.JoinHostPort(address.String(), strconv.Itoa(port)))
	}
	for _, address := range slices.Concat(own, monitor) {
		admitted = append(admitted, netip.PrefixFrom(address, address.BitLen()))
	}
	return Unit{
		{Name: "Unit", Lines: []string{"Description=" + description}},
		{Name: "Socket", Lines: append(lines, Only(admitted...)...)},
		{Name: "Install", Lines: []string{"WantedBy=sockets.target"}},
	}.Render()
}

// OnlyIf is Only if there are networks: without any it may be all of them.
func OnlyIf(networks []netip.Prefix) []string {
	if len(networks) == 0 {
		return nil
	}
	return Only(networks...)
}

// User is the sysusers.d(5) line of a system user that can't log in.
func User(name, description string) string {
	return fmt.Sprintf("u %s - %q /nonexistent /usr/sbin/nologin\n", name, description)
}

// Group is the sysusers.d(5) line of a system group.
func Group(name string) string { return fmt.Sprintf("g %s -\n", name) }

// Quote is a word of a command line or an assignment in a unit file: one word, in which systemd expands nothing
// (systemd.service(5), "Command lines").
func Quote(word string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$").Replace(word)
	if quoted == word && !strings.ContainsAny(word, " \t;'#") && word != "" {
		return word
	}
	return `"` + quoted + `"`
}
