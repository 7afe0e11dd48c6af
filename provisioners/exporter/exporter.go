// Package exporter knows the programs that serve metrics to the monitor: the table of exporters that promwire installs, and the
// services that a host has already. What the monitor scrapes of a host is a list of endpoints, whatever serves them.
package exporter

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/release"
)

// Exporter is one row of the table: how one exporter is installed and run, and how it is asked.
type Exporter struct {
	Name string // in stack files; also the job of its series
	Sees string // what its metrics are about, for people

	Release string // name of the pinned release that it is installed from, such as "node_exporter"; "": Package
	Package string // Debian's and Ubuntu's package, whose security updates come with the host's; "": Release

	Unit    string // systemd unit, without ".service": ours of a release, the package's own otherwise
	Program string // path of its binary
	User    string // system user that it runs as: promwire's own of a release, the package's own otherwise

	Port       int    // TCP, for plain HTTP: https://github.com/prometheus/prometheus/wiki/Default-port-allocations
	ListenFlag string // takes host:port, once for each address; such as "--web.listen-address"
	One        bool   // ListenFlag takes only one address: the exporter then listens on the tunnel's IPv4 address
	SocketFlag string // makes it take its listeners from its systemd socket instead; "": it listens itself
	WebFlag    string // takes the path of exporter-toolkit's web configuration; "": not in all releases, and it is relayed
	Flags      []string
	Asks       []string // flags with which one that has a SocketFlag makes connections nevertheless, to the host itself
	CheckFlag  string   // makes it read its flags and end, with status 0 if it knows them; such as "--version"
	ConfigFile string   // path of a file that it needs; "": none
	Config     string   // the text of ConfigFile, without secrets

	Environment []string // NAME=value that it gets where the owner gives it no secret file
	Secret      string   // environment variable that the owner's secret file sets, such as "DATA_SOURCE_NAME"; "": it needs none
	Up          string   // its metric that is 0 when it does not reach its service; "": there is none
	Service     []string // what it needs beyond the sandbox: lines of its unit's [Service], systemd.exec(5)
}

// TLSOffset is how far the port with certificates of an exporter or a service is from its plain one. They differ, so that both can run
// while Prometheus changes from one to the other.
const TLSOffset = 10000

// Choice is an exporter that a host is to run, with the host's own settings for it.
type Choice struct {
	Exporter
	Release    release.Release // of an exporter with a pinned release
	MoreFlags  []string        // the operator's, after the row's own
	SecretFile string          // path on the host, in the format of systemd.exec(5)'s EnvironmentFile; "": none
}

// Pinned says whether it is installed from a pinned release, and not from a package.
func (e Exporter) Pinned() bool { return e.Package == "" }

// Relayed says whether it can neither show a certificate nor require one. It then listens on loopback, in every fleet, and a relay leads the
// monitor there: where there are certificates, one that speaks TLS. So nothing restarts when they come or go.
func (e Exporter) Relayed() bool { return e.WebFlag == "" }

// Instance is an exporter as one host runs it.
type Instance struct {
	Choice
	Own     []netip.Addr // where it listens: IPv4 first
	Monitor []netip.Addr // the peers it connects to, besides the host itself
	TLS     bool         // with certificates
	Tunnel  bool         // Own are addresses of the tunnel
}

// Endpoint is something on a host that the monitor scrapes.
type Endpoint struct {
	Job    string
	Port   int    // TCP
	TLS    bool   // by https, with certificates
	Behind int    // TCP port of plain HTTP to which a relay with TLS leads; 0: there is no such relay
	Path   string // "": /metrics
	Unit   string // systemd unit that serves it, without ".service"; "": a service of the owner's
}

// Service is something that a host serves already, and that the monitor scrapes.
type Service struct {
	Job  string
	Port int    // TCP
	Path string // such as /metrics
}

// Endpoints are all that the monitor scrapes of a host, in the order of the lists.
func Endpoints(choices []Choice, services []Service, certificates bool) []Endpoint {
	var all []Endpoint
	for _, c := range choices {
		e := Endpoint{Job: c.Name, Port: c.Port, Unit: c.unit(certificates)}
		all = append(all, e.with(certificates, c.Relayed()))
	}
	for _, s := range services {
		e := Endpoint{Job: s.Job, Port: s.Port, Path: s.Path}
		all = append(all, e.with(certificates, true))
	}
	return all
}

// with is an endpoint of plain HTTP as a fleet with certificates has it, if it is one: by itself, or by a relay.
func (e Endpoint) with(certificates, relayed bool) Endpoint {
	if !certificates {
		return e
	}
	if relayed {
		e.Behind = e.Port
	}
	e.Port, e.TLS = e.Port+TLSOffset, true
	return e
}

// Ports are the endpoints' TCP ports, sorted.
func Ports(endpoints []Endpoint) []int {
	var ports []int
	for _, e := range endpoints {
		ports = append(ports, e.Port)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Scheme is "https" or "http".
func (e Endpoint) Scheme() string {
	if e.TLS {
		return "https"
	}
	return "http"
}

// MetricsPath is where it is scraped.
func (e Endpoint) MetricsPath() string {
	if e.Path == "" {
		return DefaultPath
	}
	return "/" + strings.TrimPrefix(e.Path, "/")
}

// DefaultPath is where an exporter serves its metrics.
const DefaultPath = "/metrics"

// unit is the unit's name without ".service". An exporter of a release has another unit with certificates than without, so that both
// run until Prometheus has changed. A package has one unit, and so has an exporter that is relayed.
func (e Exporter) unit(certificates bool) string {
	if certificates && e.Pinned() && !e.Relayed() {
		return e.Unit + "-tls"
	}
	return e.Unit
}
