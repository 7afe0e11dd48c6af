// Package settings turns what a stack file says into what the program works with: strictly decoded (package document),
// defaults filled in, groups expanded, everything checked before any resource exists. It is the only package that imports
// pulumi/config.
package settings

import (
	"net/netip"
	"slices"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// Settings are one stack's, complete and valid.
type Settings struct {
	Network   Network
	SSH       SSH
	Monitor   Monitor
	Hub       *Hub              // nil: the others dial the monitor
	Targets   []Host            // in the stack file's order, groups expanded
	NoTargets bool              // there shall be none
	Clusters  []Cluster         // in the stack file's order
	Images    kubernetes.Images // used by Clusters
	Allow     []Edge            // each pair of ends once, sorted
	Probes    []exporter.Probe
	// ScrapeConfigs are the operator's own jobs of the monitor's Prometheus: one JSON object each, on one line.
	ScrapeConfigs []string
	Rules         []prometheus.RuleFile // the operator's own
	Mute          []string              // alerts of promwire's that the monitor does not have, sorted
	Pushgateway   Pushgateway
	Alerting      *Alerting     // nil: there is no Alertmanager
	TLS           plan.TLS      // the zero value: no certificates
	Releases      plan.Releases // beside those of each host's exporters
	Verification  Verification

	SSHPrivateKey  string // the operator's, in OpenSSH's or PEM format with a newline at the end; a secret
	SSHFingerprint string // the same key's MD5 fingerprint in hex with colons, by which DigitalOcean names it
	SSHPublicKey   string // the same key's public half, one authorized_keys line without comment or newline

	Warnings []string // what is allowed but hardly wanted, one sentence each
}

// NeedsCloud says whether the fleet has any droplet, and so needs a cloud account.
func (s *Settings) NeedsCloud() bool {
	return slices.ContainsFunc(s.Hosts(), func(h Host) bool { return h.Existing == nil })
}

// Hosts are all: the monitor, the hub if there is one, and the targets.
func (s *Settings) Hosts() []Host {
	all := []Host{s.Monitor.Host}
	if s.Hub != nil {
		all = append(all, s.Hub.Host)
	}
	return append(all, s.Targets...)
}

// Network is the WireGuard network.
type Network struct {
	V4   netip.Prefix // masked; the monitor has its first host address
	V6   netip.Prefix // masked, a /64; the zero value: no IPv6 in the tunnel
	Port int          // UDP, the monitor's or the hub's
	MTU  int          // bytes
}

// Edge is one connection that people allow.
type Edge struct {
	From, To  string // names: of targets; From may be a cluster, and To the monitor
	Port      int    // TCP, of To
	Namespace string // of From, if that is a cluster: its pods connect
}

// Transports: how a target is reached.
const (
	WireGuard = "wireguard" // through the tunnel
	TLSOnly   = "tls"       // at its public address, behind certificates
)

// SSH is who may reach the hosts' SSH servers.
type SSH struct {
	From []netip.Prefix // masked; never empty
}

// Monitor is the host that runs Prometheus.
type Monitor struct {
	Host
	Endpoint   string     // address or DNS name that targets dial; "": a droplet's public address, once it has one, or the hub's
	Source     netip.Addr // where targets outside the tunnel see it come from; the zero value: a droplet's public address
	Prometheus Prometheus
}

// Hub is a host that all others dial, the monitor too.
type Hub struct {
	Host
	Endpoint string // address or DNS name; "": a droplet's public address, once it has one
}

// Prometheus is how the monitor scrapes, and what it keeps.
type Prometheus struct {
	ScrapeInterval time.Duration
	RetentionTime  time.Duration
	RetentionSize  string // as Prometheus's flag takes it, such as 10GB
	RetentionFits  bool   // it is a default, and is fitted to the disk
	Web            prometheus.Web
	ExternalURL    string            // as plan.MonitorValues has it
	Limits         prometheus.Limits // each above 0
	RemoteWrite    prometheus.RemoteWrite
	Agent          bool              // it keeps nothing, and only writes to RemoteWrite
	Secrets        map[string]string // of all that RemoteWrite reads, by name
}

// Host is one machine of the fleet.
type Host struct {
	Name     string            // RFC 1123 label in lower case, unique in the fleet
	Region   string            // DigitalOcean's slug; of an existing machine any text, "" included
	Group    string            // of a group's member: the group's name
	Regions  []string          // of a group's member: where it may be, see Stay
	Size     string            // DigitalOcean's slug; "" for an existing machine
	Image    string            // DigitalOcean's slug; "" for an existing machine
	Labels   map[string]string // beside name, region and role, never these
	Existing *Machine          // nil: a droplet to create
	MTU      int               // bytes; 0: the network's
	Protect  bool              // refused to be removed or replaced

	Exporters []exporter.Choice  // what promwire installs: the node exporter, and more in the stack file's order
	Scrape    []exporter.Service // of a target: what it serves already

	Transport string     // of a target: WireGuard or TLSOnly
	Listen    netip.Addr // of a target outside the tunnel: its own address; the zero value: the public one
}

// Machine is an existing one.
type Machine struct {
	plan.SSHServer                    // complete: with the defaults of Port and User
	Bastion        *plan.SSHServer    // nil: reached directly
	Open           []nftables.Opening // what it serves for others than the fleet
	CloseOthers    bool               // whether to close what else it serves, without asking
}

// Verification is the proof at the end of an update.
type Verification struct {
	Again         string // another text than the last time's: run the proof again
	Always        bool   // whether every update runs it again
	RemoveUnknown bool   // whether the monitor loses what is of no host and no cluster of the stack
}
