package golden

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// regions is a monitor with a real Prometheus and Alertmanager, with promwire's rules, grouping and inhibition. One process plays the exporters of
// all hosts. Time goes five times as fast: scrapes, rules and Alertmanager wait a fifth.
type regions struct {
	*site
	alertmanager string      // host:port
	dead         atomic.Bool // whether all hosts of the region fra are gone

	mu   sync.Mutex
	told []notification
}

// notification is what Alertmanager sends to a webhook.
type notification struct {
	Status      string
	GroupLabels map[string]string
	Alerts      []struct{ Labels map[string]string }
}

const (
	inFra = 25 // hosts that die
	inLon = 5  // hosts that live
)

func newRegions(t *testing.T) *regions {
	r := &regions{site: &site{T: t, folder: t.TempDir(), web: port(t)}}
	r.alertmanager = "127.0.0.1:" + strconv.Itoa(port(t))
	hook := httptest.NewServer(http.HandlerFunc(r.tell))
	t.Cleanup(hook.Close)
	r.enrolled("monitor", "tor", prometheus.RoleMonitor, r.causes, exporter.Node)
	for i := range inFra {
		r.enrolled(fmt.Sprint("fra-", i), "fra", prometheus.RoleTarget, r.ofFra, exporter.Node, "postgres")
	}
	for i := range inLon {
		r.enrolled(fmt.Sprint("lon-", i), "lon", prometheus.RoleTarget, func(http.ResponseWriter, *http.Request) {}, exporter.Node, "postgres")
	}
	r.tells(hook.URL)
	r.watches()
	return r
}

// enrolled starts a host's exporter, and has Prometheus scrape it.
func (r *regions) enrolled(name, region, role string, serve http.HandlerFunc, jobs ...string) {
	server := httptest.NewServer(serve)
	r.Cleanup(server.Close)
	for _, job := range jobs {
		r.write("etc/prometheus/targets.d/"+name+"."+job+".json", prometheus.Target(
			prometheus.Labels{Name: name, Region: region, Role: role}, strings.TrimPrefix(server.URL, "http://"), exporter.Endpoint{Job: job}))
	}
}

// ofFra is what a host of fra answers.
func (r *regions) ofFra(http.ResponseWriter, *http.Request) {
	if r.dead.Load() {
		panic(http.ErrAbortHandler)
	}
}

// causes is what the monitor's own exporter says of hosts that are down.
func (r *regions) causes(w http.ResponseWriter, _ *http.Request) {
	if !r.dead.Load() {
		return
	}
	for i := range inFra {
		for _, job := range []string{exporter.Node, "postgres"} {
			fmt.Fprintf(w, "promwire_target_cause{host=\"fra-%d\",job=%q,cause=\"tunnel\"} 1\n", i, job)
		}
	}
}

// tell takes a notification.
func (r *regions) tell(_ http.ResponseWriter, request *http.Request) {
	var one notification
	text, err := io.ReadAll(request.Body)
	if err == nil {
		err = json.Unmarshal(text, &one)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.Errorf("%v: %s", err, text)
	}
	r.told = append(r.told, one)
}

// tells starts Alertmanager. Its group_interval is not promwire's but Alertmanager's: here, only how long the end of an alert waits.
func (r *regions) tells(hook string) {
	c, err := alertmanager.Complete(map[string]any{
		"route":     map[string]any{"receiver": "ops", "group_wait": "6s", "group_interval": "15s"},
		"receivers": []any{map[string]any{"name": "ops", "webhook_configs": []any{map[string]any{"url_file": alertmanager.Secrets.File("hook")}}}},
	}, nil)
	require.NoError(r, err)
	r.write("etc/alertmanager/secrets/hook", hook)
	r.write("etc/alertmanager/alertmanager.yml", strings.ReplaceAll(c.Text, alertmanager.Folder, r.at("etc/alertmanager")))
	r.start("alertmanager", "--config.file="+r.at("etc/alertmanager/alertmanager.yml"), "--storage.path="+r.at("alertmanager"), "--cluster.listen-address=",
		"--web.listen-address="+r.alertmanager)
}

// minutes are the windows of the rules that have to do with hosts that are down: of causes, and of how long.
var minutes = regexp.MustCompile(`\[2m:(15|30)s\]|offset 2m`)

// watches starts Prometheus.
func (r *regions) watches() {
	text := prometheus.Server{
		Self: prometheus.Labels{Name: "monitor", Region: "tor", Role: prometheus.RoleMonitor}, ScrapeInterval: 3 * time.Second,
		Jobs: []string{exporter.Node, "postgres"}, Alertmanager: r.alertmanager,
		Limits: prometheus.Limits{Samples: 2000, Labels: 20, LabelName: 64, LabelValue: 500, BodySize: "1MB"},
	}.Render()
	r.write("etc/prometheus/tls/alertmanager.password", "any")
	rules := minutes.ReplaceAllStringFunc(prometheus.RulesFile(), func(window string) string {
		return map[string]string{"[2m:15s]": "[24s:3s]", "[2m:30s]": "[24s:6s]", "offset 2m": "offset 24s"}[window]
	})
	require.NotContains(r, rules, "[2m")
	r.write("etc/prometheus/rules.d/promwire.yml", rules)
	r.write("etc/prometheus/prometheus.yml", strings.ReplaceAll(r.here(text), "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(r.web)))
	r.start("prometheus", "--config.file="+r.at("etc/prometheus/prometheus.yml"), "--storage.tsdb.path="+r.at("data"), "--rules.alert.resend-delay=3s",
		"--web.listen-address=127.0.0.1:"+strconv.Itoa(r.web))
}

// until waits until a query has exactly one series.
func (r *regions) until(promql string) {
	r.Helper()
	var said string
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		said, _ = run(r.T, bin+"/promtool", "query", "instant", "http://127.0.0.1:"+strconv.Itoa(r.web), promql)
		if strings.Contains(said, "=> 1 @") {
			return
		}
	}
	r.Fatalf("%s: %s", promql, said)
}

// TestRegion: a region with all of its hosts gone is one notification, which names the cause; its end is one more. Nothing else is said of them.
func TestRegion(t *testing.T) {
	t.Parallel()
	r := newRegions(t)
	const all = 2*(inFra+inLon) + 1
	r.until(fmt.Sprintf(`count(last_over_time(up{role!="",job=~"node|postgres"}[24s] offset 24s) == 1) == bool %d`, all))
	r.dead.Store(true)
	r.until(fmt.Sprintf(`count(ALERTS{alertname="TargetDown",region="fra",cause="tunnel"}) == bool %d`, 2*inFra))
	r.until(fmt.Sprintf(`prometheus_notifications_sent_total >= bool %d`, 2*inFra))
	require.Eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.told) > 0 }, time.Minute, 100*time.Millisecond)
	r.dead.Store(false)
	r.until(`absent(ALERTS{alertname="TargetDown"})`)
	ended := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.told[len(r.told)-1].Status == "resolved"
	}
	require.Eventually(t, ended, 2*time.Minute, 100*time.Millisecond)

	var said []string
	for _, one := range r.told {
		said = append(said, fmt.Sprintf("%s %s: %d %s", one.GroupLabels["alertname"], one.GroupLabels["region"], len(one.Alerts), one.Status))
		for _, alert := range one.Alerts {
			assert.Equal(t, "tunnel", alert.Labels["cause"])
		}
	}
	assert.Equal(t, []string{fmt.Sprintf("TargetDown fra: %d firing", 2*inFra), fmt.Sprintf("TargetDown fra: %d resolved", 2*inFra)}, said)
}
