// Package machines runs a lab's machines: systemd-nspawn boots them from images of Debian releases, each with a disk and a link of its own,
// and one network namespace routes between them. That namespace is the lab's only router, so whatever passes between two
// machines, or between a machine and the operator, passes its nftables, where cloud firewalls are enforced. Where the operator's machine's
// kernel is not enough, QEMU boots them instead, with a kernel of their own; see Boot.
//
//	operator's machine ──198.51.100.0/30── router ─┬─ region 1, 198.51.100.32/27: a link of its own for each machine
//	                                               ├─ region 2, 198.51.100.64/27
//	                                               └─ private, 192.168.250.0/24: reached only from bastions
//
// The router has no route out of the lab, so machines reach each other and the operator's address (where the mirror
// listens), and nothing else. The operator's machine keeps its own forwarding and firewall as they are.
//
// All state is on disk below folder.Run, so that several processes can work on one lab, and machines outlive them all.
package machines

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/setup"
)

// Images are the slugs of the images that machines can be made from.
var Images = slices.Sorted(maps.Keys(setup.Debians))

var (
	_ cloud.Hypervisor = (*Lab)(nil)
	_ cloud.Slow       = (*Lab)(nil)
)

// Kind says how a machine came to be.
type Kind string

// Kinds of machines.
const (
	Droplet  Kind = "droplet"  // made by Create for the cloud
	Existing Kind = "existing" // made by AddExisting; the cloud does not know it
)

// Boot says how a machine boots. All else is the same: its addresses, its link's filter, its disk, its power.
type Boot string

// Ways to boot.
const (
	Container Boot = "container" // systemd-nspawn, on the operator's machine's kernel; in seconds
	Virtual   Boot = "virtual"   // an emulator, on a kernel of its own, Debian's; in minutes
)

// Machine is one of the lab's machines.
type Machine struct {
	Name    string     `json:"name"`
	Kind    Kind       `json:"kind"`
	Image   string     `json:"image"` // one of Images
	Boot    Boot       `json:"boot"`
	Region  string     `json:"region"`            // as its spec said
	V4      netip.Addr `json:"v4"`                // public, or private if Bastion is set
	V6      netip.Addr `json:"v6,omitzero"`       // zero if it has none
	User    string     `json:"user"`              // who logs in: root on droplets
	Bastion string     `json:"bastion,omitempty"` // the only machine through which SSH reaches this one
	// HostKeys are the SSH host keys as known_hosts has them ("ssh-ed25519 AAAA…"), of existing machines: rsa, ecdsa and
	// ed25519, in this order. A droplet's are made by its own first boot.
	HostKeys []string `json:"hostKeys,omitempty"`
	On       bool     `json:"-"` // whether it runs
}

// ExistingSpec is a machine that was there before the fleet.
type ExistingSpec struct {
	Name    string
	Image   string   // one of Images; "": the first
	Region  string   // any label; machines of one label share a subnet
	User    string   // logs in with Keys, and has sudo without password
	Keys    []string // authorized_keys lines
	Bastion string   // name of a machine of the lab; this one then has no public address, and is reached only from there
}

// Network is where a lab lives.
type Network struct {
	V4         netip.Prefix // the lab's /24: the operator's link and the regions
	V6         netip.Prefix // the lab's /48, unique local (RFC 4193)
	OperatorV4 netip.Addr   // the operator's machine in the lab: what machines see it come from, and where it can listen
	OperatorV6 netip.Addr
}
