package settings

import (
	"net/netip"

	"github.com/promwire/promwire/provisioners/release"
)

// Every default of a stack file is here, and only here; the JSON Schema shows the same ones.
const (
	defaultCIDR = "10.98.0.0/24"
	defaultPort = 51820 // WireGuard's customary port; it has none assigned by IANA
	defaultMTU  = 1420  // 1500 bytes of Ethernet less 80 of WireGuard in IPv6 (40 IPv6, 8 UDP, 32 WireGuard)

	defaultUser    = "root"
	defaultSSHPort = 22

	defaultSize  = "s-1vcpu-1gb"
	defaultImage = "debian-12-x64"

	defaultScrapeInterval = "15s"  // as PromGuard
	defaultRetentionTime  = "15d"  // Prometheus's own default
	defaultRetentionSize  = "10GB" // leaves the 25 GB disk of the default size half empty
)

const (
	defaultValidity = "90d" // as Let's Encrypt
	renewalPart     = 3     // a certificate is renewed when the last third of its time begins
)

// defaultAuthorities is the first one of every fleet.
var defaultAuthorities = []string{"1"}

// anywhere admits SSH from all networks, as long as the stack file says no better.
var anywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// The releases that promwire was tested with.
var (
	defaultNodeExporter = Release{Version: release.NodeExporter.Version, SHA256: release.NodeExporter.SHA256}
	defaultPrometheus   = Release{Version: release.Prometheus.Version, SHA256: release.Prometheus.SHA256}
)

// or is the value, or its default if the stack file has none.
func or[T comparable](value, fallback T) T {
	var none T
	if value == none {
		return fallback
	}
	return value
}
