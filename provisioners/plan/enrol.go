package plan

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/nodeexporter"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Enrol is the script that makes the monitor know a target: its peer, its certificate, and the file that makes Prometheus scrape it.
// The monitor must have converged. Undone, it has forgotten the target; where nothing of the fleet is left, there is nothing to undo.
func Enrol(v EnrolValues) string {
	know := join([]call{do("use", v.Host, "enrol")}, v.peer(), v.certificate(), v.scrape(), []call{do("receipt", "")})
	forget := []call{
		do("use", v.Host, "withdraw"),
		do("leave", v.Host),
		do("dismiss", v.Host),
		do("join_parts"),
		do("receipt", ""),
	}
	title := "the monitor knows " + v.Host
	if v.TLS.Enabled() {
		// What the monitor's settings have of it stands here so that enrol runs again when they change.
		title += fmt.Sprintf("; its certificate of authority %s for %s, renewed %s before, in period %d",
			strings.Join(v.TLS.Authorities, ", "), v.TLS.Validity, v.TLS.RenewBefore, v.Period)
	}
	return script(title, scripts.Use, function{apply, know}, function{undo, forget})
}

// peer lets the target dial. One that is scraped directly has no business in the tunnel, but keeps what it had.
func (v EnrolValues) peer() []call {
	if v.Direct != "" || v.PublicKey == (wgtypes.Key{}) {
		return nil
	}
	allowed := wireguard.Hosts(v.Addresses)
	unseat := []string{"unseat", v.Host, v.PublicKey.String()}
	for _, address := range allowed {
		unseat = append(unseat, address.String())
	}
	peer := wireguard.Peer{Name: v.Host, PublicKey: v.PublicKey, AllowedIPs: allowed}
	return []call{
		do(unseat...),
		put("/etc/wireguard/promwire0.d/peer-"+v.Host+".conf", "600", peer.Render()),
		do("join_parts"),
	}
}

func (v EnrolValues) certificate() []call {
	if !v.TLS.Enabled() {
		return []call{do("dismiss", v.Host)}
	}
	receiver := net.JoinHostPort(v.address(), strconv.Itoa(nodeexporter.ReceivePort))
	return []call{do(append([]string{"admit", v.Host, receiver, v.Request, "DNS:" + v.Host}, v.names()...)...)}
}

// scrape turns Prometheus to the target once it answers there.
func (v EnrolValues) scrape() []call {
	exporter := nodeexporter.Exporter{TLS: v.TLS.Enabled()}
	at := net.JoinHostPort(v.address(), strconv.Itoa(exporter.Port()))
	labels := prometheus.Labels{Name: v.Host, Region: v.Region, Role: prometheus.RoleTarget, Own: v.Labels}
	return []call{{
		words: []string{"turn", v.Host, exporter.Scheme() + "://" + at + "/"},
		input: prometheus.Target(labels, at, exporter.TLS),
	}}
}

// address is where the monitor reaches the target.
func (v EnrolValues) address() string {
	if v.Direct != "" {
		return v.Direct
	}
	return v.Addresses[0].String()
}

// names are what the target's certificate says that it is: the addresses by which it is scraped.
func (v EnrolValues) names() []string {
	if v.Direct == "" {
		return alternative(v.Addresses)
	}
	if address, err := netip.ParseAddr(v.Direct); err == nil {
		return alternative([]netip.Addr{address})
	}
	return []string{"DNS:" + v.Direct}
}

// alternative are addresses as a certificate's subject alternative names, in openssl's words (x509v3_config(5)).
func alternative(addresses []netip.Addr) []string {
	var names []string
	for _, address := range addresses {
		names = append(names, "IP:"+address.String())
	}
	return names
}
