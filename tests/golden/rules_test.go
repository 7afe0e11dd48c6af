package golden

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// alerts says when each alert must fire and when not, in promtool's format.
var alerts = filepath.Join("testdata", "rules", "alerts.yml")

// judge tests rules with promtool.
func judge(t *testing.T, rules, expectations string) error {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"promwire.yml": rules, "alerts.yml": expectations} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := run(t, filepath.Join(bin, "promtool"), "test", "rules", filepath.Join(folder, "alerts.yml"))
	return err
}

// spoiled are faults that the expectations must notice, at least one in each alert: old, new.
var spoiled = map[string][][2]string{
	"TargetDown": {{"[2m:30s]) == 0", "[2m:30s]) == 2"}, {"[2m:30s]", "[5m:30s]"}, {"[2m:30s]", "[30s:30s]"}, {"offset 2m == 0", "offset 1m == 0"}, {"offset 2m == 0", "offset 4m == 0"},
		{`role=~"monitor|target", `, ""}, {`, job!~"prometheus|pushgateway"`, ""}, {`unless up{job="alertmanager", role="monitor"}`, ""}, {`alertmanager", role="monitor"`, `alertmanager"`}, {"severity: critical", "severity: warning"},
		{"topk", "bottomk"}, {`cause{job="node", `, "cause{"}, {"group_left (cause) ", "group_left "},
		{"          or (promwire:target_down:2m and on (name, job) up == 0)\n          unless on (name, job) promwire:target_cause:last{role=\"monitor\"}\n", ""},
		{"          unless on (name, job) promwire:target_cause:last{role=\"monitor\"}\n", ""}, {"not known yet", ""}, {"it is the monitor", ""},
		{`topk by (name, job) (1, promwire:target_cause:last{role="monitor"})`, `promwire:target_cause:last{role="monitor"}`}, {`last{role="monitor"})`, "last)"},
		{"(promwire:target_down:2m and on (name, job) up == 0)", "promwire:target_down:2m"},
		{"or (promwire:target_down:2m and on (name, job) up == 0)", "or promwire:target_down:2m"}},
	"HubDown":                     {{"> 0", "> 2"}, {`, cause="hub"`, ""}, {`role="monitor", `, ""}, {`job="node", `, ""}, {"[1m]", "[5m]"}, {"for: 30s", "for: 2m"}, {"for: 30s", "for: 0m"}, {"critical", "warning"}},
	"TargetVanished":              {{"for: 5m", "for: 15m"}, {"for: 5m", "for: 2m"}, {`{job="node", role="monitor"}`, ""}, {"unless on (name, job)", "unless on (name)"}, {`up{role="target"}`, "up"}, {"critical", "warning"}},
	"TargetOverLimit":             {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {"!= 0", "> 0"}, {" and scrape_body_size_bytes != 0", ""}, {"critical", "warning"}},
	"ExporterBlind":               {{"== 0", "== 2"}, {"for: 5m", "for: 8m"}, {"for: 5m", "for: 3m"}, {"pg_up|", ""}, {`, role="target"`, ""}},
	"ProbeFailed":                 {{"== 0 or", "== 2 or"}, {` or up{job="blackbox", cluster=""} == 0`, ""}, {"for: 2m", "for: 5m"}, {`probe_success{job="blackbox", cluster=""}`, "probe_success"}, {`probe_success{job="blackbox", cluster=""}`, `probe_success{job="blackbox"}`}},
	"ProbeCertificateExpiring":    {{"< 14", "< 13"}, {"< 14", "< 15"}, {"for: 5m", "for: 15m"}, {`{job="blackbox", cluster=""}`, ""}, {`, cluster=""`, ""}},
	"PushgatewayDown":             {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`{job="pushgateway", role="monitor"}`, ""}, {`, role="monitor"`, ""}, {"critical", "warning"}},
	"AlertmanagerDown":            {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`, role="monitor"`, ""}, {"critical", "warning"}},
	"NotificationsFail":           {{"> 0", "> 20"}, {"> 0", ">= 0"}, {"[5m]", "[30m]"}, {"for: 6m", "for: 1m"}, {`, role="monitor"`, ""}},
	"PushFailed":                  {{" > ", " >= "}, {" > ", " < "}, {`> push_time_seconds{job="pushgateway", role="monitor"}`, "> 0"}},
	"ClusterNotFederated":         {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`{job="federate"}`, ""}, {"critical", "warning"}},
	"ClusterScrapeDown":           {{`cadvisor"} < `, `cadvisor"} <= `}, {`=~"kubelet|cadvisor"} < `, `=~"kubelet|cadvisor"} <= `}, {`, job!~"kubelet|cadvisor"`, ""}, {`!~"kubelet|cadvisor"`, `!~"shop"`}, {" unless on (cluster) cluster:kubelet_up:min", ""}, {"unless on (cluster) ", "unless on () "}, {`=~"kubelet|cadvisor"`, `=~"cadvisor"`}, {"for: 5m", "for: 9m"}, {"for: 5m", "for: 1m"}},
	"ClusterPodCrashing":          {{"== 1", "== 2"}, {"for: 10m", "for: 15m"}, {"for: 10m", "for: 5m"}, {`{cluster!=""}`, ""}, {"warning", "critical"}},
	"ClusterPodNotReady":          {{"== 1", "== 2"}, {"for: 15m", "for: 20m"}, {"for: 15m", "for: 10m"}, {`{cluster!=""}`, ""}, {"          unless on (cluster, namespace, pod) cluster:pod_crashing:max5m\n", ""}, {"on (cluster, namespace, pod)", "on (namespace, pod)"}},
	"ClusterContainerOutOfMemory": {{"> 0", "> 2"}, {"> 0", ">= 0"}, {`{cluster!=""}`, ""}},
	"ClusterDeploymentIncomplete": {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"for: 15m", "for: 20m"}, {"for: 15m", "for: 10m"}, {`{cluster!=""}`, ""}},
	"ClusterVolumeFull":           {{"< 0.1", "< 0.05"}, {"< 0.1", "< 0.2"}, {"for: 10m", "for: 15m"}, {"for: 10m", "for: 5m"}, {`{cluster!=""}`, ""}},
	"ClusterVolumeFilling":        {{"86400", "43200"}, {"86400", "172800"}, {"< 0.5", "< 1"}, {"for: 30m", "for: 20m"}, {`{cluster!=""}`, ""}},
	"ClusterNodeNotReady":         {{"== 0", "== 2"}, {"== 0", ">= 0"}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}, {`{cluster!=""}`, ""}, {"critical", "warning"}},
	"ClusterKubeletDown":          {{`{cluster!=""} == 0`, `{cluster!=""} == 2`}, {`{cluster!=""} == 0`, `{cluster!=""} >= 0`}, {"for: 15m", "for: 17m"}, {"for: 15m", "for: 13m"}, {`{cluster!=""}`, ""}, {"          unless on (cluster, node) cluster:node_ready:min == 0\n", ""}, {"on (cluster, node)", "on (node)"}, {"node_ready:min == 0", "node_ready:min >= 0"}, {"warning", "critical"}},
	"ClusterDiscoveryFails":       {{"> 0", ">= 0"}, {"> 0", "> 2"}, {"for: 15m", "for: 17m"}, {"for: 15m", "for: 13m"}, {`{cluster!=""}`, ""}},
	"FenceOpen":                   {{"> 0", "> 2"}},
	"EdgeClosed":                  {{"answers{role=\"target\"} == 0", "answers{role=\"target\"} == 2"}, {"answers{role=\"target\"} == 0", "answers{role=\"target\"} >= 0"}, {`answers{role="target"}`, "answers"}, {"          unless on (to) label_replace(up{job=\"node\", role=~\"monitor|target\"} == 0, \"to\", \"$1\", \"name\", \"(.+)\")\n", ""}, {`"monitor|target"} == 0`, `"monitor|target"} >= 0`}, {"|target\"}", "\"}"}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}, {"warning", "critical"}},
	"FenceStale":                  {{"< 300", "< 900"}, {"< 300", "< 30"}, {", role=\"target\"} ==", "} =="}, {"promwire0\", role=\"target\"", "promwire0\""}, {"== 1", ">= 0"}, {"          and on (name) node_network_up{device=\"promwire0\", role=\"target\"}\n", ""}},
	"Healed":                      {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"15m", "5m"}, {"15m", "30m"}, {"warning", "critical"}},
	"Drift":                       {{"> 0", "> 1"}, {"> 0", ">= 0"}, {"for: 5m", "for: 6m"}, {"for: 5m", "for: 2m"}, {"critical", "warning"}},
	"WatchStale":                  {{"< 300", "< 900"}, {"< 300", "< 30"}, {"monitor|", ""}, {", role=~\"monitor|target\"", ""}, {"== 1", ">= 0"}, {"for: 5m", "for: 6m"}, {"for: 5m", "for: 4m"}},
	"DiskFull":                    {{"< 0.1", "< 0.05"}, {"tmpfs|", ""}, {"efivarfs|", ""}, {"iso9660|", ""}, {"|fuse.*", ""}, {"== 0", ">= 0"}},
	"InodesFull":                  {{"< 0.1", "< 0.05"}, {"udf|", ""}, {"== 0", ">= 0"}},
	"DiskFilling":                 {{"86400", "43200"}, {"86400", "172800"}, {"< 0.5", "< 1"}, {"tmpfs|", ""}, {"for: 30m", "for: 20m"}, {"== 0", ">= 0"}},
	"PeerUnknown":                 {{"> 0", "> 1"}, {"for: 2m", "for: 5m"}, {"for: 2m", "for: 0m"}, {`, cluster=""`, ""}, {"critical", "warning"}},
	"PeerMissing":                 {{"> 0", "> 1"}, {"for: 2m", "for: 15m"}, {"for: 2m", "for: 0m"}, {`, cluster=""`, ""}, {"warning", "critical"}},
	"InodesFilling":               {{"86400", "43200"}, {"86400", "172800"}, {"< 0.5", "< 1"}, {"tmpfs|", ""}, {"== 0", ">= 0"}},
	"FileSystemReadOnly":          {{"== 1", "== 2"}, {" and min_over_time(node_filesystem_readonly[1d]) == 0", ""}, {"          unless on (name) promwire_container == 1\n", ""}, {"container == 1", "container >= 0"}, {"[1d]", "[2d]"}, {"ext[234]|", ""}, {`{fstype=~"ext[234]|xfs|btrfs|f2fs"}`, ""}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 1m"}},
	"MemoryPressure":              {{"> 0.2", "> 0.3"}, {"> 0.2", "> 0.1"}, {"< 0.05", "< 0.03"}, {"< 0.05", "< 0.07"}, {"          unless on (name) promwire_container == 1\n", ""}, {"container == 1", "container >= 0"}, {"for: 10m", "for: 5m"}, {"for: 10m", "for: 20m"}},
	"OutOfMemory":                 {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"15m", "5m"}, {"15m", "30m"}, {" unless on (name) promwire_container == 1", ""}, {"container == 1", "container >= 0"}},
	"ConntrackFull":               {{"> 0.8", "> 0.9"}, {"> 0.8", "> 0.7"}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}},
	"UnitFailed":                  {{"> 0", "> 1"}, {"for: 10m", "for: 15m"}, {"for: 10m", "for: 3m"}},
	"RebootRequired":              {{"> 0", "> 1"}, {"> 0", ">= 0"}, {"for: 1d", "for: 2d"}, {"for: 1d", "for: 12h"}},
	"RaidDegraded":                {{"> 0 or", "> 1 or"}, {"> 0 or", ">= 0 or"}, {`{state="active"}`, `{state="spare"}`}, {`{state="failed"}`, ""}, {" or ignoring (state) node_md_disks_required > ignoring (state) node_md_disks{state=\"active\"}", ""}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}},
	"DiskFailing":                 {{"smart_status == 0", "smart_status == 2"}, {"healthy == 0", "healthy == 2"}, {"healthy == 0", "healthy >= 0"}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}},
	"ClockNotSynchronised":        {{"[15m]", "[25m]"}, {"[15m]", "[2m]"}, {">= 16", ">= 17"}, {">= 16", ">= 15"}, {" unless on (name) promwire_container == 1", ""}, {"max_over", "min_over"}, {"for: 5m", "for: 9m"}, {"for: 5m", "for: 1m"}},
	"PrometheusConfigRefused":     {{"== 0", "== 2"}, {`, role="monitor"`, ""}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}, {"critical", "warning"}},
	"PrometheusDataCorrupt":       {{"> 0", "> 1"}, {"> 0", ">= 0"}, {`, role="monitor"`, ""}},
	"PrometheusCompactionsFail":   {{"> 0", "> 2"}, {"> 0", ">= 0"}, {`, role="monitor"`, ""}, {"3h", "1h"}, {"3h", "6h"}},
	"PrometheusSamplesDropped":    {{"> 0", "> 20"}, {"> 0", ">= 0"}, {`, role="monitor"`, ""}, {"increase(prometheus_target_scrapes_sample_duplicate", "0 * increase(prometheus_target_scrapes_sample_duplicate"}, {"increase(prometheus_target_scrapes_sample_out_of_bounds", "0 * increase(prometheus_target_scrapes_sample_out_of_bounds"}, {"for: 15m", "for: 17m"}, {"for: 15m", "for: 1m"}},
	"RulesFail":                   {{"> 0", "> 20"}, {"> 0", ">= 0"}, {`, role="monitor"`, ""}, {"for: 5m", "for: 7m"}, {"for: 5m", "for: 3m"}},
	"AlertsDropped":               {{"> 0", "> 20"}, {`, role="monitor"`, ""}, {"for: 10m", "for: 12m"}, {"for: 10m", "for: 8m"}},
	"CertificateNotRenewed":       {{"/ 3", "/ 6"}, {"/ 3", "/ 1"}, {`{holder!="authority"}`, ""}},
	"CertificateExpiring":         {{"/ 3", "/ 6"}, {"/ 3", "/ 2"}, {"- time()\n", "- time() > 0\n"}},
	"AuthorityExpiring":           {{"365", "364"}, {"365", "4000"}},
	"ClockSkew":                   {{"> 300", "> 302"}, {"> 300", "> 298"}, {"abs(", "("}, {"for: 2m", "for: 0m"}},
	"RemoteWriteBehind":           {{"> 300", "> 900"}, {"> 300", "> 30"}, {"for: 5m", "for: 8m"}, {"for: 5m", "for: 2m"}, {`, role="monitor"`, ""}, {`job="prometheus", `, ""}, {"> 0", ">= 0"}, {"critical", "warning"}},
	"RemoteWriteLoses":            {{"> 0", "> 9"}, {"> 0", ">= 0"}, {"[15m]", "[60m]"}, {"[15m]", "[10m]"}, {`failed_total{job="prometheus", role="monitor"}`, `failed_total{job="prometheus"}`}, {`failed_total{job="prometheus", `, "failed_total{"}, {`dropped_total{job="prometheus", role="monitor", `, `dropped_total{job="prometheus", `}, {`dropped_total{job="prometheus", `, "dropped_total{"}, {`, reason!="dropped_series"`, ""}, {"dropped_total", "dropped_totals"}, {"critical", "warning"}},

	"ClusterStatefulSetIncomplete": {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"for: 15m", "for: 20m"}, {"for: 15m", "for: 10m"}, {`{cluster!=""}`, ""}},
	"ClusterDaemonSetIncomplete": {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"for: 15m", "for: 20m"}, {"for: 15m", "for: 10m"}, {`{cluster!=""}`, ""},
		{"          unless on (cluster) cluster:node_ready:min == 0\n", ""}, {"on (cluster)", "on ()"}, {"node_ready:min == 0", "node_ready:min >= 0"}},
	"ClusterJobFailed": {{"== 1", "== 2"}, {"== 1", ">= 0"}, {`{cluster!=""}`, ""}, {"warning", "critical"}},
}

// TestAlerts tests every alert with the real promtool, and then each with a fault, which must make the test fail.
func TestAlerts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	expectations, rules := string(text), prometheus.RulesFile()
	for _, alert := range prometheus.Alerts() {
		if err := judge(t, only(rules, alert.Name), expected(t, expectations, alert)); err != nil {
			t.Error(err)
		}
	}
	for _, found := range regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(rules, -1) {
		if len(spoiled[found[1]]) == 0 {
			t.Errorf("it is not certain that %s is tested: it is not in spoiled", found[1])
		}
	}
	for _, alert := range prometheus.Alerts() {
		for _, fault := range spoiled[alert.Name] {
			t.Run(alert.Name+" with "+fault[1], func(t *testing.T) {
				if judge(t, only(spoil(t, rules, alert.Name, fault), alert.Name), expected(t, expectations, alert)) == nil {
					t.Errorf("%q instead of %q is not noticed", fault[1], fault[0])
				}
			})
		}
	}
	down := prometheus.Alerts()[0]
	if judge(t, only(rules, down.Name), strings.Replace(expected(t, expectations, down), "name: a", "name: z", 1)) == nil {
		t.Error("promtool accepts any expectation")
	}
}

// only is the rule of one alert, with the head of the file: promtool is a minute at all of them.
func only(rules, alert string) string {
	parts := strings.SplitAfter(rules, "\n\n")
	return parts[0] + parts[slices.IndexFunc(parts, func(part string) bool { return strings.Contains(part, "- alert: "+alert+"\n") })]
}

// expected are the expectations of one alert. Annotations that they leave out are as the rule has them; templates are not left out.
func expected(t *testing.T, expectations string, alert prometheus.Alert) string {
	t.Helper()
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(expectations), &whole); err != nil {
		t.Fatal(err)
	}
	var tests []any
	for _, test := range whole["tests"].([]any) {
		test := test.(map[string]any)
		test["alert_rule_test"] = slices.DeleteFunc(test["alert_rule_test"].([]any), func(at any) bool {
			return at.(map[string]any)["alertname"] != alert.Name
		})
		for _, at := range test["alert_rule_test"].([]any) {
			for _, one := range at.(map[string]any)["exp_alerts"].([]any) {
				fill(one.(map[string]any), alert.Annotations)
			}
		}
		if len(test["alert_rule_test"].([]any)) > 0 {
			tests = append(tests, test)
		}
	}
	if len(tests) == 0 {
		t.Errorf("nothing is expected of %s", alert.Name)
	}
	whole["tests"] = tests
	text, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fill gives an expected alert the annotations that it has not.
func fill(expected map[string]any, annotations map[string]string) {
	own, _ := expected["exp_annotations"].(map[string]any)
	if own == nil {
		own = map[string]any{}
	}
	for key, value := range annotations {
		if _, has := own[key]; !has && !strings.Contains(value, "{{") {
			own[key] = value
		}
	}
	expected["exp_annotations"] = own
}

// spoil puts a fault into one alert.
func spoil(t *testing.T, rules, alert string, fault [2]string) string {
	t.Helper()
	parts := strings.SplitAfter(rules, "\n\n")
	at := slices.IndexFunc(parts, func(part string) bool { return strings.Contains(part, "- alert: "+alert+"\n") })
	if at < 0 || !strings.Contains(parts[at], fault[0]) {
		t.Fatalf("there is no %q to spoil in %s", fault[0], alert)
	}
	parts[at] = strings.Replace(parts[at], fault[0], fault[1], 1)
	return strings.Join(parts, "")
}
