package prometheus

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
)

func TestServer(t *testing.T) {
	self := Labels{Name: "watcher", Role: RoleMonitor}
	for _, c := range []struct {
		name      string
		s         Server
		has, hasn []string
	}{
		{"all", Server{Self: self, ScrapeInterval: 15 * time.Second, RetentionTime: 15 * 24 * time.Hour, RetentionSize: "8GB"},
			[]string{"scrape_interval: 15s\n  scrape_timeout: 10s\n  evaluation_interval: 15s\n", "      time: 15d\n      size: 8GB\n"},
			[]string{"tls_config", "https", "basic_auth", "pushgateway"}},
		{"a Pushgateway", Server{Self: self, ScrapeInterval: time.Minute, Pushed: &Pushed{At: "10.98.0.1:9091", Jobs: []string{"a", "b_c"}}}, []string{
			"  - job_name: pushgateway\n    honor_labels: false\n", "password_file: /etc/prometheus/tls/pushgateway.password\n",
			"targets: ['10.98.0.1:9091']", "regex: '(|a|b_c);'\n        action: keep\n",
		}, nil},
		{"often", Server{Self: self, ScrapeInterval: 2 * time.Second, RetentionTime: 36 * time.Hour},
			[]string{"scrape_interval: 2s\n  scrape_timeout: 2s\n", "      time: 1d12h\n"}, []string{"size:"}},
		{"kept without limit", Server{Self: self, ScrapeInterval: time.Minute}, []string{"scrape_interval: 1m\n"}, []string{"storage:", "retention"}},
		{"jobs of hosts", Server{Self: self, ScrapeInterval: time.Minute, Jobs: []string{"shop", "node", "shop"}}, []string{
			"scrape_configs:\n  - job_name: node\n    follow_redirects: false\n    file_sd_configs:\n      - files: ['/etc/prometheus/targets.d/*.node.json']\n",
			"\n  - job_name: shop\n    follow_redirects: false\n    file_sd_configs:\n      - files: ['/etc/prometheus/targets.d/*.shop.json']\n",
		}, []string{"shop.json']\n    relabel_configs:\n      - source_labels: [name]\n        target_label: instance\n\n  - job_name: shop"}},
		{"the operator's own", Server{Self: self, ScrapeInterval: time.Minute, ScrapeConfigs: []string{`{"job_name":"x"}`}},
			[]string{"\n\n  - {\"job_name\":\"x\"}\n"}, nil},
		{"written elsewhere", Server{Self: self, ScrapeInterval: time.Minute, RemoteWrite: RemoteWrite{Entries: []string{`{"url":"a"}`, `{"url":"b"}`}}},
			[]string{"\n\nremote_write:\n  - {\"url\":\"a\"}\n  - {\"url\":\"b\"}\n\nrule_files:"}, nil},
		{"limits", Server{Self: self, ScrapeInterval: time.Minute, Limits: Limits{Samples: 7, Labels: 6, LabelName: 5, LabelValue: 4, BodySize: "3MB"}},
			[]string{"  evaluation_interval: 1m\n  sample_limit: 7\n  label_limit: 6\n  label_name_length_limit: 5\n  label_value_length_limit: 4\n" +
				"  body_size_limit: 3MB\n  extra_scrape_metrics: true\n"}, []string{"exported_cluster"}},
		{"clusters", Server{Self: self, ScrapeInterval: time.Minute, Clusters: true, Jobs: []string{"node"}, Pushed: &Pushed{At: "10.98.0.1:9091"}},
			[]string{"        target_label: instance\n    metric_relabel_configs:\n      - source_labels: [cluster]\n",
				"        action: drop\n      - source_labels: [cluster]\n"}, nil},
		{"certificates", Server{Self: self, ScrapeInterval: time.Minute, TLS: true, Jobs: []string{"node"}}, []string{
			"    tls_config:\n      ca_file: /etc/prometheus/tls/authorities.pem\n", "      min_version: TLS13\n",
		}, []string{"scheme: https", "basic_auth"}},
		{"a guarded endpoint", Server{Self: self, ScrapeInterval: time.Minute, Web: Web{TLS: true, User: "admin"}}, []string{
			"    scheme: https\n", "      username: \"admin\"\n      password_file: /etc/prometheus/tls/web.password\n",
		}, []string{"min_version"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.s.Render()
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

func TestTarget(t *testing.T) {
	labels := Labels{Name: "node-1", Region: "lon1", Role: RoleTarget, Own: map[string]string{
		"name": "somebody else", "quote": `a"b'c<&>` + "\nEND\n",
	}}
	for address, tls := range map[string]bool{"10.98.0.2:9100": false, "[fd98::2]:19100": true} {
		text := Target(labels, address, exporter.Endpoint{Job: "node", TLS: tls})
		var groups []struct {
			Targets []string
			Labels  map[string]string
		}
		if err := json.Unmarshal([]byte(text), &groups); err != nil {
			t.Fatal(err)
		}
		if len(groups) != 1 || len(groups[0].Targets) != 1 || groups[0].Targets[0] != address {
			t.Errorf("%s: %+v", address, groups)
		}
		got := groups[0].Labels
		if got["name"] != "node-1" || got["region"] != "lon1" || got["role"] != "target" || got["quote"] != labels.Own["quote"] {
			t.Errorf("%s: %v", address, got)
		}
		if (got["__scheme__"] == "https") != tls {
			t.Errorf("%s: scheme %q", address, got["__scheme__"])
		}
		if strings.Contains(text, "\nEND\n") {
			t.Error("a label's value can end a here-document")
		}
	}
	if labels.Own["name"] != "somebody else" {
		t.Error("rendering changed the caller's labels")
	}
}
