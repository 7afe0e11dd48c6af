package cloud

import (
	"context"
	"net/netip"
)

// Hypervisor is what the cloud's API needs of whatever runs its droplets. Its calls may come in parallel.
type Hypervisor interface {
	// Create makes a machine and starts its boot. It returns as soon as the addresses are known, before SSH answers.
	Create(ctx context.Context, spec MachineSpec) (Addresses, error)
	// Destroy ends a machine and removes its disk, link and addresses. It is not an error if there is no such machine.
	Destroy(ctx context.Context, name string) error
	// Filter makes the machine's link admit exactly what the rules say (default-deny, stateful, inbound and outbound).
	// nil rules: the machine is behind no firewall and everything passes.
	Filter(ctx context.Context, name string, rules *Rules) error
}

// Slow is what a Hypervisor may do besides: wait until a machine has booted as far as one of a real cloud has when that is called active. The
// cloud's users wait minutes for the rest of a boot, and not longer.
type Slow interface {
	Booted(ctx context.Context, name string) error
}

// MachineSpec is a machine to make.
type MachineSpec struct {
	Name     string   // unique in the lab, a host name
	Region   string   // slug, such as "lon1"; each has its subnet
	Image    string   // slug, such as "debian-12-x64"
	UserData string   // cloud-init user data, may be empty
	Keys     []string // authorized_keys lines for root
	IPv6     bool     // whether the machine gets a public IPv6 address too
}

// Addresses are a machine's public addresses.
type Addresses struct {
	V4        netip.Addr
	V4Netmask string // dotted, such as 255.255.255.224
	V4Gateway netip.Addr
	V6        netip.Addr // zero unless the spec asked for it
	V6Bits    int
	V6Gateway netip.Addr
}

// Rules are what a cloud firewall admits, the union of all firewalls of one droplet. What no rule admits is dropped.
type Rules struct {
	Inbound, Outbound []Rule
}

// Rule admits one protocol's ports from (inbound) or to (outbound) some networks.
type Rule struct {
	Protocol  string // tcp, udp or icmp (icmp covers ICMPv6 too)
	FirstPort int    // 0 with LastPort 0: all ports
	LastPort  int
	Networks  []netip.Prefix
}
