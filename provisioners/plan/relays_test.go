package plan

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/nftables"
)

// serving is a target with an exporter that has no certificates, one that has, and a service.
func serving(tls, direct bool) TargetValues {
	v := targetValues()
	v.Exporters = []exporter.Choice{choose("node"), choose("postgres"), choose("redis")}
	v.Scrape = []exporter.Service{{Job: "shop", Port: 8080}}
	if tls || direct {
		v.TLS = TLS{Validity: time.Hour, RenewBefore: time.Minute, Authorities: []string{"1"}}
		v.Certificate = facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
	}
	if direct {
		v.Direct = &Direct{Listen: netip.MustParseAddr("198.51.100.2"), Monitor: netip.MustParseAddr("198.51.100.1")}
	}
	return v
}

// TestRelays: what has no certificates of its own gets a relay, with TLS wherever there are certificates, and no other relay stays.
func TestRelays(t *testing.T) {
	tls := []string{
		"packages stunnel4\n", "put /etc/promwire/relay-19121.conf 644", "connect = 127.0.0.1:9121\n",
		"put /etc/promwire/relay-18080.conf 644", "connect = 127.0.0.1:8080\nconnect = ::1:8080\n",
		"checkHost = scraper.promwire.internal\n", "service promwire-relay-18080.socket /etc/promwire/relay-18080.conf ",
		"relays_only 9121 19121 8080 18080\n", "--web.listen-address=127.0.0.1:9121\n",
		"promwire-relay-9121.socket promwire-relay-8080.socket\n", // retired
	}
	for name, c := range map[string]struct {
		v         TargetValues
		has, hasn []string
	}{
		"without certificates": {serving(false, false), []string{
			"relays 10.98.0.2 9121 8080\n", "relays_only 9121 19121 8080 18080\n", "--web.listen-address=127.0.0.1:9121\n",
			"promwire-relay-19121.socket promwire-relay-18080.socket\n",
		}, []string{"stunnel", "speaks_tls"}},
		"with certificates": {serving(true, false), append(tls, "ListenStream=10.98.0.2:18080\n", "elements = { 18080, 19098, 19099, 19100, 19121, 19187 }"),
			[]string{"relays 10.98.0.2", "relay-19187", "relay-19100"}},
		"direct": {serving(true, true), append(tls, "ListenStream=198.51.100.2:18080\n", "IPAddressAllow=198.51.100.1/32\n",
			"speaks_tls https://198.51.100.2:19121/ promwire-relay-19121.socket\n"), []string{"\nrelays ", "10.98.0.2:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Target(c.v)
			if err != nil {
				t.Fatal(err)
			}
			script, err := p.Script()
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range c.has {
				if !strings.Contains(script, part) {
					t.Errorf("%q is missing in:\n%s", part, script)
				}
			}
			for _, part := range c.hasn {
				if strings.Contains(script, part) {
					t.Errorf("%q is in:\n%s", part, script)
				}
			}
		})
	}
}

// TestClosed: neither port of a service answers the operator's machine, except one that the owner opens.
func TestClosed(t *testing.T) {
	v := serving(true, false)
	v.Open = Open{nftables.Port(18080, "udp")}
	closed := v.Closed()
	for _, port := range []int{9100, 19100, 9121, 19121, 9187, 19187, 8080, 18080, 19098, 19099} {
		if !slices.Contains(closed, port) {
			t.Errorf("%d is not probed: %v", port, closed)
		}
	}
	v.Open = Open{{Protocol: "tcp", First: 8000, Last: 8090}}
	if slices.Contains(v.Closed(), 8080) {
		t.Error("a port that the owner opens must be closed")
	}
	if slices.Contains(serving(false, false).Closed(), 18080) {
		t.Error("without certificates there is a second port")
	}
}
