package golden

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// behind leads a path to a server, as a reverse proxy that takes the path away.
func behind(t *testing.T, path, server string) *httptest.Server {
	t.Helper()
	to, err := url.Parse(server)
	require.NoError(t, err)
	proxy := httptest.NewServer(http.StripPrefix(path, httputil.NewSingleHostReverseProxy(to)))
	t.Cleanup(proxy.Close)
	return proxy
}

// fetched is what a page says; it must be there. Redirects are followed.
func fetched(t *testing.T, page string) string {
	t.Helper()
	answer, err := http.Get(page)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", answer.Request.URL, text)
	return string(text)
}

// opened is the address of a page of Prometheus's own that a browser comes to from a link. The lab's Prometheus is built without what fills it.
func opened(t *testing.T, link string) string {
	t.Helper()
	answer, err := http.Get(link)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Regexp(t, `<title>Prometheus|static/mantine-ui/index.html: no such file`, string(text), link)
	return answer.Request.URL.String()
}

// TestExternalURL: the link in an alert opens Prometheus by way of the owner's reverse proxy, and whoever asks it on the host does so as before.
func TestExternalURL(t *testing.T) {
	t.Parallel()
	s := &site{T: t, folder: t.TempDir(), web: port(t)}
	links := make(chan string, 100)
	told := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var alerts []struct{ GeneratorURL string }
		if json.NewDecoder(r.Body).Decode(&alerts) == nil && len(alerts) > 0 {
			select {
			case links <- alerts[0].GeneratorURL:
			default:
			}
		}
	}))
	t.Cleanup(told.Close)
	own := "http://127.0.0.1:" + strconv.Itoa(s.web)
	proxy := behind(t, "/monitoring/prom", own)
	external := proxy.URL + "/monitoring/prom"

	s.write("rules.yml", "groups: [{name: a, rules: [{alert: Always, expr: 'up{job=\"prometheus\"} == 1'}]}]\n")
	text := prometheus.Server{
		Self: prometheus.Labels{Name: "monitor", Role: prometheus.RoleMonitor}, ScrapeInterval: time.Second, Jobs: []string{exporter.Node},
		Limits: prometheus.Limits{Samples: 2000, Labels: 20, LabelName: 64, LabelValue: 500, BodySize: "1MB"},
	}.Render()
	text = strings.ReplaceAll(text, "127.0.0.1:9090", strings.TrimPrefix(own, "http://"))
	text = strings.Replace(text, "  - /etc/prometheus/rules.d/*.yml", "  - "+s.at("rules.yml"), 1)
	text += "alerting: {alertmanagers: [{static_configs: [{targets: ['" + strings.TrimPrefix(told.URL, "http://") + "']}]}]}\n"
	s.write("prometheus.yml", text)
	s.start("prometheus", append(prometheus.External(external), "--config.file="+s.at("prometheus.yml"), "--storage.tsdb.path="+s.at("data"),
		"--web.listen-address="+strings.TrimPrefix(own, "http://"))...)

	var link string
	select { // it scrapes itself at the path that it always had
	case link = <-links:
	case <-time.After(time.Minute):
		t.Fatal("no alert arrives")
	}
	assert.Regexp(t, `^`+external+`/graph\?g0\.expr=up`, link)
	assert.Regexp(t, `^`+external+`/query\?g0\.expr=up`, opened(t, link))
	assert.Equal(t, external+"/query", opened(t, external+"/"))
	assert.Contains(t, fetched(t, external+"/api/v1/query?query=up"), `"status":"success"`)
	// The gate, the watch and the scripts ask here, and people who forward the port.
	for _, path := range []string{"/-/healthy", "/-/ready", "/api/v1/targets", "/metrics"} {
		fetched(t, own+path)
	}
	assert.Equal(t, own+"/query", opened(t, own+"/query"))
}

// TestExternalURLOfAlertmanager: the same of the links in what it sends.
func TestExternalURLOfAlertmanager(t *testing.T) {
	t.Parallel()
	s := &site{T: t, folder: t.TempDir(), web: port(t)}
	sent := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var notification struct{ ExternalURL string }
		if json.NewDecoder(r.Body).Decode(&notification) == nil {
			select {
			case sent <- notification.ExternalURL:
			default:
			}
		}
	}))
	t.Cleanup(receiver.Close)
	own := "http://127.0.0.1:" + strconv.Itoa(s.web)
	external := behind(t, "/alerts", own).URL + "/alerts"
	s.write("alertmanager.yml", "route: {receiver: a, group_wait: 0s}\nreceivers: [{name: a, webhook_configs: [{url: '"+receiver.URL+"'}]}]\n")
	s.start("alertmanager", append(prometheus.External(external), "--config.file="+s.at("alertmanager.yml"), "--storage.path="+s.at("data"),
		"--cluster.listen-address=", "--web.listen-address="+strings.TrimPrefix(own, "http://"))...)
	raise := func() bool {
		answer, err := http.Post(own+"/api/v2/alerts", "application/json", strings.NewReader(`[{"labels":{"alertname":"A"}}]`))
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
	require.Eventually(t, raise, time.Minute, 100*time.Millisecond)
	select {
	case link := <-sent:
		assert.Equal(t, external, link)
		assert.Contains(t, fetched(t, link+"/"), "Alertmanager")
	case <-time.After(time.Minute):
		t.Fatal("nothing is sent")
	}
	fetched(t, own+"/-/ready")
	fetched(t, own+"/metrics")
}
