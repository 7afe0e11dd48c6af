package golden

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// watcher is a monitor's Prometheus that watches another fleet's, by way of nginx there, as docs/alerts.md has it. All three are real.
type watcher struct {
	*pod    // the one that is watched, behind nginx at pod.port
	watched *os.Process
	own     int // port of the one that watches
}

// The password by which the watcher is let in.
const (
	watcherUser     = "fleet-b"
	watcherPassword = "correct horse"
)

// section is what docs/alerts.md says of it.
func section(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "alerts.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "### Watched by another fleet's monitor\n")
	require.True(t, found)
	section, _, _ := strings.Cut(after, "\n## ")
	return section
}

// example is the block of the section that begins with a line, without what it is indented by.
func example(t *testing.T, first string) string {
	t.Helper()
	block := regexp.MustCompile(`(?m)^    ` + regexp.QuoteMeta(first) + `\n(    .*\n)+`).FindString(section(t))
	require.NotEmpty(t, block, first)
	return strings.ReplaceAll("\n"+block, "\n    ", "\n")
}

// nginxConf is around the docs' location: a folder, where to listen, the location.
const nginxConf = `events {}
pid %[1]s/nginx.pid;
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  server {
    listen %[2]s;
    %[3]s
  }
}
`

func newWatcher(t *testing.T) *watcher {
	w := &watcher{pod: &pod{site: &site{T: t, folder: t.TempDir(), web: port(t)}, port: port(t)}, own: port(t)}
	hash, err := bcrypt.GenerateFromPassword([]byte(watcherPassword), bcrypt.MinCost)
	require.NoError(t, err)
	w.write("fleets", watcherUser+":"+string(hash)+"\n")
	w.write("nginx/nginx.conf", fmt.Sprintf(nginxConf, w.folder, w.local(w.port),
		strings.NewReplacer("/etc/nginx/fleets", w.at("fleets"), "127.0.0.1:9090", w.local(w.web)).Replace(example(t, "location = /heartbeat {"))))
	w.write("a/heartbeat.yml", prometheus.Heartbeat(alertmanager.Watchdog, time.Second))
	w.serves("a", w.web, nil)
	w.works()
	w.nginx()

	var fleet struct {
		ScrapeConfigs []map[string]any `yaml:"scrapeConfigs"`
	}
	_, after, _ := strings.Cut(section(t), "```yaml\n")
	settings, _, _ := strings.Cut(after, "```")
	require.NoError(t, yaml.Unmarshal([]byte(settings), &fleet))
	entry, err := json.Marshal(fleet.ScrapeConfigs[0])
	require.NoError(t, err)
	w.write("etc/prometheus/fleet-a.password", watcherPassword+"\n")
	w.write("b/own.yml", strings.ReplaceAll(example(t, "groups:"), "[2m]", "[15s]"))
	w.serves("b", w.own, []string{strings.NewReplacer(`"scheme":"https"`, `"scheme":"http"`, "fleet-a.example.net", w.local(w.port)).Replace(string(entry))})
	w.starts("b", w.own)
	return w
}

func (w *watcher) local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// serves writes the configuration of a Prometheus, with all rules in its folder.
func (w *watcher) serves(folder string, port int, jobs []string) {
	text := prometheus.Server{
		Self: prometheus.Labels{Name: "monitor-" + folder, Role: prometheus.RoleMonitor}, ScrapeInterval: time.Second, Jobs: []string{exporter.Node}, ScrapeConfigs: jobs,
		Limits: prometheus.Limits{Samples: 2000, Labels: 20, LabelName: 64, LabelValue: 500, BodySize: "1MB"},
	}.Render()
	text = strings.Replace(w.site.here(text), w.at(prometheus.Rules), w.at(folder), 1)
	w.write(folder+"/prometheus.yaml", strings.ReplaceAll(text, "127.0.0.1:9090", w.local(port)))
}

func (w *watcher) starts(folder string, port int) *os.Process {
	return w.start("prometheus", "--config.file="+w.at(folder+"/prometheus.yaml"), "--storage.tsdb.path="+w.at(folder+"/data"), "--web.listen-address="+w.local(port))
}

// works starts the Prometheus that is watched.
func (w *watcher) works() { w.watched = w.starts("a", w.web) }

// silent waits until FleetSilent fires, or does not.
func (w *watcher) silent(is bool) {
	w.Helper()
	query := `absent(ALERTS{alertname="FleetSilent"}) and on () fleet_watchdog`
	if is {
		query = `ALERTS{alertname="FleetSilent",alertstate="firing"}`
	}
	var said string
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if said, _ = run(w.T, bin+"/promtool", "query", "instant", "http://"+w.local(w.own), query); strings.Contains(said, "=> 1 @") {
			return
		}
	}
	w.Fatalf("silent is not %t: %s", is, said)
}

// asks is what somebody is answered by the proxy.
func (w *watcher) asks(path, password string) (status int, text string) {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), http.MethodGet, "http://"+w.local(w.port)+path, http.NoBody)
	require.NoError(w, err)
	request.SetBasicAuth(watcherUser, password)
	response, err := http.DefaultClient.Do(request)
	require.NoError(w, err)
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	require.NoError(w, err)
	return response.StatusCode, string(said)
}

// TestWatchedByAnotherFleet: a second fleet's monitor says that this one is gone, or that its rules are, and the proxy gives away nothing else.
func TestWatchedByAnotherFleet(t *testing.T) {
	t.Parallel()
	w := newWatcher(t)
	w.silent(false)

	status, text := w.asks("/heartbeat", watcherPassword)
	assert.Equal(t, http.StatusOK, status)
	assert.Regexp(t, `(?m)^ALERTS\{alertname="Watchdog",.*\} 1 \d+$`, text)
	for _, path := range []string{"/heartbeat?match[]=up", "/heartbeat?&match[]=up", "/heartbeat?x=y&match[]=" + url.QueryEscape(`{__name__=~".+"}`), "/federate?match[]=up", "/metrics", "/"} {
		_, text := w.asks(path, watcherPassword)
		assert.NotRegexp(t, `(?m)^(up|prometheus_)`, text, path)
	}
	status, _ = w.asks("/heartbeat", "wrong")
	assert.Equal(t, http.StatusUnauthorized, status)

	require.NoError(t, w.watched.Signal(syscall.SIGKILL))
	w.silent(true)
	w.works()
	w.silent(false)

	w.write("a/heartbeat.yml", "groups: []\n")
	require.NoError(t, w.watched.Signal(syscall.SIGHUP)) // it scrapes and answers, and evaluates nothing any more
	w.silent(true)
}
