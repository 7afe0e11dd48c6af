package settings

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
)

// fixture reads a file of testdata: what stands under promwire:fleet in a stack file, as Pulumi hands it over, and the lines
// in it that begin with a marker. There, {exporters} stands for all that a target can have, which grow in number.
func fixture(t *testing.T, path, marker string) (raw []byte, marked []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if raw, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line, ok := strings.CutPrefix(strings.TrimSpace(line), marker); ok {
			marked = append(marked, strings.ReplaceAll(line, "{exporters}", strings.Join(exporter.ForTargets(), ", ")))
		}
	}
	return raw, marked
}

func fixtures(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no fixtures (%v)", pattern, err)
	}
	return paths
}

// same compares two lists of lines and shows what only one of them has.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s misses: %s", what, line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s has unexpectedly: %s", what, line)
		}
	}
	if !t.Failed() && !slices.Equal(got, want) {
		t.Errorf("%s is in another order:\n%s", what, strings.Join(got, "\n"))
	}
}

func TestGoodFixtures(t *testing.T) {
	for _, path := range fixtures(t, "*.good.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, warnings := fixture(t, path, "# warn: ")
			s, err := Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "the list of warnings", s.Warnings, warnings)
			if again, err := Parse(raw); err != nil || !reflect.DeepEqual(again, s) {
				t.Errorf("a second reading differs: %v %v", again, err)
			}
		})
	}
}

// TestBadFixtures expects every error of a file, exactly, at once.
func TestBadFixtures(t *testing.T) {
	for _, path := range fixtures(t, "*.bad.yml") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, want := fixture(t, path, "# want: ")
			s, err := Parse(raw)
			if err == nil || s != nil {
				t.Fatalf("no error but %v", s)
			}
			same(t, "the error", strings.Split(err.Error(), "\n"), want)
		})
	}
}

func TestNoJSON(t *testing.T) {
	for raw, want := range map[string]string{
		"":        "promwire:fleet: missing: the stack file has no settings of the fleet; begin with a copy of stacks/Pulumi.prod.yaml",
		"{":       "promwire:fleet: is not an object: unexpected EOF",
		"{} {}":   "promwire:fleet: there is text after the object",
		"null":    "promwire:fleet: missing: the stack file has no settings of the fleet; begin with a copy of stacks/Pulumi.prod.yaml",
		`"hello"`: "promwire:fleet: must be an object (indented lines of key: value), not text",
	} {
		if _, err := Parse([]byte(raw)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", raw, err, want)
		}
	}
}

// nodeOnly are the exporters of a host of which nothing is said.
func nodeOnly(r release.Release) []exporter.Choice {
	return []exporter.Choice{{Exporter: row(exporter.Node), Release: r}}
}

// limits are those of a stack file that names none.
var limits = prometheus.Limits{Samples: 50_000, Labels: 64, LabelName: 256, LabelValue: 4096, BodySize: "16MB"}

func TestDefaults(t *testing.T) {
	raw, _ := fixture(t, "testdata/minimal.good.yml", "")
	s, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := &Settings{
		Network: Network{V4: netip.MustParsePrefix("10.98.0.0/24"), Port: 51820, MTU: 1420},
		SSH:     SSH{From: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}},
		Monitor: Monitor{
			Host: Host{
				Name: "monitor-1", Region: "tor1", Size: "s-1vcpu-1gb", Image: "debian-12-x64", Exporters: nodeOnly(release.NodeExporter),
			},
			Prometheus: Prometheus{ScrapeInterval: 15 * time.Second, RetentionTime: 15 * 24 * time.Hour, RetentionSize: "10GB", RetentionFits: true, Limits: limits},
		},
		Targets:  []Host{},
		Releases: plan.Releases{Prometheus: release.Prometheus, Pushgateway: release.Pushgateway, Alertmanager: release.Alertmanager},
		Warnings: s.Warnings,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestEverything(t *testing.T) {
	raw, _ := fixture(t, "testdata/everything.good.yml", "")
	s, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	pinned := release.Release{Name: "node_exporter", Version: "9.8.7", SHA256: map[string]string{"amd64": sum}}
	node := func(name, region string) Host {
		return Host{
			Name: name, Region: region, Group: "node", Regions: []string{"lon1", "sfo3"}, Size: "s-1vcpu-2gb", Image: "debian-13-x64",
			Labels: map[string]string{"service": "web", "_tier": "1"}, Transport: WireGuard,
			Exporters: []exporter.Choice{
				{Exporter: row(exporter.Node), Release: pinned},
				{Exporter: row("postgres"), MoreFlags: []string{"--collector.wal=true"}, SecretFile: "/etc/exporters/postgres.env"},
			},
			Scrape: []exporter.Service{{Job: "shop", Port: 8080, Path: "/stats"}, {Job: "mail", Port: 81, Path: "/metrics"}},
		}
	}
	want := &Settings{
		Network: Network{
			V4: netip.MustParsePrefix("100.64.8.0/22"), V6: netip.MustParsePrefix("fd4f:91c2:7a30:1::/64"), Port: 443, MTU: 1280,
		},
		SSH: SSH{From: []netip.Prefix{
			netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8:7::/48"),
		}},
		Monitor: Monitor{
			Host: Host{
				Name: "monitor-1", Region: "tor1", Size: "s-2vcpu-4gb", Image: "ubuntu-24-04-x64",
				Labels: map[string]string{"team": "infra"}, Protect: true,
				Exporters: []exporter.Choice{
					{Exporter: row(exporter.Node), Release: pinned, MoreFlags: []string{"--collector.systemd"}},
					{
						Exporter:  row(exporter.Blackbox),
						Release:   release.Release{Name: "blackbox_exporter", Version: "9.9.9", SHA256: map[string]string{"amd64": sum}},
						MoreFlags: []string{"--log.level=debug"},
					},
				},
			},
			Endpoint: "monitor.example.com",
			Source:   netip.MustParseAddr("203.0.113.77"),
			Prometheus: Prometheus{
				ScrapeInterval: 90 * time.Second, RetentionTime: 365 * 24 * time.Hour, RetentionSize: "200GB", ExternalURL: "https://example.net/prometheus",
				Web:    prometheus.Web{TLS: true, User: "admin"},
				Limits: prometheus.Limits{Samples: 200_000, Labels: 30, LabelName: 100, LabelValue: 1000, BodySize: "64MB"},
			},
		},
		TLS: plan.TLS{Validity: 60 * 24 * time.Hour, RenewBefore: 20 * 24 * time.Hour, Authorities: []string{"old", "2"}},
		Targets: []Host{
			node("node-1", "lon1"), node("node-2", "sfo3"), node("node-3", "lon1"), node("node-4", "sfo3"), node("node-5", "lon1"),
			{Name: "4ever", Region: "fra1", Size: "s-1vcpu-1gb", Image: "debian-12-x64", Transport: TLSOnly, Exporters: nodeOnly(pinned)},
			{Name: "db-1", Region: "the cellar, second shelf", Transport: WireGuard, Exporters: nodeOnly(pinned), Existing: &Machine{
				CloseOthers: true,
				Open: []nftables.Opening{
					nftables.Port(443, "tcp"), {Protocol: "udp", First: 60000, Last: 61000}, {Protocol: "112"}, {Protocol: "47", Interface: "gre-*"},
					{
						Protocol: "tcp", First: 5432, Last: 5432, Interface: "docker0",
						From: []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("2001:db8::/32")},
					},
				},
				SSHServer: plan.SSHServer{
					Address: "db.example.com", User: "admin", Port: 2222,
					HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKbu2P8/Oqy8dsNDOG/1FfpKendsGchZUqpt7J1BhZZr",
				},
				Bastion: &plan.SSHServer{
					Address: "203.0.113.9", User: "jump", Port: 2200,
					HostKey: "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBK6blxo89AwlF/KtXSYaDxlr4JMdWIz5b2IYZuf5QnjBu1GdTe5qnG7K5jTi6S8820QQArSLIN09DXuPXB3gIu8=",
				},
			}},
			{Name: "bare-1", Transport: TLSOnly, Listen: netip.MustParseAddr("10.0.0.5"), Exporters: nodeOnly(pinned), Existing: &Machine{
				SSHServer: plan.SSHServer{
					Address: "bare.example.com", User: "root", Port: 22,
					HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKbu2P8/Oqy8dsNDOG/1FfpKendsGchZUqpt7J1BhZZr",
				},
			}},
		},
		Releases: plan.Releases{
			Mirror: "http://127.0.0.1:8080/releases",
			Prometheus: release.Release{Name: "prometheus", Version: "9.8.0-rc.1", SHA256: map[string]string{
				"amd64": sum, "arm64": "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789",
			}},
			Pushgateway: release.Release{Name: "pushgateway", Version: "9.7.6", SHA256: map[string]string{"arm64": sum}},

			Alertmanager: release.Alertmanager,
		},
		Clusters: []Cluster{
			{
				Name: "a", Kubeconfig: kubernetes.Kubeconfig{Path: "~/.kube/other", Context: "admin@a"}, Namespace: "watched", Mode: Gateway, Key: "second",
				Server: kubernetes.Server{Cluster: "a", ScrapeInterval: 5 * time.Second, RetentionTime: 48 * time.Hour, RetentionSize: "2GB",
					Limits: prometheus.Limits{Samples: 6000, Labels: 17, LabelName: 65, LabelValue: 257, BodySize: "2MB"},
					Scrapes: kubernetes.Scrapes{
						Kubelet: true, CAdvisor: true, Unverified: true, State: true,
						Nodes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64")},
						Pods: []kubernetes.Pods{
							{Job: "till", Namespace: "shop", Labels: map[string]string{"app": "till", "example.com/tier": "web"}, Port: 8080, Path: "/stats", Limit: 70},
							{Job: "any", Namespace: "tools", Port: 9100, Path: "/metrics", Limit: 1000, Annotated: true},
						},
					}},
				Volume: &kubernetes.Volume{StorageClass: "fast.ssd", Size: "3Gi"},
				API:    true,
				Expose: []kubernetes.Exposed{
					{Service: kubernetes.Service{Name: "grafana", Namespace: "tools", Port: 80, PodPort: 3000}, TunnelPort: 8080},
					{Service: kubernetes.Service{Name: "loki", Namespace: "logs", Port: 3100, PodPort: 3100}, TunnelPort: 3100},
				},
				Reflect:     true,
				Pushgateway: &ClusterPushgateway{Form: Direct, Jobs: []string{"backup", "night-shift"}, From: []string{"batch", "default"}},
				Match:       []string{`{job="shop"}`, "up", `{__name__=~"cluster:.+"}`}, AcceptUnenforced: true,
			},
			{
				Name: "b", Kubeconfig: kubernetes.Kubeconfig{Contents: "kind: Config"}, Namespace: "promwire", Mode: Gateway, Key: "1",
				Server:   kubernetes.Server{Cluster: "b"},
				Existing: &kubernetes.Service{Name: "prometheus-operated", Namespace: "monitoring", Port: 9090, PodPort: 9091},
				Match:    []string{`{__name__=~"job:.+"}`},
			},
			{
				Name: "c", Namespace: "dark", Mode: Dark, Key: "1", Reflect: true, Match: []string{`{__name__=~"(job|cluster):.+"}`},
				Server: kubernetes.Server{Cluster: "c", ScrapeInterval: 15 * time.Second, RetentionTime: 24 * time.Hour, RetentionSize: "1GB", Limits: clusterLimits},
			},
		},
		// No cluster here has the proxy, so nginx is not needed.
		Images: kubernetes.Images{
			Prometheus: "p@sha256:" + sum, Wireproxy: "w@sha256:" + sum, Pushgateway: "g@sha256:" + sum, Reflect: "localhost:5000/r:v1@sha256:" + sum,
			KubeStateMetrics: "k@sha256:" + sum,
		},
		Probes: []exporter.Probe{
			{URL: "https://example.com/health", Module: "http", Target: "https://example.com/health"},
			{URL: "icmp://198.51.100.7", Module: "icmp", Target: "198.51.100.7"},
		},
		Rules: []prometheus.RuleFile{{Name: "shop", Source: "rules/shop.yml"}},
		Mute:  []string{"Healed", "RebootRequired"},
		ScrapeConfigs: []string{`{"job_name":"saas","sample_limit":1000000000000,"scheme":"https",` +
			`"static_configs":[{"labels":{"tier":"<1>"},"targets":["saas.example.com:443"]}]}`},
		Pushgateway:  Pushgateway{Jobs: []string{"nightly_backup", "a"}},
		Verification: Verification{Again: "after the incident of May"},
		Warnings:     s.Warnings,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

// TestTheAlertsGetWhatTheyRead: with selectors of the settings' own, too, where the cluster says something of itself.
func TestTheAlertsGetWhatTheyRead(t *testing.T) {
	const shop, aggregates = `{job="shop"}`, `{__name__=~"(job|cluster):.+"}`
	for _, c := range []struct {
		scrapes kubernetes.Scrapes
		said    []string // by the settings; nil: nothing
		want    []string
	}{
		{kubernetes.Scrapes{}, nil, []string{aggregates}},
		{kubernetes.Scrapes{}, []string{shop}, []string{shop}},
		{kubernetes.Scrapes{Kubelet: true}, nil, []string{aggregates}},
		{kubernetes.Scrapes{Kubelet: true}, []string{shop, aggregates}, []string{shop, aggregates}},
		{kubernetes.Scrapes{Kubelet: true}, []string{shop}, []string{shop, clusterMatch}},
		{kubernetes.Scrapes{CAdvisor: true}, []string{shop}, []string{shop, clusterMatch}},
		{kubernetes.Scrapes{State: true}, []string{shop}, []string{shop, clusterMatch}},
		{kubernetes.Scrapes{Pods: []kubernetes.Pods{{Job: "till"}}}, []string{shop}, []string{shop, clusterMatch}},
	} {
		if got := matchOfOwn(c.said, c.said == nil, c.scrapes); !slices.Equal(got, c.want) {
			t.Errorf("%+v, with %q in the settings: %q, want %q", c.scrapes, c.said, got, c.want)
		}
	}
}

// clusterLimits are those of a cluster whose settings say none.
var clusterLimits = prometheus.Limits{Samples: 200_000, Labels: 64, LabelName: 256, LabelValue: 4096, BodySize: "64MB"}

// TestClusterDefaults: what a cluster is if only its name and mode are given, and whose names have an address in the tunnel.
func TestClusterDefaults(t *testing.T) {
	s := parsed(t, "clusters")
	want := Cluster{
		Name: "a", Namespace: "promwire", Mode: Gateway, Key: "1", Match: []string{`{__name__=~"(job|cluster):.+"}`},
		Server: kubernetes.Server{Cluster: "a", ScrapeInterval: 15 * time.Second, RetentionTime: 24 * time.Hour, RetentionSize: "1GB", Limits: clusterLimits},
	}
	if !reflect.DeepEqual(s.Clusters[0], want) {
		t.Errorf("got  %+v\nwant %+v", s.Clusters[0], want)
	}
	if s.Images != (kubernetes.Images{Prometheus: defaultImages.Prometheus, Wireproxy: s.Images.Wireproxy}) || s.Images.Wireproxy == "" {
		t.Errorf("images %+v", s.Images)
	}
	s.Clusters[0].Match[0] = "changed"
	if got := parsed(t, "clusters").Clusters[0].Match[0]; got == "changed" {
		t.Error("the default selectors are one list for all")
	}
	names := [][]string{{"a"}, {"b"}, {"c", "c-reflect"}}
	for i, cluster := range parsed(t, "everything").Clusters {
		if !slices.Equal(cluster.TunnelNames(), names[i]) {
			t.Errorf("cluster %s is in the tunnel as %v, want %v", cluster.Name, cluster.TunnelNames(), names[i])
		}
	}
}

// TestExistingEndpoint: targets dial an existing monitor where promwire reaches it, unless the stack file says better.
func TestExistingEndpoint(t *testing.T) {
	raw, _ := fixture(t, "testdata/same-private-address.good.yml", "")
	s, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.Monitor.Endpoint != "10.0.0.5" {
		t.Errorf("endpoint %q", s.Monitor.Endpoint)
	}
	if s.NeedsCloud() {
		t.Error("a fleet of existing machines needs no cloud")
	}
}

// TestGroupLabels: hosts of a group may be changed apart.
func TestGroupLabels(t *testing.T) {
	raw, _ := fixture(t, "testdata/everything.good.yml", "")
	s, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	s.Targets[0].Labels["service"] = "mail"
	if s.Targets[1].Labels["service"] != "web" {
		t.Error("two hosts share one map of labels")
	}
}
