package settings

import (
	"net/netip"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
)

func parsed(t *testing.T, name string) *Settings {
	t.Helper()
	raw, _ := fixture(t, "testdata/"+name+".good.yml", "")
	s, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSource: targets outside the tunnel admit an existing monitor where promwire reaches it, unless that can't be.
func TestSource(t *testing.T) {
	for name, want := range map[string]netip.Addr{
		"minimal":              {}, // a droplet's is not known yet
		"tls":                  netip.MustParseAddr("198.51.100.9"),
		"tls-false":            {}, // a name
		"tls-existing":         netip.MustParseAddr("2001:db8::5"),
		"same-private-address": netip.MustParseAddr("10.0.0.5"),
	} {
		if s := parsed(t, name); s.Monitor.Source != want {
			t.Errorf("%s: source %v, want %v", name, s.Monitor.Source, want)
		}
	}
}

// TestSingle: one address has one way to be written.
func TestSingle(t *testing.T) {
	for text, want := range map[string]string{
		"198.51.100.1": "198.51.100.1", "::ffff:198.51.100.1": "198.51.100.1", "2001:DB8::0:1": "2001:db8::1",
		"": "", "a.example.com": "", "198.51.100.1/32": "", "198.51.100.1:22": "", "[::1]": "",
		"::": "", "0.0.0.0": "", "::1": "", "127.1.2.3": "", "::ffff:127.0.0.1": "", "ff02::1": "", "fe80::1%eth0": "",
		"::ffff:198.51.100.1%eth0": "",
	} {
		got := ""
		if addr := single(text); addr.IsValid() {
			got = addr.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// TestRenewal: by default the last third of a certificate's time, in whole seconds, as scripts count.
func TestRenewal(t *testing.T) {
	for text, want := range map[string]plan.TLS{
		``:                      {Validity: 90 * 24 * time.Hour, RenewBefore: 30 * 24 * time.Hour},
		`, "validity": "10m1s"`: {Validity: 601 * time.Second, RenewBefore: 200 * time.Second},
		`, "validity": "601500ms", "renewBefore": "20500ms"`: {Validity: 601 * time.Second, RenewBefore: 20 * time.Second},
		`, "validity": "2w", "renewBefore": "13d23h"`:        {Validity: 336 * time.Hour, RenewBefore: 335 * time.Hour},
	} {
		s, err := Parse([]byte(`{"monitor": {"name": "m", "region": "tor1"}, "tls": {"enabled": true` + text + `}}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if s.TLS.Validity != want.Validity || s.TLS.RenewBefore != want.RenewBefore {
			t.Errorf("%s: %v, %v before its end; want %v, %v", text, s.TLS.Validity, s.TLS.RenewBefore, want.Validity, want.RenewBefore)
		}
	}
}

// TestGroupTransport: a group's hosts are reached as its entry says.
func TestGroupTransport(t *testing.T) {
	s := parsed(t, "tls")
	for _, host := range s.Targets {
		if host.Transport != TLSOnly || host.Listen.IsValid() {
			t.Errorf("%s: transport %q, listen %v", host.Name, host.Transport, host.Listen)
		}
	}
}

// TestOwnAuthorities: whoever changes one fleet's list changes no default.
func TestOwnAuthorities(t *testing.T) {
	parsed(t, "tls").TLS.Authorities[0] = "changed"
	if got := parsed(t, "tls").TLS.Authorities[0]; got != "1" {
		t.Errorf("the default authority is %q now", got)
	}
}

// TestTLSStackFile: one target of the file that shows certificates is outside the tunnel.
func TestTLSStackFile(t *testing.T) {
	s, err := Parse(asPulumi(t, "../Pulumi.tls.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{WireGuard, WireGuard, TLSOnly} {
		if s.Targets[i].Transport != want {
			t.Errorf("%s: transport %q, want %q", s.Targets[i].Name, s.Targets[i].Transport, want)
		}
	}
	if want := (prometheus.Web{TLS: true, User: "admin"}); !s.TLS.Enabled() || s.Monitor.Prometheus.Web != want {
		t.Errorf("tls %+v, web %+v", s.TLS, s.Monitor.Prometheus.Web)
	}
}
