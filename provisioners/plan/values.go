package plan

import (
	"net/netip"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
)

// Tunnel is a host's place in the fleet's private network.
type Tunnel struct {
	Addresses []netip.Addr   // the host's own: IPv4, then IPv6 if the network has any
	Networks  []netip.Prefix // of all hosts, in the order of Addresses
	Port      int            // UDP port of the monitor, or of the hub
	MTU       int            // bytes of one packet inside the tunnel
}

// SSH is who may log in.
type SSH struct {
	Port int            // TCP port where the host's sshd listens
	From []netip.Prefix // of either family; from elsewhere nobody can connect
}

// SSHServer is where the operator logs in to a host, or to a bastion in front of it.
type SSHServer struct {
	Address string // IP address or DNS name
	Port    int    // 0: 22
	User    string // "": root; others need sudo without a password
	HostKey string // type and base64, as in authorized_keys; ssh-ed25519 or ecdsa-sha2-*
}

// Open is what a host serves outside the fleet.
type Open []nftables.Opening

// Releases are the programs to install.
type Releases struct {
	Mirror      string          // base of the downloads; "": release.DefaultMirror
	Prometheus  release.Release // of the monitor only
	Pushgateway release.Release // of a monitor with Jobs only
	// Alertmanager is of a monitor with an Alertmanager only.
	Alertmanager release.Release
}

// Peer is the monitor as a target sees it. In a fleet with a hub, key and endpoint are the hub's, and the addresses are still the monitor's.
type Peer struct {
	Name      string // of who is dialed, for people; "": the monitor
	PublicKey wgtypes.Key
	Endpoint  string       // host:port to dial; an IPv6 address has brackets
	Addresses []netip.Addr // in the tunnel: IPv4, then IPv6 if the network has any
}

// TLS is how hosts of a fleet get certificates. The zero value: they have none.
type TLS struct {
	Validity    time.Duration // of certificates, in whole seconds
	RenewBefore time.Duration // how long before it expires a certificate is renewed, in whole seconds
	Authorities []string      // names of the trusted ones: the first signs Prometheus's own certificate, the last one the hosts'
}

// Enabled says whether hosts have certificates.
func (t TLS) Enabled() bool { return len(t.Authorities) > 0 }

// Period counts how often a certificate could have come due for renewal until now. It changes twice in the time that a certificate
// has left when it is due: an update in a new period checks all of them, one in the same period has nothing to do.
func (t TLS) Period(now time.Time) int64 {
	if !t.Enabled() {
		return 0
	}
	return now.Unix() / max(1, int64(t.RenewBefore.Seconds())/2)
}

// Direct is a target that is in no tunnel: it is scraped at an address of the internet, with certificates.
type Direct struct {
	Listen  netip.Addr // the target's own address
	Monitor netip.Addr // the monitor's address, as the target sees it
}

// MonitorValues are what the monitor's plan depends on. Of the targets, these are only their jobs and whether any is Direct.
type MonitorValues struct {
	Host            string // name
	Region          string
	Labels          map[string]string // more labels for its own series
	Tunnel          Tunnel
	SSH             SSH
	Releases        Releases
	ScrapeInterval  time.Duration
	RetentionTime   time.Duration // 0: no limit by time
	RetentionSize   string        // such as "10GB", in powers of 1024; "": no limit by size
	RetentionFits   bool          // RetentionSize is a default, and is fitted to the disk
	Limits          prometheus.Limits
	Clusters        bool // whether the fleet has any
	Open            Open
	InUse           bool // whether it serves something already, which must not be cut off without a word
	TLS             TLS
	Web             prometheus.Web              // Prometheus's own endpoint
	ExternalURL     string                      // where a reverse proxy leads to Prometheus; \"\": nowhere
	AlertmanagerURL string                      // the same of Alertmanager
	Direct          bool                        // whether any target is direct: scraped outside the tunnel
	Alertmanager    *alertmanager.Configuration // nil: it has no Alertmanager, and tells nobody of alerts
	Jobs            []string                    // batch jobs, which are the users of the monitor's Pushgateway; none: it has none
	Forward         []nftables.Edge             // edges between other ends of the tunnel, through the monitor
	Admits          []Edge                      // edges from other ends to the monitor itself
	Hub             string                      // name of the hub where the ends meet, and which the monitor dials too; "": they dial the monitor

	Exporters     []exporter.Choice // its own: the node exporter, and the blackbox exporter where there are Probes
	Scraped       []string          // jobs of what the targets serve, beside those of Exporters
	Probes        []exporter.Probe  // of its blackbox exporter
	RemoteWrite   prometheus.RemoteWrite
	Agent         bool     // its Prometheus only forwards to RemoteWrite, and keeps nothing
	ScrapeConfigs []string // the operator's own jobs, see prometheus.Server

	Rules []prometheus.RuleFile // the operator's own
	Mute  []string              // alerts of prometheus.RulesFile that it does not have
}

// TargetSpec is what the settings say of a target.
type TargetSpec struct {
	Host     string // name
	Tunnel   Tunnel
	SSH      SSH
	Releases Releases
	Open     Open
	InUse    bool // whether it serves something already, which must not be cut off without a word
	TLS      TLS

	Exporters []exporter.Choice  // what promwire installs; the node exporter is one of them
	Scrape    []exporter.Service // what the host serves already

	Admits []Edge // connections of other ends to this one, beside the monitor's
	Dials  []Edge // connections of this one to others

	Hub *Hub // what it passes on; nil: it is no hub
}

// Edge is a connection that people allow, as one of its ends sees it.
type Edge struct {
	Name    string     // of the other end
	Address netip.Addr // of the other end, in the tunnel, IPv4
	Port    int        // TCP, of the one that is connected to
}

// Hub is what a hub is beside a target: the end that all others dial. It passes on what it is told to, and nothing else.
type Hub struct {
	Passes  []Pass          // from the monitor
	Forward []nftables.Edge // beside those
}

// Pass is a host that the monitor reaches through the hub.
type Pass struct {
	To    netip.Addr // in the tunnel, IPv4: where it is scraped
	Ports []int      // TCP
}

// TargetValues are what a target's plan depends on: itself and the monitor, no other target. Everything except the TargetSpec is
// known only when the monitor exists.
type TargetValues struct {
	TargetSpec
	Monitor     Peer
	Certificate facts.Certificate // where TLS is enabled
	Direct      *Direct           // nil: in the tunnel
}

// BootstrapValues are what a host's first script depends on.
type BootstrapValues struct {
	Host     string         // name
	Fleet    string         // name; a machine of another fleet is refused
	Role     string         // as prometheus.RoleMonitor
	Networks []netip.Prefix // of the tunnel; a host that has an address or a route in one of them is refused
	// RetireTemporaryKey says that the host was made with a temporary ECDSA host key. Bootstrap then adds an Ed25519 key,
	// and the first converge, which comes over a connection that pins this one, removes the other.
	RetireTemporaryKey bool
	Direct             bool // whether it can do without the tunnel
	Undo               bool // whether it must be possible to undo it: the host outlives the fleet
}

// EnrolValues are what the monitor needs for a target.
type EnrolValues struct {
	Host      string // the target's name
	Region    string
	Labels    map[string]string // more labels for its series
	PublicKey wgtypes.Key
	Addresses []netip.Addr        // in the tunnel: IPv4, then IPv6 if the network has any
	Endpoints []exporter.Endpoint // what is scraped

	TLS     TLS
	Request string // for a certificate: PKCS #10, base64 of DER
	Direct  string // IP address or DNS name where it is scraped outside the tunnel; "": in the tunnel
	Period  int64  // which period of TLS it is, see TLS.Period

	Elsewhere bool     // its peer is on a hub, see EnrolPeer
	Meets     *Meeting // it is the hub itself, which the monitor dials; nil: it is none
}

// Meeting is a hub as the monitor dials it.
type Meeting struct {
	Endpoint string         // host:port; an IPv6 address has brackets
	Networks []netip.Prefix // of the tunnel: all that is behind the hub
}

// EnrolPeerValues are what a hub needs for another end of the tunnel.
type EnrolPeerValues struct {
	Host      string // the other end's name
	PublicKey wgtypes.Key
	Addresses []netip.Addr // in the tunnel: IPv4, then IPv6 if the network has any
}

// EnrolClusterValues are what the monitor needs for one end of the tunnel in a cluster.
type EnrolClusterValues struct {
	Name       string // of this end
	PublicKey  wgtypes.Key
	Address    netip.Addr             // in the tunnel
	Federation *prometheus.Federation // nil: nothing there is federated
}
