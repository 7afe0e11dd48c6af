package golden

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
)

// fleet is a small fleet: its networks, and what its hosts have in common.
type fleet struct {
	networks []netip.Prefix
	from     []netip.Prefix
	tls      plan.TLS
	web      prometheus.Web
	jobs     []string
	forward  []nftables.Edge

	monitored []string // exporters of the monitor
	exporters []exporter.Choice
	scrape    []exporter.Service
	probes    []exporter.Probe
	alerts    bool // people are told of them
	hub       bool // the ends of the tunnel meet at a host of their own
	writes    prometheus.RemoteWrite
	agent     bool // the monitor only forwards
	edges     bool // people allow some
}

var fleets = map[string]fleet{
	"v4": {
		networks: prefixes("10.98.0.0/24"),
		from:     prefixes("0.0.0.0/0", "::/0"),

		monitored: []string{"node"},
		exporters: choose("node"),
	},
	"v6": {
		networks: prefixes("10.98.0.0/22", "fd98:1:2:3::/64"),
		from:     prefixes("198.51.100.0/24", "198.51.100.7/32", "192.168.7.9/32", "2001:db8:5::/48"),
		jobs:     []string{"report", "backup"},
		alerts:   true,
		edges:    true,
		forward:  []nftables.Edge{{From: netip.MustParseAddr("10.98.0.2"), To: netip.MustParseAddr("10.98.0.3"), Port: 5432}},
		writes: prometheus.RemoteWrite{Secrets: []string{"store"}, Entries: []string{
			`{"basic_auth":{"password_file":"/etc/prometheus/secrets/store","username":"fleet"},"url":"https://store.example.net/api/v1/write"}`,
		}},

		monitored: []string{"node", "blackbox"},
		exporters: flagged(choose("node", "postgres", "redis")),
		scrape:    []exporter.Service{{Job: "shop", Port: 8080, Path: "/internal/metrics"}},
		probes:    probes("https://shop.example.net/health?a='b'", "tcp://198.51.100.7:5432", "tls://mail.example.net:993", "icmp://[2001:db8::1]"),
	},
	"tls": {
		networks: prefixes("10.98.0.0/24"),
		from:     prefixes("198.51.100.0/24"),
		tls:      plan.TLS{Validity: 90 * 24 * time.Hour, RenewBefore: 30 * 24 * time.Hour, Authorities: []string{"1", "2"}},
		web:      prometheus.Web{TLS: true, User: "admin"},
		forward:  []nftables.Edge{{From: netip.MustParseAddr("10.98.0.5"), To: netip.MustParseAddr("10.98.0.6"), Port: 8080}},

		monitored: []string{"node"},
		exporters: choose("node", "postgres", "redis"),
		scrape:    []exporter.Service{{Job: "shop", Port: 8080, Path: "/internal/metrics"}},
	},
	"agent": {
		networks: prefixes("10.98.0.0/24"),
		from:     prefixes("198.51.100.0/24"),
		agent:    true,
		writes:   prometheus.RemoteWrite{Entries: []string{`{"url":"https://store.example.net/api/v1/write"}`}},

		monitored: []string{"node"},
		exporters: choose("node"),
	},
	"hub": {
		networks: prefixes("10.98.0.0/24", "fd98:1:2:3::/64"),
		from:     prefixes("198.51.100.0/24"),
		hub:      true,

		monitored: []string{"node"},
		exporters: choose("node"),
	},
}

// flagged gives the first exporter flags, and the second one a secret file.
func flagged(choices []exporter.Choice) []exporter.Choice {
	choices[0].MoreFlags = []string{"--collector.systemd", `--collector.netdev.device-exclude=^(lo|"x")%i`}
	choices[1].SecretFile = "/etc/postgres exporter.env"
	return choices
}

func probes(urls ...string) []exporter.Probe {
	var all []exporter.Probe
	for _, url := range urls {
		probe, err := exporter.ParseProbe(url)
		if err != nil {
			panic(err)
		}
		all = append(all, probe)
	}
	return all
}

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// addresses are those of one slot. The slots of these fleets are below 10.
func (f fleet) addresses(slot int) []netip.Addr {
	var all []netip.Addr
	for _, network := range f.networks {
		address := network.Addr()
		for range slot {
			address = address.Next()
		}
		all = append(all, address)
	}
	return all
}

func (f fleet) tunnel(slot int) plan.Tunnel {
	return plan.Tunnel{Addresses: f.addresses(slot), Networks: f.networks, Port: 51820, MTU: 1420}
}

// key is a public key: any 32 bytes will do, since nothing is encrypted here.
func key(fill byte) wgtypes.Key {
	k, err := wgtypes.NewKey([]byte(strings.Repeat(string(fill), wgtypes.KeyLen)))
	if err != nil {
		panic(err)
	}
	return k
}

func releases() plan.Releases {
	sums := map[string]string{"amd64": strings.Repeat("a1", 32), "arm64": strings.Repeat("b2", 32)}
	return plan.Releases{
		Prometheus:  release.Release{Name: "prometheus", Version: "3.2.1", SHA256: sums},
		Pushgateway: release.Release{Name: "pushgateway", Version: "1.1.1", SHA256: sums},

		Alertmanager: release.Release{Name: "alertmanager", Version: "0.3.1", SHA256: sums},
	}
}

// choose are exporters of the table. Their releases do not exist.
func choose(names ...string) []exporter.Choice {
	var all []exporter.Choice
	for _, name := range names {
		row, err := exporter.Find(name)
		if err != nil {
			panic(err)
		}
		c := exporter.Choice{Exporter: row}
		if row.Pinned() {
			c.Release = release.Release{Name: row.Release, Version: "1.2.3", SHA256: releases().Prometheus.SHA256}
		}
		all = append(all, c)
	}
	return all
}

// tellsPeople is a configuration of Alertmanager with secrets.
func tellsPeople(t *testing.T) *alertmanager.Configuration {
	t.Helper()
	c, err := alertmanager.Complete(map[string]any{
		"global": map[string]any{"smtp_smarthost": "mail.example.net:587", "smtp_from": "fleet@example.net"},
		"route":  map[string]any{"receiver": "ops"},
		"receivers": []any{map[string]any{
			"name":            "ops",
			"webhook_configs": []any{map[string]any{"url_file": alertmanager.Secrets.File("pager")}},
			"email_configs":   []any{map[string]any{"to": "ops@example.net", "auth_username": "fleet", "auth_password_file": alertmanager.Secrets.File("mail")}},
		}},
	}, &alertmanager.Heartbeat{Secret: "deadman", Interval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func (f fleet) monitor(t *testing.T) plan.Plan {
	t.Helper()
	var (
		alerting         *alertmanager.Configuration
		external, alerts string
		rules            []prometheus.RuleFile
		mute             []string
	)
	if f.alerts {
		alerting = tellsPeople(t)
		external, alerts = "https://example.net/prometheus", "https://example.net/alerts"
		rules = []prometheus.RuleFile{{Name: "shop", Text: "groups:\n  - name: shop\n    rules:\n      - {record: shop:up, expr: sum(up)}\n"}}
		mute = []string{"Healed", "RebootRequired"}
	}
	values := plan.MonitorValues{
		Host: "watcher", Region: "tor1", Labels: map[string]string{"team": `it's "ours"`, "azone": "1"},
		Tunnel: f.tunnel(1), SSH: plan.SSH{Port: 22, From: f.from}, Releases: releases(),
		ScrapeInterval: 15 * time.Second, RetentionTime: 15 * 24 * time.Hour, RetentionSize: "8GB", RetentionFits: true, Clusters: f.tls.Enabled(),
		Limits: prometheus.Limits{Samples: 50_000, Labels: 64, LabelName: 256, LabelValue: 4096, BodySize: "16MB"},
		TLS:    f.tls, Web: f.web, Jobs: f.jobs, Alertmanager: alerting, Forward: f.forward, Hub: f.hubName(),
		ExternalURL: external, AlertmanagerURL: alerts,
		Exporters: choose(f.monitored...), Scraped: []string{"node", "postgres", "redis", "shop"}, Probes: f.probes, RemoteWrite: f.writes, Rules: rules, Mute: mute,
	}
	if f.edges {
		values.Admits = []plan.Edge{{Name: "node-1", Address: f.addresses(2)[0], Port: 9090}}
	}
	if values.Agent = f.agent; f.agent {
		values.RetentionTime, values.RetentionSize, values.RetentionFits = 0, "", false
	}
	p, err := plan.Monitor(values)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f fleet) values() plan.TargetValues {
	values := plan.TargetValues{
		TargetSpec: plan.TargetSpec{
			Host: "node-1", Tunnel: f.tunnel(2), SSH: plan.SSH{Port: 2222, From: f.from}, Releases: releases(),
			TLS: f.tls, Exporters: f.exporters, Scrape: f.scrape,
		},
		Monitor: plan.Peer{PublicKey: key('m'), Endpoint: "198.51.100.34:51820", Addresses: f.addresses(1)},
	}
	if f.hub {
		values.Monitor.Name = "the hub"
	}
	if f.edges {
		values.Admits = []plan.Edge{{Name: "node-3", Address: f.addresses(4)[0], Port: 7946}}
		values.Dials = []plan.Edge{{Name: "node-2", Address: f.addresses(3)[0], Port: 5432}, {Name: "watcher", Address: f.addresses(1)[0], Port: 9090}}
	}
	if f.tls.Enabled() {
		values.Certificate = facts.Certificate{PEM: fakeCertificate("host"), Authorities: fakeCertificate("1") + fakeCertificate("2"), Signed: 1700000000}
	}
	return values
}

// fakeCertificate looks like a certificate; nothing parses it here.
func fakeCertificate(of string) string {
	return "-----BEGIN CERTIFICATE-----\n" + of + "\n-----END CERTIFICATE-----\n"
}

// direct is a target outside the tunnel.
func (f fleet) direct(t *testing.T) plan.Plan {
	t.Helper()
	values := f.values()
	values.Exporters = choose("node", "postgres")
	values.Direct = &plan.Direct{Listen: netip.MustParseAddr("198.51.100.98"), Monitor: netip.MustParseAddr("198.51.100.34")}
	p, err := plan.Target(values)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f fleet) target(t *testing.T) plan.Plan {
	t.Helper()
	p, err := plan.Target(f.values())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f fleet) scripts(t *testing.T) map[string]string {
	t.Helper()
	monitor, err := f.monitor(t).Script()
	if err != nil {
		t.Fatal(err)
	}
	target, err := f.target(t).Script()
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{
		"monitor.sh": monitor,
		"target.sh":  target,
		"bootstrap.sh": plan.Bootstrap(plan.BootstrapValues{
			Host: "node-1", Fleet: "promwire-prod", Role: prometheus.RoleTarget, Networks: f.networks, RetireTemporaryKey: true,
		}),
		"enrol.sh": plan.Enrol(f.enrol("")),
	}
	if f.hub {
		hub := f.values()
		hub.Host, hub.Tunnel, hub.Monitor = "hub-1", f.tunnel(3), plan.Peer{Addresses: f.addresses(1)}
		hub.Hub = &plan.Hub{Passes: []plan.Pass{{To: f.addresses(2)[0], Ports: f.values().Passed()}}}
		planned, err := plan.Target(hub)
		if err != nil {
			t.Fatal(err)
		}
		if scripts["hub.sh"], err = planned.Script(); err != nil {
			t.Fatal(err)
		}
		scripts["enrol-hub.sh"] = plan.Enrol(f.enrolHub())
		scripts["peer.sh"] = plan.EnrolPeer(plan.EnrolPeerValues{Host: "node-1", PublicKey: key('n'), Addresses: f.addresses(2)})
	}
	if f.tls.Enabled() {
		if scripts["direct.sh"], err = f.direct(t).Script(); err != nil {
			t.Fatal(err)
		}
		scripts["enrol-direct.sh"] = plan.Enrol(f.enrol("direct.example.com"))
	}
	return scripts
}

func (f fleet) hubName() string {
	if !f.hub {
		return ""
	}
	return "hub-1"
}

// enrolHub is how the monitor learns of the hub.
func (f fleet) enrolHub() plan.EnrolValues {
	v := f.enrol("")
	v.Host, v.PublicKey, v.Addresses, v.Elsewhere = "hub-1", key('h'), f.addresses(3), false
	v.Meets = &plan.Meeting{Endpoint: "hub.example.net:51820", Networks: f.networks}
	return v
}

func (f fleet) enrol(direct string) plan.EnrolValues {
	return plan.EnrolValues{
		Host: "node-1", Region: "lon1", Labels: map[string]string{"team": "ours"}, PublicKey: key('n'), Addresses: f.addresses(2),
		TLS: f.tls, Request: "cmVxdWVzdA==", Direct: direct, Period: 7, Elsewhere: f.hub,
		Endpoints: exporter.Endpoints(f.exporters, f.scrape, f.tls.Enabled()),
	}
}
