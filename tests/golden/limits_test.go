package golden

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// harmful are answers of exporters that would harm the monitor, and answers that lie, by the host's name.
func harmful(own int) map[string]http.HandlerFunc {
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
	}
	series := func(count int) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, "s{i=\"%d\"} 1\n", i)
		}
		return b.String()
	}
	var labels strings.Builder
	for i := range 30 {
		fmt.Fprintf(&labels, "l%d=\"1\",", i)
	}
	return map[string]http.HandlerFunc{
		"many":    text(series(2500)),
		"labels":  text("s{" + labels.String() + "} 1\n"),
		"name":    text("s{" + strings.Repeat("l", 100) + "=\"1\"} 1\n"),
		"value":   text("s{l=\"" + strings.Repeat("v", 1000) + "\"} 1\n"),
		"large":   text(strings.Repeat("# "+strings.Repeat("x", 1000)+"\n", 1100)),
		"nothing": text("<html>none of it is a metric</html>\n"),
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:"+strconv.Itoa(own)+"/metrics", http.StatusFound)
		},
		"slow": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("#"))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(100 * time.Millisecond)
			}
		},
		"honest": text("s 1\n" + `node_time_seconds ` + "1\n" + `job:up:sum{cluster="a",job="x"} 0` + "\n" +
			`up{cluster="b",role="target",name="many",job="node"} 1` + "\n"),
	}
}

// TestLimits: what a host serves costs only this host's series, and an alert can name it; what it says about others is not taken for theirs.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := &federated{site: &site{T: t, folder: t.TempDir(), web: port(t)}}
	s.certificates()
	for name, serve := range harmful(s.web) {
		server := httptest.NewServer(serve)
		t.Cleanup(server.Close)
		s.write("etc/prometheus/targets.d/"+name+".node.json", prometheus.Target(
			prometheus.Labels{Name: name, Role: prometheus.RoleTarget}, strings.TrimPrefix(server.URL, "http://"), exporter.Endpoint{Job: exporter.Node}))
	}
	s.server(prometheus.Server{Clusters: true})
	s.scrapesItself()
	for _, query := range []string{ // until each has one answer, 1
		`up{name="honest",exported_job=""}`,
		`count(s{name="honest"})`,
		`count(up{role="target",exported_job=""}) - 8`,
		`count(up{role="target"} == 0) - 7`,
		`1 - (count({role="target",name!="honest",__name__!~"up|scrape_.+"}) or vector(0))`,
		// The alert's own expression: those that answered, by name.
		`count(` + overLimit(t) + `) - 5`,
		`count((` + overLimit(t) + `) and on (name) up{name=~"many|labels|name|value|large|nothing"}) - 5`,
		`scrape_sample_limit{name="many"} - 1999`,
		`scrape_samples_scraped{name="many"} - 2499`,
		`scrape_body_size_bytes{name="large"} + 2`,
		// A host can't say what cluster it is of, nor speak for another host.
		`count(job:up:sum{cluster="",exported_cluster="a",name="honest"})`,
		`1 - (count({cluster!=""}) or vector(0))`,
		`count(up{exported_name="many",name="honest"})`,
	} {
		s.one(query)
	}
}

// overLimit is the expression of the alert TargetOverLimit.
func overLimit(t *testing.T) string {
	t.Helper()
	_, after, found := strings.Cut(prometheus.RulesFile(), "- alert: TargetOverLimit\n        expr: ")
	if !found {
		t.Fatal("there is no alert TargetOverLimit")
	}
	expression, _, _ := strings.Cut(after, "\n")
	return expression
}

// TestFederationLies: a cluster that speaks for hosts, for promwire or for another cluster is not listened to; what else it says is.
func TestFederationLies(t *testing.T) {
	t.Parallel()
	s := newFederated(t)
	s.scrapesItself()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/federate" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`up{job="node",role="target",name="web-1",instance="web-1"} 0
up{job="node",role="monitor",name="monitor"} 0
up{job="federate",instance="b",cluster="b"} 1
up{job="federate",instance="a"} 0
scrape_samples_scraped{job="federate",instance="a"} 7777
promwire_fence_open_addresses{name="web-1"} 7
promwire_fence_last_run_timestamp_seconds{name="web-1"} 7
up{job="api",instance="api",cluster="b"} 1
kube_pod_labels{job="kube-state-metrics",name="x",role="db"} 1
job:push_time_seconds:min{exported_job="backup"} 1
`))
	}))
	t.Cleanup(server.Close)
	f := federation("a", "up")
	f.Interval = time.Second
	f.Address = netip.MustParseAddr("127.0.0.1")
	s.write("etc/prometheus/clusters.d/a.yml", strings.Replace(f.Render(), "127.0.0.1:9090", strings.TrimPrefix(server.URL, "http://"), 1))
	if err := s.prometheus.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{ // until each has one answer, 1
		`up{job="federate",instance="a",cluster="a"}`,
		`up{job="api",instance="api",cluster="a"}`,
		`kube_pod_labels{cluster="a",name="x",role="db"}`,
		`scrape_samples_scraped{job="federate",instance="a",cluster="a"} - 9`,
		`scrape_samples_post_metric_relabeling{job="federate",cluster="a"} - 2`,
		`job:push_time_seconds:min{exported_job="backup",cluster="a"}`, // recorded, without a job
		`1 - (count({cluster!="",cluster!="a"} or {cluster!="",role=~"target|monitor"} or {cluster!="",__name__=~"promwire_.+"}) or vector(0))`,
		`count(up{job="federate"})`,
		`1 - (count({name="web-1"}) or vector(0))`,
	} {
		s.one(query)
	}
}

// TestFederationTooLarge: a cluster that sends too much is refused, and named.
func TestFederationTooLarge(t *testing.T) {
	t.Parallel()
	s := newFederated(t)
	s.scrapesItself()
	server := httptest.NewServer(harmful(s.web)["large"])
	t.Cleanup(server.Close)
	f := federation("a", "up")
	f.Interval = time.Second
	f.Address = netip.MustParseAddr("127.0.0.1")
	s.write("etc/prometheus/clusters.d/a.yml", strings.Replace(f.Render(), "127.0.0.1:9090", strings.TrimPrefix(server.URL, "http://"), 1))
	if err := s.prometheus.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.one(`count((` + overLimit(t) + `) and on (cluster) up{job="federate",cluster="a"})`)
}
