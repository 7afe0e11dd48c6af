package plan

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Enrol is the script that adds a target to the monitor: its peer, its certificate, and the file that makes Prometheus scrape it.
// The monitor must have converged. Its undo removes the target; where nothing of the fleet is left, there is nothing to undo.
func Enrol(v EnrolValues) string {
	add := join([]call{use(v.Host, "enrol")}, v.peer(), v.certificate(), v.scrape(), []call{do("receipt", "")})
	remove := []call{
		use(v.Host, withdraw),
		do("remove_peer", v.Host),
		do("withdraw_host", v.Host),
		do("join_parts"),
		do("receipt", ""),
	}
	if v.Meets != nil { // nobody is dialed any more, but a hub that has come in its place
		remove = slices.Insert(remove, 3, do("looks_up_nothing"))
	}
	return script("the monitor knows "+v.Host, head, withUndo("enrol."+v.Host, add, remove)...)
}

// peer lets the target dial. A direct target needs none, but keeps one that it had.
func (v EnrolValues) peer() []call {
	switch {
	case v.Direct != "" || v.PublicKey == (wgtypes.Key{}):
		return nil
	case v.Elsewhere: // it may have been here
		return []call{do("remove", wireguard.PeerPart(v.Host)), do("join_parts")}
	case v.Meets != nil:
		return v.Meets.peer(v.Host, v.PublicKey)
	}
	return peer(wireguard.Peer{Name: v.Host, PublicKey: v.PublicKey, AllowedIPs: wireguard.Hosts(v.Addresses)})
}

// peer lets another end of the tunnel in.
func peer(p wireguard.Peer) []call {
	conflicts := []string{"remove_conflicts", p.Name, p.PublicKey.String()}
	for _, address := range p.AllowedIPs {
		conflicts = append(conflicts, address.String())
	}
	return []call{
		do(conflicts...),
		put(wireguard.PeerPart(p.Name), "600", p.Render()),
		do("join_parts"),
	}
}

func (v EnrolValues) certificate() []call {
	if !v.TLS.Enabled() {
		return []call{do("withdraw_host", v.Host)}
	}
	receiver := net.JoinHostPort(v.address(), strconv.Itoa(certificate.ReceivePort))
	return []call{
		// The monitor's settings are part of the script, so that it runs again when they change, or when certificates may be due.
		do(append([]string{"signs_as", seconds(v.TLS.Validity), seconds(v.TLS.RenewBefore)}, v.TLS.Authorities...)...),
		do("renewal_period", strconv.FormatInt(v.Period, 10)),
		do(append([]string{"certify_host", v.Host, receiver, v.Request, "DNS:" + v.Host}, v.names()...)...),
	}
}

// scrape makes Prometheus scrape what the target serves, each once it answers there.
func (v EnrolValues) scrape() []call {
	labels := prometheus.Labels{Name: v.Host, Region: v.Region, Role: prometheus.RoleTarget, Own: v.Labels}
	return scrapes(v.Host, labels, v.address(), v.Endpoints)
}

// scrapes make Prometheus scrape these endpoints of a host, and no others.
func scrapes(host string, labels prometheus.Labels, address string, endpoints []exporter.Endpoint) []call {
	var calls []call
	jobs := []string{"scrape_only", host}
	for _, e := range endpoints {
		at := net.JoinHostPort(address, strconv.Itoa(e.Port))
		calls = append(calls, call{
			words: []string{"scrape", host + "." + e.Job, e.Scheme() + "://" + at + e.MetricsPath()},
			input: prometheus.Target(labels, at, e),
		})
		jobs = append(jobs, e.Job)
	}
	return append(calls, do(jobs...))
}

// address is where the monitor reaches the target.
func (v EnrolValues) address() string {
	if v.Direct != "" {
		return v.Direct
	}
	return v.Addresses[0].String()
}

// names are those in the target's certificate: the addresses by which it is scraped.
func (v EnrolValues) names() []string {
	if v.Direct == "" {
		return alternative(v.Addresses)
	}
	if address, err := netip.ParseAddr(v.Direct); err == nil {
		return alternative([]netip.Addr{address})
	}
	return []string{"DNS:" + v.Direct}
}

// alternative are addresses as a certificate's subject alternative names, in openssl's format (x509v3_config(5)).
func alternative(addresses []netip.Addr) []string {
	var names []string
	for _, address := range addresses {
		names = append(names, "IP:"+address.String())
	}
	return names
}
