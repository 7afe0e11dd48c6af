package relay

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/exporter"
)

// TestRelay: who is admitted, where it listens and where it leads. tests/golden lets stunnel itself refuse what must be refused.
func TestRelay(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("10.98.0.2"), netip.MustParseAddr("fd98::2")}
	monitor := []netip.Addr{netip.MustParseAddr("10.98.0.1"), netip.MustParseAddr("fd98::1")}
	service, is := Of(exporter.Endpoint{Job: "shop", Port: 18080, TLS: true, Behind: 8080}, own, monitor)
	program, and := Of(exporter.Endpoint{Job: "redis", Port: 19121, TLS: true, Behind: 9121, Unit: "redis"}, own, monitor)
	if !is || !and {
		t.Fatal("what has no certificates of its own has no relay")
	}
	for _, e := range []exporter.Endpoint{{Job: "node", Port: 19100, TLS: true, Unit: "node_exporter-tls"}, {Job: "shop", Port: 8080}} {
		if r, is := Of(e, own, monitor); is {
			t.Errorf("%+v has the relay %+v", e, r)
		}
	}
	for name, c := range map[string]struct {
		text      string
		has, hasn []string
	}{
		"configuration": {service.Config(), []string{
			"\nverifyChain = yes\n", "\ncheckHost = scraper.promwire.internal\n", "\nsslVersionMin = TLSv1.3\n", "\nCAfile = /etc/promwire/tls/authorities.pem\n",
			"\nconnect = 127.0.0.1:8080\nconnect = ::1:8080\nconnect = 10.98.0.2:8080\nconnect = fd98::2:8080\n",
		}, []string{"accept"}},
		// An exporter listens on IPv4's loopback alone: what listens elsewhere is not it.
		"configuration of an exporter's": {program.Config(), []string{"\nconnect = 127.0.0.1:9121\n"}, []string{"::1", "10.98"}},
		"socket": {service.SocketUnit(), []string{
			"ListenStream=10.98.0.2:18080\n", "ListenStream=[fd98::2]:18080\n", "IPAddressDeny=any\n", "IPAddressAllow=10.98.0.1/32\n", "IPAddressAllow=fd98::1/128\n",
		}, []string{"8080\nListenStream=0", "127.0.0.1"}},
		"service": {service.ServiceUnit(), []string{
			"\nExecStart=/usr/bin/stunnel4 /etc/promwire/relay-18080.conf\n", "\nPartOf=promwire-relay-18080.socket\n", "\nDynamicUser=yes\n",
			"\nSupplementaryGroups=promwire\n", "\nCapabilityBoundingSet=\n", "\nNoNewPrivileges=yes\n", "\nIPAddressDeny=any\n",
		}, []string{"10.98.0.1"}},
	} {
		for _, part := range c.has {
			if !strings.Contains(c.text, part) {
				t.Errorf("%s: %q is missing in:\n%s", name, part, c.text)
			}
		}
		for _, part := range c.hasn {
			if strings.Contains(c.text, part) {
				t.Errorf("%s: %q is in:\n%s", name, part, c.text)
			}
		}
	}
}
