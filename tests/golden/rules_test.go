package golden

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

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
	"TargetDown":               {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`role=~"monitor|target", `, ""}, {`, job!~"prometheus|pushgateway"`, ""}, {` unless up{job="alertmanager", role="monitor"}`, ""}, {`alertmanager", role="monitor"`, `alertmanager"`}, {"critical", "warning"}},
	"TargetOverLimit":          {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {"!= 0", "> 0"}, {" and scrape_body_size_bytes != 0", ""}, {"critical", "warning"}},
	"ExporterBlind":            {{"== 0", "== 2"}, {"for: 5m", "for: 8m"}, {"for: 5m", "for: 3m"}, {"pg_up|", ""}, {`, role="target"`, ""}},
	"ProbeFailed":              {{"== 0 or", "== 2 or"}, {` or up{job="blackbox", cluster=""} == 0`, ""}, {"for: 2m", "for: 5m"}, {`probe_success{job="blackbox", cluster=""}`, "probe_success"}, {`probe_success{job="blackbox", cluster=""}`, `probe_success{job="blackbox"}`}},
	"ProbeCertificateExpiring": {{"< 14", "< 13"}, {"< 14", "< 15"}, {"for: 5m", "for: 15m"}, {`{job="blackbox", cluster=""}`, ""}, {`, cluster=""`, ""}},
	"PushgatewayDown":          {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`{job="pushgateway", role="monitor"}`, ""}, {`, role="monitor"`, ""}, {"critical", "warning"}},
	"AlertmanagerDown":         {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`, role="monitor"`, ""}, {"critical", "warning"}},
	"NotificationsFail":        {{"> 0", "> 20"}, {"> 0", ">= 0"}, {"[5m]", "[30m]"}, {"for: 6m", "for: 1m"}, {`, role="monitor"`, ""}},
	"PushFailed":               {{" > ", " >= "}, {" > ", " < "}, {`> push_time_seconds{job="pushgateway", role="monitor"}`, "> 0"}},
	"ClusterNotFederated":      {{"== 0", "== 2"}, {"for: 2m", "for: 5m"}, {`{job="federate"}`, ""}, {"critical", "warning"}},
	"ClusterScrapeDown":        {{" < ", " <= "}, {"for: 5m", "for: 9m"}, {"for: 5m", "for: 1m"}},
	"FenceOpen":                {{"> 0", "> 2"}},
	"FenceStale":               {{"< 300", "< 900"}, {"< 300", "< 30"}, {", role=\"target\"} ==", "} =="}, {"promwire0\", role=\"target\"", "promwire0\""}, {"== 1", ">= 0"}, {"          and on (name) node_network_up{device=\"promwire0\", role=\"target\"}\n", ""}},
	"Healed":                   {{"> 0", "> 2"}, {"> 0", ">= 0"}, {"15m", "5m"}, {"15m", "30m"}, {"warning", "critical"}},
	"Drift":                    {{"> 0", "> 1"}, {"> 0", ">= 0"}, {"for: 5m", "for: 6m"}, {"for: 5m", "for: 2m"}, {"critical", "warning"}},
	"WatchStale":               {{"< 300", "< 900"}, {"< 300", "< 30"}, {"monitor|", ""}, {", role=~\"monitor|target\"", ""}, {"== 1", ">= 0"}, {"for: 5m", "for: 6m"}, {"for: 5m", "for: 4m"}},
	"DiskFull":                 {{"< 0.1", "< 0.05"}, {"tmpfs|", ""}, {"efivarfs|", ""}, {"iso9660|", ""}, {"|fuse.*", ""}, {"== 0", ">= 0"}},
	"InodesFull":               {{"< 0.1", "< 0.05"}, {"udf|", ""}, {"== 0", ">= 0"}},
	"DiskFilling":              {{"86400", "43200"}, {"86400", "172800"}, {"< 0.5", "< 1"}, {"tmpfs|", ""}, {"for: 30m", "for: 20m"}, {"== 0", ">= 0"}},
	"CertificateNotRenewed":    {{"/ 3", "/ 6"}, {"/ 3", "/ 1"}, {`{holder!="authority"}`, ""}},
	"CertificateExpiring":      {{"/ 3", "/ 6"}, {"/ 3", "/ 2"}, {"- time()\n", "- time() > 0\n"}},
	"AuthorityExpiring":        {{"365", "364"}, {"365", "4000"}},
	"ClockSkew":                {{"> 300", "> 302"}, {"> 300", "> 298"}, {"abs(", "("}, {"for: 2m", "for: 0m"}},
}

// TestAlerts tests every alert with the real promtool, and then each with a fault, which must make the test fail.
func TestAlerts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	expectations, rules := string(text), prometheus.RulesFile()
	if err := judge(t, rules, expectations); err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(rules, -1) {
		if len(spoiled[found[1]]) == 0 {
			t.Errorf("it is not certain that %s is tested: it is not in spoiled", found[1])
		}
	}
	for alert, faults := range spoiled {
		for _, fault := range faults {
			t.Run(alert+" with "+fault[1], func(t *testing.T) {
				if judge(t, spoil(t, rules, alert, fault), expectations) == nil {
					t.Errorf("%q instead of %q is not noticed", fault[1], fault[0])
				}
			})
		}
	}
	if judge(t, rules, strings.Replace(expectations, "name: a, role", "name: z, role", 1)) == nil {
		t.Error("promtool accepts any expectation")
	}
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
