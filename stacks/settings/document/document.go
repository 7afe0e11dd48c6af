// Package document holds the settings of one stack exactly as its author writes them, under promwire:fleet in the stack file.
// Nothing is filled in here and nothing is judged but the shape: which keys there are, and what kind of value each takes.
//
// The comments of the fields are the descriptions that an editor shows: the JSON Schema (../schema.json) is generated from
// this file. Ranges and patterns in the jsonschema tags help while typing; package settings is what decides.
package document

import "strings"

// Fleet is one monitor, the targets that it watches, and how they are reached. Required: monitor.
type Fleet struct {
	// The WireGuard network between the monitor and its targets.
	Network Network `json:"network,omitzero"`
	// Who may reach the hosts' SSH servers.
	SSH SSH `json:"ssh,omitzero"`
	// The one host that runs Prometheus. It gets the first tunnel address.
	Monitor Monitor `json:"monitor"`
	// A host that all others dial in place of the monitor, for a monitor that cannot be reached from outside. It passes on what the monitor scrapes.
	Hub *Hub `json:"hub,omitempty"`
	// The hosts to watch, in order: each gets the next tunnel address, and keeps it when others come and go.
	Targets []Target `json:"targets,omitempty"`
	// Connections from one end of the tunnel to another, beside those that promwire makes itself. All others stay closed.
	Allow []Edge `json:"allow,omitempty"`
	// Whether the fleet is to have no targets. Otherwise a list that has become empty is refused: it would remove all of them.
	NoTargets bool `json:"noTargets,omitempty"`
	// More jobs for the monitor's Prometheus, each a <scrape_config> in Prometheus's own terms. For what a target serves, its key
	// scrape is shorter.
	ScrapeConfigs []map[string]any `json:"scrapeConfigs,omitempty"`
	// Files of your own rules for the monitor's Prometheus, in its own terms, with paths from the project's folder.
	Rules []string `json:"rules,omitempty" jsonschema:"uniqueItems=true"`
	// Alerts of promwire's that the monitor's Prometheus is not to have, by their names.
	Mute []string `json:"mute,omitempty" jsonschema:"uniqueItems=true"`
	// URLs that the monitor asks from outside, with its blackbox exporter: https://example.net/health and http://... for a status of
	// 2xx, tcp://example.net:5432 for a connection, tls://example.net:993 for a valid certificate, icmp://198.51.100.7 for an echo.
	Probes []string `json:"probes,omitempty" jsonschema:"uniqueItems=true,pattern=^(https?|tcp|tls|icmp)://"`
	// Kubernetes clusters to watch: each takes the next tunnel address, after the targets', and keeps it.
	Clusters []Cluster `json:"clusters,omitempty"`
	// The container images that clusters run.
	Images Images `json:"images,omitzero"`
	// A Pushgateway on the monitor, for batch jobs.
	Pushgateway Pushgateway `json:"pushgateway,omitzero"`
	// An Alertmanager on the monitor, which tells people of alerts.
	Alertmanager Alertmanager `json:"alertmanager,omitzero"`
	// Certificates: each exporter proves its identity and admits only the monitor.
	TLS TLS `json:"tls,omitzero"`
	// Which releases of Prometheus, Pushgateway and pinned exporters to install, and from where.
	Releases Releases `json:"releases,omitzero"`
	// The proof, at the end of an update, that nobody but the monitor gets in.
	Verification Verification `json:"verification,omitzero"`
}

// Edge lets ends of the tunnel connect to a TCP port of others.
type Edge struct {
	// Who connects: a target's name, "label KEY=VALUE" for all targets with this label, or CLUSTER/NAMESPACE for the pods of a namespace in a
	// cluster with mode gateway, at the Service to-NAME.
	From string `json:"from"`
	// Where to: NAME:PORT of a target or of the monitor, or "label KEY=VALUE:PORT".
	To string `json:"to"`
}

// Network is the WireGuard network of a fleet. Everything has a default.
type Network struct {
	// IPv4 network of the tunnel addresses, such as 10.98.0.0/24. It may grow in place later (10.98.0.0/23), but not move.
	CIDR string `json:"cidr,omitempty"`
	// IPv6 network beside it: a /64 of its own, best from fd00::/8 (RFC 4193). Left out: no IPv6 in the tunnel.
	IPv6 string `json:"ipv6,omitempty"`
	// UDP port that the monitor listens on, or the hub.
	Port *int `json:"port,omitempty" jsonschema:"minimum=1,maximum=65535"`
	// Largest packet in bytes that the tunnel takes. The default fits a path of 1500 bytes.
	MTU *int `json:"mtu,omitempty" jsonschema:"minimum=1280,maximum=8920"`
}

// TLS is the fleet's certificates. All but enabled has a default.
type TLS struct {
	// Whether every exporter has a certificate, signed by an authority on the monitor, and asks the monitor for one.
	Enabled bool `json:"enabled,omitempty"`
	// How long a certificate is valid, such as 90d; from 10m to 825d.
	Validity string `json:"validity,omitempty"`
	// How long before it expires a certificate is renewed, such as 30d. Left out: a third of validity.
	RenewBefore string `json:"renewBefore,omitempty"`
	// Names of the trusted authorities, the oldest first. To replace one without missing a scrape: ["1"], then ["1", "2"], then
	// ["2"], and `pulumi up` each time.
	Authorities []string `json:"authorities,omitempty" jsonschema:"minItems=1,maxItems=2,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"`
}

// SSH is who may reach the hosts' SSH servers.
type SSH struct {
	// Networks to admit, IPv4 and IPv6, such as 198.51.100.0/24 or 2001:db8::/48. Left out: anywhere, with a warning.
	From []string `json:"from,omitempty" jsonschema:"minItems=1"`
}

// Server is the SSH server of an existing machine.
type Server struct {
	// Existing machine: its address or DNS name, without a port.
	Address string `json:"address,omitempty"`
	// Existing machine: the user to log in as; any other than root needs sudo without a password.
	User string `json:"user,omitempty"`
	// Existing machine: TCP port of the SSH server.
	Port *int `json:"port,omitempty" jsonschema:"minimum=1,maximum=65535"`
	// Existing machine: the SSH server's public key, ssh-ed25519 or ecdsa-sha2-*, as `ssh-keyscan -t ed25519 HOST` prints it after
	// the name.
	HostKey string `json:"hostKey,omitempty"`
}

// Machine is one host: a droplet to create (region, size, image), or, if it has an address, an existing machine
// (address, user, port, hostKey, bastion).
type Machine struct {
	// Host name: lower-case letters, digits and hyphens, at most 63. The host's identity: another name is another host.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// Droplet: DigitalOcean's region, such as lon1; changing it deletes the droplet and makes another one. Existing machine: any text, only a label.
	Region string `json:"region,omitempty"`
	// Labels that Prometheus puts on every series of this host, beside name, region and role.
	Labels map[string]string `json:"labels,omitempty"`
	// Droplet: DigitalOcean's size, such as s-1vcpu-1gb.
	Size string `json:"size,omitempty"`
	// Droplet: DigitalOcean's image: Debian 12 or 13, Ubuntu 22.04 or 24.04. Changing it changes new droplets only.
	Image string `json:"image,omitempty"`
	Server
	// Existing machine: what it serves for others; promwire closes all else. A port such as 443/tcp, a range such as 60000-61000/udp,
	// a protocol such as vrrp or gre (another one by its number: proto 112), or an object.
	Open []Opening `json:"open,omitempty"`
	// Existing machine: whether to close what it serves now and open does not list. Otherwise that is an error, before anything is closed.
	CloseOthers bool `json:"closeOthers,omitempty"`
	// Existing machine: the SSH server to go through, if the machine cannot be reached directly.
	Bastion *Server `json:"bastion,omitempty"`
	// Largest packet in bytes that this host's end of the tunnel takes, where its own path is smaller than that of others: PPPoE, or a VPN
	// below. It counts for both directions, and a hub's for the whole fleet. Below 1280 only without network.ipv6. Left out: network.mtu.
	MTU *int `json:"mtu,omitempty" jsonschema:"minimum=576,maximum=8920"`
	// Whether this host, or each of a group, is refused to be removed or replaced, by `pulumi destroy` too. Before that, write false and run
	// `pulumi up`.
	Protect bool `json:"protect,omitempty"`
	// More flags for the host's exporters, by exporter, such as {node: [--collector.systemd]}. The host checks them before it uses them.
	Flags map[string][]string `json:"flags,omitempty"`
}

// Opening is what a machine serves for others, in full: who may connect can be said too.
type Opening struct {
	// A port or a range of ports, such as 5432/tcp.
	Port string `json:"port,omitempty" jsonschema:"pattern=^[0-9]+(-[0-9]+)?/(tcp|udp)$"`
	// In place of a port: another protocol, such as vrrp, gre, esp or proto 112.
	Protocol string `json:"protocol,omitempty"`
	// Networks that may connect, IPv4 and IPv6, such as 198.51.100.7/32. Left out: everybody.
	From []string `json:"from,omitempty" jsonschema:"minItems=1"`
	// The interface that their packets arrive at, such as docker0, or br-* for all that begin so. Left out: any but the tunnel's.
	Interface string `json:"interface,omitempty"`
}

// Short reads an opening that is only a text: one with a slash has a port.
func (o *Opening) Short(text string) {
	if strings.Contains(text, "/") {
		o.Port = text
	} else {
		o.Protocol = text
	}
}

// Hub is a host that all others dial, the monitor too.
type Hub struct {
	Machine
	// Address or DNS name that the others dial, without a port. Left out: the hub's own public address.
	Endpoint string `json:"endpoint,omitempty"`
}

// Monitor is the host that runs Prometheus.
type Monitor struct {
	Machine
	// Address or DNS name that the targets dial, without a port. Left out: the monitor's own public address. With a hub, they dial the hub.
	Endpoint string `json:"endpoint,omitempty"`
	// IP address that targets with transport tls see the monitor come from. Left out: the monitor's own public address.
	Source string `json:"source,omitempty"`
	// How Prometheus scrapes, and what it keeps.
	Prometheus Prometheus `json:"prometheus,omitzero"`
}

// Prometheus is how the monitor scrapes, and what it keeps.
type Prometheus struct {
	// Time between two scrapes of a target, such as 15s; from 1s to 2m.
	ScrapeInterval string `json:"scrapeInterval,omitempty"`
	// What is kept; whichever limit is reached first removes the oldest data.
	Retention Retention `json:"retention,omitzero"`
	// What one scrape of anything, federations included, may bring. One with more is refused as a whole, and the alert TargetOverLimit names
	// its host; the others go on.
	Limits Limits `json:"limits,omitzero"`
	// Where a reverse proxy of yours on the monitor leads to Prometheus, such as https://example.net/prometheus: links in alerts begin with
	// it. The proxy takes the path away: Prometheus itself answers at http://127.0.0.1:9090/.
	ExternalURL string `json:"externalUrl,omitempty" jsonschema:"pattern=^https?://"`
	// Where else samples go, such as to a store for years, each a <remote_write> in Prometheus's own terms. A secret is read from a file:
	// password_file: /etc/prometheus/secrets/NAME is the value of promwire:secrets.NAME.
	RemoteWrite []map[string]any `json:"remoteWrite,omitempty"`
	// Whether it only forwards what it scrapes, in Prometheus's agent mode: the stores of remoteWrite keep the history, show it and raise alerts.
	// The monitor then has no history, no alerts and no page of its own.
	Agent bool `json:"agent,omitempty"`
	// Who may use Prometheus's own pages and API, on the monitor's loopback and tunnel addresses.
	Web Web `json:"web,omitzero"`
}

// Web is Prometheus's own endpoint.
type Web struct {
	// Whether it speaks TLS, with the monitor's certificate; needs tls.enabled.
	TLS bool `json:"tls,omitempty"`
	// User name to log in with (basic auth). The password is made on the monitor; the output "password" says how to see it. Left
	// out: no login.
	User string `json:"user,omitempty" jsonschema:"pattern=^[A-Za-z0-9_.-]+$,maxLength=64"`
}

// Retention is what Prometheus keeps.
type Retention struct {
	// How long samples are kept, such as 15d or 1y.
	Time string `json:"time,omitempty"`
	// How much disk they may take, such as 10GB. Units: B, KB, MB, GB, TB, PB, EB, powers of 1024. If it is left out, the monitor keeps
	// at most 60 % of its file system; a larger one than the file system is refused there.
	Size string `json:"size,omitempty" jsonschema:"pattern=^[1-9][0-9]*(B|KB|MB|GB|TB|PB|EB)$"`
}

// Limits are what one scrape may bring.
type Limits struct {
	// Samples, which are series of one moment.
	Samples *int `json:"samples,omitempty" jsonschema:"minimum=5000"`
	// Labels of a series.
	Labels *int `json:"labels,omitempty" jsonschema:"minimum=16"`
	// Bytes of a label's name.
	LabelNameLength *int `json:"labelNameLength,omitempty" jsonschema:"minimum=64"`
	// Bytes of a label's value.
	LabelValueLength *int `json:"labelValueLength,omitempty" jsonschema:"minimum=256"`
	// Size of the answer, uncompressed, such as 16MB. Units: MB, GB, powers of 1024.
	BodySize string `json:"bodySize,omitempty" jsonschema:"pattern=^[1-9][0-9]*(MB|GB)$"`
}

// Target is a host to watch, or, if it has a count, a group of droplets that are alike.
type Target struct {
	Machine
	// How the monitor reaches the target: wireguard, or tls for a host that cannot run WireGuard. Then its exporters listen on its
	// public address, open only to the monitor's address, with certificates; needs tls.enabled.
	Transport string `json:"transport,omitempty" jsonschema:"enum=wireguard,enum=tls"`
	// Existing machine with transport tls: its own IP address to listen on, if that is not address, for example behind NAT.
	Listen string `json:"listen,omitempty"`
	// Group: how many droplets; their names are NAME-1, NAME-2 and so on.
	Count *int `json:"count,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Group: DigitalOcean's regions; the droplets get them in turn.
	Regions []string `json:"regions,omitempty" jsonschema:"minItems=1"`
	// The exporters that promwire installs. node must be one of them.
	Exporters []string `json:"exporters,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// Files on the host that hold an exporter's login, by exporter: the path of a file in the format of systemd's EnvironmentFile.
	// promwire neither makes nor reads them.
	Secrets map[string]string `json:"secrets,omitempty"`
	// What the host already serves: the monitor scrapes it, and nobody else can reach it.
	Scrape []Scrape `json:"scrape,omitempty"`
}

// Scrape is something that a host serves already, by plain HTTP.
type Scrape struct {
	// The job of its series: letters, digits, hyphens and underscores.
	Job string `json:"job" jsonschema:"pattern=^[a-zA-Z_][a-zA-Z0-9_-]*$,maxLength=64"`
	// TCP port. In a fleet with certificates it is scraped at the port 10000 higher, so this one is at most 55535.
	Port *int `json:"port" jsonschema:"minimum=1,maximum=65535"`
	// Path of its metrics.
	Path string `json:"path,omitempty" jsonschema:"pattern=^/"`
}

// Releases are what gets installed. The defaults are pinned in the program, with their checksums.
type Releases struct {
	// Base address to download from instead of https://github.com, with the same paths below it.
	Mirror string `json:"mirror,omitempty"`
	// Another release of node_exporter than the program's own.
	NodeExporter Release `json:"nodeExporter,omitzero"`
	// Another release of blackbox_exporter than the program's own.
	BlackboxExporter Release `json:"blackboxExporter,omitzero"`
	// Another release of Prometheus than the program's own.
	Prometheus Release `json:"prometheus,omitzero"`
	// Another release of Pushgateway than the program's own.
	Pushgateway Release `json:"pushgateway,omitzero"`
	// Another release of Alertmanager than the program's own.
	Alertmanager Release `json:"alertmanager,omitzero"`
}

// Release is one version of one program.
type Release struct {
	// Version without a v in front, such as 1.2.3.
	Version string `json:"version,omitempty"`
	// The archives' SHA-256 checksums, for the processors that the fleet's hosts have.
	SHA256 Sums `json:"sha256,omitzero"`
}

// Sums are one release's checksums: 64 hexadecimal digits each, as in the release's sha256sums.txt.
type Sums struct {
	// Checksum of the linux-amd64 archive.
	AMD64 string `json:"amd64,omitempty" jsonschema:"pattern=^[0-9a-fA-F]*$,minLength=64,maxLength=64"`
	// Checksum of the linux-arm64 archive.
	ARM64 string `json:"arm64,omitempty" jsonschema:"pattern=^[0-9a-fA-F]*$,minLength=64,maxLength=64"`
}

// Verification is the proof at the end of an update.
type Verification struct {
	// Any text. The proof is repeated when something changed; change this text to have it repeated anyway.
	Again string `json:"again,omitempty"`
	// Whether every update repeats the proof, also one that changes nothing: it then fails if a target is dark by now.
	Always bool `json:"always,omitempty"`
	// Whether to remove from the monitor what is of no host and no cluster of this stack: peers of the tunnel, what is scraped, certificates. A
	// state that was lost, or edited by hand, leaves such. Without it, the proof fails and names it.
	RemoveUnknown bool `json:"removeUnknown,omitempty"`
}
