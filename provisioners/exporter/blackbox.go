package exporter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Probe is something that the monitor's blackbox exporter asks from outside.
type Probe struct {
	URL    string // as the stack file has it; the instance of its series
	Module string // of blackboxModules
	Target string // what the exporter is to ask
}

// modules are those of blackboxModules, by the scheme of a URL.
var modules = map[string]string{"http": "http", "https": "http", "tcp": "tcp", "tls": "tls", "icmp": "icmp"}

// ParseProbe reads the URL of a probe: http and https ask for a status of 2xx, tcp for a connection, tls for a connection with a
// trusted certificate, icmp for an echo.
func ParseProbe(text string) (Probe, error) {
	u, err := url.Parse(text)
	if err != nil || modules[u.Scheme] == "" || u.Hostname() == "" {
		return Probe{}, fmt.Errorf("%q is not a URL to probe; write it like https://example.net/health, tcp://example.net:5432, "+
			"tls://example.net:993 or icmp://198.51.100.7", text)
	}
	if u.User != nil {
		return Probe{}, errors.New("the URL has a user or password, and the metrics show the URL to everybody; leave it out")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && strings.ContainsAny(u.Hostname(), `"'\ `) {
		return Probe{}, fmt.Errorf("%q: %q is not a host", text, u.Hostname())
	}
	p := Probe{URL: text, Module: modules[u.Scheme], Target: text}
	switch u.Scheme {
	case "tcp", "tls":
		if u.Port() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return Probe{}, fmt.Errorf("%q: %s needs a host and a port only, such as %s://%s", text, u.Scheme, u.Scheme, net.JoinHostPort(u.Hostname(), "443"))
		}
		p.Target = u.Host
	case "icmp":
		if u.Port() != "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			return Probe{}, fmt.Errorf("%q: icmp needs a host only, such as icmp://198.51.100.7 or icmp://[2001:db8::1]", text)
		}
		p.Target = u.Hostname()
	}
	return p, nil
}

// blackboxModules is the blackbox exporter's configuration, in the format of
// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md. IPv4 comes first, because a host may have an IPv6
// address and no route for it; a name without an IPv4 address is asked by IPv6.
const blackboxModules = `modules:
  http: {prober: http, timeout: 9s, http: {preferred_ip_protocol: ip4}}
  tcp: {prober: tcp, timeout: 9s, tcp: {preferred_ip_protocol: ip4}}
  tls: {prober: tcp, timeout: 9s, tcp: {preferred_ip_protocol: ip4, tls: true}}
  icmp: {prober: icmp, timeout: 9s, icmp: {preferred_ip_protocol: ip4}}
`
