package golden

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/proof"
	"github.com/promwire/promwire/provisioners/scripts"
	wg "github.com/promwire/promwire/provisioners/wireguard"
	"github.com/promwire/promwire/provisioners/wireproxy"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// clusterTexts are what is rendered for clusters, by their golden file.
func clusterTexts() map[string]string {
	server := kubernetes.Server{Cluster: "a", ScrapeInterval: 15 * time.Second, RetentionTime: 24 * time.Hour, RetentionSize: "1GB"}
	server.Limits = prometheus.Limits{Samples: 200_000, Labels: 64, LabelName: 256, LabelValue: 4096, BodySize: "64MB"}
	whole := server
	whole.Scrapes = kubernetes.Scrapes{Kubelet: true, CAdvisor: true, State: true, Pods: []kubernetes.Pods{
		{Job: "till", Namespace: "shop", Labels: map[string]string{"app": "till", "tier": "web"}, Port: 8080, Path: "/stats", Limit: 1000},
		{Job: "any", Namespace: "tools", Port: 9100, Path: kubernetes.DefaultPath, Limit: 1000, Annotated: true},
	}}
	gateway := server
	gateway.Reflect, gateway.Pushgateway, gateway.PushgatewayAs = "reflect.promwire.svc:8080", "pushgateway.promwire.svc:9091", "prometheus"
	end := wireproxy.End{
		Address: netip.MustParseAddr("10.98.0.4"),
		Monitor: wg.Peer{
			Name: "the monitor", PublicKey: key('m'), Endpoint: "198.51.100.34:51820", Keepalive: wg.Keepalive,
			AllowedIPs: wg.Hosts([]netip.Addr{netip.MustParseAddr("10.98.0.1"), netip.MustParseAddr("10.98.0.5")}),
		},
		Listen: []wireproxy.Forward{{Port: 9090, To: "127.0.0.1:9090"}, {Port: 6443, To: "kubernetes.default.svc:443"}},
		Dial:   []wireproxy.Forward{{Port: 8080, To: "10.98.0.5:8080"}},
	}
	return map[string]string{
		"prometheus.yml":         server.Render(),
		"prometheus-gateway.yml": gateway.Render(),
		"prometheus-whole.yml":   whole.Render(),
		"wireproxy.conf":         end.Render(key('p').String()),
		"federation.yml":         federation("a", `{__name__=~"job:.+"}`, `up{job='it''s'}`).Render(),
		"enrol.sh": plan.EnrolCluster(plan.EnrolClusterValues{
			Name: "a", PublicKey: key('a'), Address: netip.MustParseAddr("10.98.0.4"), Federation: federation("a", "up"),
		}),
		"enrol-end.sh": plan.EnrolCluster(plan.EnrolClusterValues{Name: "a-reflect", PublicKey: key('r'), Address: netip.MustParseAddr("10.98.0.5")}),
	}
}

func federation(cluster string, match ...string) *prometheus.Federation {
	return &prometheus.Federation{Cluster: cluster, Address: netip.MustParseAddr("10.98.0.4"), Match: match, Interval: 15 * time.Second}
}

func TestClusterTexts(t *testing.T) {
	for name, text := range clusterTexts() {
		t.Run(name, func(t *testing.T) {
			if filepath.Ext(name) == ".sh" {
				text = brief(t, text)
			}
			golden(t, filepath.Join("clusters", name), text)
		})
	}
}

// clusterJudges are the tools that must accept each of the texts, and a fault that they must refuse: old, new.
var clusterJudges = map[string]struct {
	judge func(t *testing.T, text string) error
	fault [2]string
}{
	"prometheus.yml":         {promtool("config", "--syntax-only"), [2]string{"rule_files", "rules_files"}},
	"prometheus-gateway.yml": {promtool("config", "--syntax-only"), [2]string{"TLS13", "TLS14"}},
	"prometheus-whole.yml":   {promtool("config", "--syntax-only"), [2]string{"role: node", "role: nodes"}},
	"wireproxy.conf":         {configtest, [2]string{"10.98.0.5/32", "10.98.0.5/33"}},
	"federation.yml":         {checkFederation, [2]string{"honor_labels: true", "honor_labels: maybe"}},
	"enrol.sh":               {enrolScript, [2]string{"case ${1-} in\n", "case ${1-} on\n"}},
	"enrol-end.sh":           {enrolScript, [2]string{"case ${1-} in\n", "case ${1-} on\n"}},
}

func TestClusterToolsAcceptAndRefuse(t *testing.T) {
	for name, text := range clusterTexts() {
		t.Run(name, func(t *testing.T) {
			c := clusterJudges[name]
			if err := c.judge(t, text); err != nil {
				t.Error(err)
			}
			spoiled := strings.Replace(text, c.fault[0], c.fault[1], 1)
			if spoiled == text {
				t.Fatalf("there is no %q to break", c.fault[0])
			}
			if c.judge(t, spoiled) == nil {
				t.Errorf("accepted with %q", c.fault[1])
			}
		})
	}
}

func enrolScript(t *testing.T, text string) error { return shellcheck(t, readable(text)) }

// configtest checks a configuration with wireproxy itself.
func configtest(t *testing.T, text string) error {
	t.Helper()
	if err := setup.Ensure(context.Background(), folder.Default(filepath.Join("..", "..")), os.Stderr, setup.Images); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, filepath.Join(bin, "wireproxy"), "--configtest", "--config", write(t, "config", text))
	return err
}

// checkFederation checks a file with promtool, as the monitor does before it uses one.
func checkFederation(t *testing.T, text string) error {
	t.Helper()
	folder := t.TempDir()
	script := "set -euo pipefail\n" + scripts.WithConstants(scripts.Federate) + "\nRUN=" + folder + "\nput() { :; }\n" + "\ncheck_federation " + write(t, "a.yml", text)
	_, err := run(t, "env", "PATH="+tools(t)+":"+os.Getenv("PATH"), "bash", "-c", script)
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("the check left %v", left)
	}
	return err
}

// aggregateFaults are what TestAggregates must notice in the rules about a cluster's objects: old, new.
var aggregateFaults = [][2]string{
	{`{job="kube-state-metrics", reason="CrashLoopBackOff"}`, `{job="kube-state-metrics"}`},
	{`{job="kube-state-metrics", reason="CrashLoopBackOff"}`, `{reason="CrashLoopBackOff"}`},
	{"[5m])) == 1", "[9m])) == 1"}, {"[5m])) == 1", "[1m])) == 1"},
	{`kube_pod_status_ready{job="kube-state-metrics", condition="false"}`, `kube_pod_status_ready{condition="false"}`},
	{`          or kube_pod_status_ready{job="kube-state-metrics", condition="unknown"}) == 1`, "          ) == 1"},
	{`condition="unknown"}) == 1`, `condition="unknown"}) >= 0`},
	{`phase=~"Succeeded|Failed"} == 1`, `phase=~"Succeeded|Failed"} >= 0`},
	{`          unless on (namespace, pod) kube_pod_status_phase{job="kube-state-metrics", phase=~"Succeeded|Failed"} == 1` + "\n", ""},
	{`{job="cadvisor", container!=""}`, `{container!=""}`}, {`{job="cadvisor", container!=""}`, `{job="cadvisor"}`},
	{`reason="OOMKilled"`, `reason="Error"`}, {`restarts_total{job="kube-state-metrics"}[15m])) > 0`, `restarts_total{job="kube-state-metrics"}[15m])) >= 0`},
	{`available{job="kube-state-metrics"}) > 0`, `available{job="kube-state-metrics"}) >= 0`},
	{`replicas_ready{job="kube-state-metrics"}) > 0`, `replicas_ready{job="kube-state-metrics"}) >= 0`}, {`number_ready{job="kube-state-metrics"}) > 0`, `number_ready{job="kube-state-metrics"}) >= 0`},
	{`(kube_job_failed{job="kube-state-metrics", `, "(kube_job_failed{"}, {`condition="true"}) == 1`, `condition="true"}) >= 0`}, {`, condition="true"}`, "}"},
	{`kube_statefulset_replicas{job="kube-state-metrics"}`, "kube_statefulset_status_replicas_ready"}, {`kube_daemonset_status_desired_number_scheduled{job="kube-state-metrics"}`, "kube_daemonset_status_number_ready"},
	{`condition="Ready", status="true"`, `condition="Ready"`}, {`condition="Ready", status="true"`, `status="true"`},
	{`failures_total{job="prometheus"}[5m])) > 0`, `failures_total{job="prometheus"}[5m])) >= 0`}, {`failures_total{job="prometheus"}`, "failures_total"},
	{"sum(increase(", "avg by (instance) (increase("}, {`failures_total{job="prometheus"}[5m]`, `failures_total{job="prometheus"}[9m]`},
	{`job=~"kubelet|cadvisor"`, `job="kubelet"`}, {"min by (namespace, persistentvolumeclaim)", "max by (namespace, persistentvolumeclaim)"},
}

// TestAggregates tests all rules of a cluster with promtool, and then removes each rule, which must make the test fail.
func TestAggregates(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "rules", "aggregates.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules := kubernetes.Rules()
	if err := promtool("rules")(t, rules); err != nil {
		t.Error(err)
	}
	if err := judge(t, rules, string(text)); err != nil {
		t.Fatal(err)
	}
	expressions := regexp.MustCompile(`(?m)^( *expr: )(?:>-(?:\n {10}.*)+|.*)$`).FindAllStringSubmatch(rules, -1)
	if len(expressions) == 0 {
		t.Error("there is no rule to test")
	}
	for _, found := range expressions {
		if judge(t, strings.Replace(rules, found[0], found[1]+"vector(7777)", 1), string(text)) == nil {
			t.Errorf("nobody tries%s", found[0])
		}
	}
	for _, fault := range aggregateFaults {
		spoiled := strings.Replace(rules, fault[0], fault[1], 1)
		if spoiled == rules {
			t.Errorf("there is no %q to break", fault[0])
		} else if judge(t, spoiled, string(text)) == nil {
			t.Errorf("%q instead of %q is not noticed", fault[1], fault[0])
		}
	}
}

// federated is a monitor and a cluster's Prometheus on loopback, both real, without the tunnel between them.
type federated struct {
	*site
	cluster int // port of the cluster's Prometheus
	closed  int // a port where nobody listens
}

func newFederated(t *testing.T) *federated {
	s := &federated{site: &site{T: t, folder: t.TempDir(), web: port(t)}, cluster: port(t), closed: port(t)}
	s.certificates()
	s.server(prometheus.Server{Clusters: true})
	return s
}

// federate writes the monitor's federation, and makes Prometheus read it.
func (s *federated) federate(match string) {
	s.Helper()
	f := federation("a", match)
	f.Address, f.Interval = netip.MustParseAddr("127.0.0.1"), time.Second
	s.write("etc/prometheus/clusters.d/a.yml", strings.Replace(f.Render(), "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.cluster), 1))
	if err := s.prometheus.Signal(syscall.SIGHUP); err != nil {
		s.Fatal(err)
	}
}

// inside starts the cluster's Prometheus, with its rules. Its requests to Kubernetes are refused here.
func (s *federated) inside() {
	s.Helper()
	text := kubernetes.Server{Cluster: "forged", ScrapeInterval: time.Second, RetentionTime: time.Hour, RetentionSize: "1GB"}.Render()
	s.write("cluster/rules.yml", kubernetes.Rules())
	s.write("cluster/prometheus.yml", strings.NewReplacer(
		kubernetes.ConfigFolder, s.at("cluster"), "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", s.at("etc/promwire/authority/1/certificate.pem"),
		"127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.cluster), "kubernetes.default.svc:443", "127.0.0.1:"+strconv.Itoa(s.closed),
	).Replace(text))
	s.start("prometheus", "--config.file="+s.at("cluster/prometheus.yml"), "--storage.tsdb.path="+s.at("cluster/data"),
		"--web.listen-address=127.0.0.1:"+strconv.Itoa(s.cluster))
}

// opens runs the gate until it prints what is wanted, and succeeds or fails as wanted.
func (s *federated) opens(opens bool, want string) string {
	s.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; {
		printed, ok := s.clusterGate()
		if ok == opens && regexp.MustCompile(want).MatchString(printed) {
			return printed
		}
		if time.Now().After(deadline) {
			s.Fatalf("it passed: %v, and printed:\n%s\nwant %v, %s", ok, printed, opens, want)
		}
	}
}

func (s *federated) clusterGate() (string, bool) {
	s.Helper()
	values := proof.GateValues{
		Monitor: "monitor", Digest: "d", Wait: 2 * time.Second, Web: web,
		Clusters: []proof.Cluster{{Name: "a", Address: "127.0.0.1", PublicKey: "key=", Digest: "d"}},
		Known:    proof.Known{Planned: []string{"plain", "secure", "direct", "relayed"}},
	}
	return s.open(values, "$address:$PROMETHEUS_PORT", "$address:"+strconv.Itoa(s.cluster), "$address/22", "$address/"+strconv.Itoa(s.closed))
}

// one waits until a query has one answer, 1.
func (s *federated) one(query string) {
	s.Helper()
	var said string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		said, _ = run(s.T, filepath.Join(bin, "promtool"), "query", "instant", "--http.config.file="+s.at("etc/prometheus/promtool.yml"),
			"https://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(s.web)), query)
		if strings.Count(said, "\n") == 1 && strings.Contains(said, "=> 1 @") {
			return
		}
	}
	s.Errorf("%s: %s", query, said)
}

// TestFederated runs the gate with a cluster that does not answer, one that does, and one without any matching series.
func TestFederated(t *testing.T) {
	t.Parallel()
	s := newFederated(t)
	s.scrapesItself()
	s.federate(`{__name__=~"job:.+"}`)
	s.opens(false, `not federated after 2 s:\n  cluster a: the gateway answers, but no Prometheus behind it; see kubectl logs deploy/gateway`)
	s.inside()
	rows, err := proof.Matrix(s.opens(true, "monitor\ta\t127.0.0.1\t9090\topen\topen\n"))
	if err != nil || len(rows) != 4 || rows[1].Port != 22 || rows[1].Seen != "closed" {
		t.Errorf("rows %v, %v", rows, err)
	}
	for _, query := range []string{ // until each has one answer, 1
		`job:up:sum{cluster="a",job="prometheus"}`,
		`job:up:sum{cluster="a",job="kubernetes-apiservers"} + 1`,
		`up{job="federate",instance="a",cluster="a"}`,
		`count(count by (cluster) ({cluster!=""}))`, // the cluster's own label names another cluster
		`1 - (count({cluster="a",__name__!~"job:.+|up|scrape_.+"}) or vector(0))`,
		`1 - (count({__name__=~"job:.+",instance!=""}) or vector(0))`,
	} {
		s.one(query)
	}
	s.federate(`{__name__="none"}`)
	s.opens(false, `cluster a: its Prometheus is ready, but has no series that match; see .*/etc/prometheus/clusters.d/a.yml for what is federated`)
}
