package exporter

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// instance is an exporter in a tunnel of both families.
func instance(t *testing.T, name string) Instance {
	t.Helper()
	row, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return Instance{
		Choice: Choice{Exporter: row}, Tunnel: true,
		Own:     []netip.Addr{netip.MustParseAddr("10.98.0.2"), netip.MustParseAddr("fd98::2")},
		Monitor: []netip.Addr{netip.MustParseAddr("10.98.0.1"), netip.MustParseAddr("fd98::1")},
	}
}

// TestText: what each unit or drop-in must contain, and what it must not.
func TestText(t *testing.T) {
	secret := instance(t, "postgres")
	secret.SecretFile = "/etc/secret.env"
	flags := instance(t, "node")
	asks := instance(t, "node")
	asks.MoreFlags = []string{"--collector.ethtool"}
	flags.MoreFlags = []string{`--a=$x %i "q" \`}
	secured, relayed, direct, single := instance(t, "postgres"), instance(t, "redis"), instance(t, "node"), instance(t, "process")
	secured.TLS, relayed.TLS, direct.TLS = true, true, true
	direct.Tunnel = false
	if relayed.Text() != instance(t, "redis").Text() {
		t.Error("an exporter that is relayed restarts when certificates come or go")
	}
	const allowed = "IPAddressAllow=10.98.0.1/32"
	for _, c := range []struct {
		name      string
		i         Instance
		has, hasn []string
	}{
		{"in the tunnel", instance(t, "node"), []string{
			"Wants=node_exporter.socket\nPartOf=node_exporter.socket\n", "--web.systemd-socket\n", "User=node_exporter\nGroup=node_exporter\n", "IPAddressDeny=any\n",
		}, []string{"IPAddressAllow", "AF_INET", "ExecStart=\n", "web.config", "SupplementaryGroups", "listen-address", "wg-quick"}},
		{"a package's", instance(t, "postgres"), []string{
			"BindsTo=wg-quick@promwire0.service\n", "--web.listen-address=[fd98::2]:9187",
			"ExecStart=\nEnvironmentFile=\nExecStart=/usr/bin/prometheus-postgres-exporter \\\n  --web.listen-address=10.98.0.2:9187",
			`Environment="DATA_SOURCE_NAME=user=prometheus host=/run/postgresql dbname=postgres"`, allowed,
		}, []string{"User=", "Description=", "EnvironmentFile=/"}},
		{"only one address", single, []string{"--web.listen-address=10.98.0.2:9256"}, []string{"fd98::2]:9256"}},
		{"a secret file", secret, []string{"EnvironmentFile=/etc/secret.env\n"}, []string{"Environment=", allowed}},
		{"with certificates", secured, []string{"--web.config.file=/etc/promwire/tls/web.yml", ":19187", "SupplementaryGroups=promwire\n"}, []string{":9187"}},
		{"relayed", relayed, []string{"--web.listen-address=127.0.0.1:9121\n"}, []string{"web.yml", "SupplementaryGroups", ":19121", "10.98.0.2:", "wg-quick"}},
		{"outside the tunnel", direct, []string{"PartOf=node_exporter-tls.socket\n", "Group=promwire\n"}, []string{"wg-quick", ":19100", "SupplementaryGroups"}},
		{"what asks the network", asks, []string{"AF_INET AF_INET6", "IPAddressAllow=localhost\n"}, []string{allowed}},
		{"words that systemd would expand", flags, []string{`"--a=$$x %%i \"q\" \\"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.i.Text()
			for _, part := range c.has {
				if !strings.Contains(text, part) {
					t.Errorf("%q is missing in:\n%s", part, text)
				}
			}
			for _, part := range c.hasn {
				if strings.Contains(text, part) {
					t.Errorf("%q is in:\n%s", part, text)
				}
			}
		})
	}
}

// TestEndpoints: where the monitor scrapes what.
func TestEndpoints(t *testing.T) {
	choices := []Choice{instance(t, "node").Choice, instance(t, "redis").Choice}
	services := []Service{{Job: "shop", Port: 8080, Path: "x/"}, {Job: "plain", Port: 9187}}
	plain, secured := Endpoints(choices, services, false), Endpoints(choices, services, true)
	if got := Ports(plain); !slices.Equal(got, []int{8080, 9100, 9121, 9187}) {
		t.Errorf("plain: %v", got)
	}
	if got := Ports(secured); !slices.Equal(got, []int{18080, 19100, 19121, 19187}) {
		t.Errorf("with certificates: %v", got)
	}
	if e := secured[0]; e.Scheme() != "https" || e.Unit != "node_exporter-tls" || e.MetricsPath() != "/metrics" {
		t.Errorf("node: %+v", e)
	}
	if e := secured[1]; e.Scheme() != "https" || e.Unit != "prometheus-redis-exporter" || e.Behind != 9121 {
		t.Errorf("redis: %+v", e)
	}
	if e := secured[2]; e.Scheme() != "https" || e.Unit != "" || e.MetricsPath() != "/x/" || e.Behind != 8080 {
		t.Errorf("shop: %+v", e)
	}
	if e := plain[2]; e.Scheme() != "http" || e.Behind != 0 || secured[0].Behind != 0 {
		t.Errorf("shop without certificates: %+v, node with them: %+v", e, secured[0])
	}
	for name, want := range map[string][]string{"node": {"node_exporter.socket", "node_exporter.service"}, "postgres": nil, "redis": nil} {
		i := instance(t, name)
		i.TLS = true
		if got := i.Former(); !slices.Equal(got, want) {
			t.Errorf("%s: former units %q, want %q", name, got, want)
		}
	}
}

// TestSocket: where systemd listens for an exporter, and for which it does not.
func TestSocket(t *testing.T) {
	secured, loopback := instance(t, "node"), instance(t, "blackbox")
	secured.TLS = true
	loopback.Own, loopback.Monitor, loopback.Tunnel = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil, false
	for _, c := range []struct {
		i    Instance
		unit string
		has  []string
	}{
		{instance(t, "node"), "node_exporter.socket", []string{
			"ListenStream=10.98.0.2:9100\nListenStream=[fd98::2]:9100\nFreeBind=yes\n", "IPAddressDeny=any\n", "IPAddressAllow=fd98::1/128\n",
		}},
		{secured, "node_exporter-tls.socket", []string{"ListenStream=10.98.0.2:19100\n"}},
		{loopback, "blackbox_exporter.socket", []string{"ListenStream=127.0.0.1:9115\nFreeBind"}},
		{instance(t, "postgres"), "", nil},
	} {
		if got := c.i.Socket(); got != c.unit {
			t.Errorf("%s: got the socket %q, want %q", c.i.Name, got, c.unit)
		}
		for _, part := range c.has {
			if text := c.i.SocketText(); !strings.Contains(text, part) {
				t.Errorf("%q is missing in:\n%s", part, text)
			}
		}
	}
}
