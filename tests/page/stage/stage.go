// Package stage is what the fleet page is looked at with: a real Prometheus that serves it and scrapes made-up hosts, and a browser.
package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/page"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/tests/lab/port"
)

// poll is how often something is looked at that is waited for.
const poll = 50 * time.Millisecond

// Stage is one Prometheus and its fleet.
type Stage struct {
	testing.TB
	// URL is the page's.
	URL      string
	folder   string
	binary   string
	port     int
	web      string // Prometheus's web configuration; "": none
	process  *exec.Cmd
	exporter *httptest.Server

	mu      sync.Mutex
	answers map[string]func() string // of exporters, by path; who is not in it is down
}

// Options of a Stage.
type Options struct {
	Bin      string        // folder that has prometheus
	Interval time.Duration // of scrapes
	Rules    string        // rule file; "": none
	Web      string        // Prometheus's web configuration; "": none
	History  string        // what it has scraped before, in the format OpenMetrics; "": nothing
	Hosts    []Host
}

// Host is one of the made-up fleet.
type Host struct {
	Name, Region, Role string
	Cluster            string        // it is a cluster's federation, of this name, and no host
	Metrics            string        // in the text format
	Down               bool          // it does not answer
	Live               func() string // more of them, new in each scrape; nil: none
}

func (h Host) says() string {
	if h.Live == nil {
		return h.Metrics
	}
	return h.Metrics + h.Live()
}

// New starts Prometheus, and waits until it answers.
func New(t testing.TB, o Options) *Stage {
	t.Helper()
	s := &Stage{TB: t, folder: t.TempDir(), binary: filepath.Join(o.Bin, prometheus.Name), port: freePort(t), answers: map[string]func() string{}}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d%s", s.port, page.Path)
	s.exporter = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.exporter.Close)
	for _, f := range page.Files() {
		s.write(filepath.Join("page", f.Name), f.Text)
	}
	server := prometheus.Server{
		Self:           prometheus.Labels{Name: "monitor-1", Region: "tor1", Role: prometheus.RoleMonitor},
		ScrapeInterval: o.Interval, Jobs: []string{exporter.Node},
	}
	text := strings.NewReplacer(prometheus.Folder, s.folder, "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.port)).Replace(server.Render())
	s.write("prometheus.yml", text)
	s.write("rules.d/rules.yml", o.Rules)
	if s.web = o.Web; s.web != "" {
		s.write("web.yml", s.web)
	}
	s.hosts(o.Hosts)
	s.history(o)
	s.Start()
	return s
}

// history gives Prometheus the blocks of what it has scraped before.
func (s *Stage) history(o Options) {
	s.Helper()
	if o.History == "" {
		return
	}
	s.write("history", o.History)
	cmd := exec.CommandContext(s.Context(), filepath.Join(o.Bin, "promtool"), "tsdb", "create-blocks-from", "openmetrics",
		filepath.Join(s.folder, "history"), filepath.Join(s.folder, "data"))
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
}

// answer is an exporter's: its path is h and the host's place in Options.Hosts.
func (s *Stage) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	text, up := s.answers[strings.TrimPrefix(r.URL.Path, "/")]
	s.mu.Unlock()
	if !up {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, text())
}

// hosts writes the files that Prometheus finds its targets by.
func (s *Stage) hosts(hosts []Host) {
	s.Helper()
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	groups := []group{}
	at := strings.TrimPrefix(s.exporter.URL, "http://")
	for i, h := range hosts {
		path := "h" + strconv.Itoa(i)
		if h.Cluster != "" {
			s.cluster(h.Cluster, path, at)
		} else {
			groups = append(groups, group{[]string{at}, map[string]string{"name": h.Name, "region": h.Region, "role": h.Role, "__metrics_path__": "/" + path}})
		}
		if !h.Down {
			s.answers[path] = h.says
		}
	}
	text, err := json.Marshal(groups)
	if err != nil {
		s.Fatal(err)
	}
	s.write("targets.d/all.node.json", string(text))
}

// cluster writes a federation.
func (s *Stage) cluster(name, path, at string) {
	s.Helper()
	text := prometheus.Federation{Cluster: name, Match: []string{"up"}, Interval: time.Second}.Render()
	text = strings.NewReplacer("/federate", "/"+path, "invalid IP:9090", at).Replace(text)
	s.write("clusters.d/"+name+".yml", text)
}

// Kill makes the exporter of the host at this place in Options.Hosts answer no more; Revive makes it answer again.
func (s *Stage) Kill(host int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, "h"+strconv.Itoa(host))
}

// Revive makes an exporter answer with these metrics.
func (s *Stage) Revive(host int, metrics string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers["h"+strconv.Itoa(host)] = Host{Metrics: metrics}.says
}

// Start starts Prometheus, and waits until it answers.
func (s *Stage) Start() {
	s.Helper()
	args := []string{
		"--config.file=" + filepath.Join(s.folder, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(s.folder, "data"),
		"--web.user-assets=" + filepath.Join(s.folder, "page"), "--web.listen-address=127.0.0.1:" + strconv.Itoa(s.port),
	}
	if s.web != "" {
		args = append(args, "--web.config.file="+filepath.Join(s.folder, "web.yml"))
	}
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		s.Fatal(err)
	}
	s.process = exec.Command(s.binary, args...)
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(s.Stop)
	s.until("Prometheus answers", func() bool {
		response, err := http.Get(s.address("/-/ready"))
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK || response.StatusCode == http.StatusUnauthorized
	})
}

// Stop ends Prometheus.
func (s *Stage) Stop() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

func (s *Stage) address(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path)
}

// Sample is one value of a series.
type Sample struct {
	At    float64 // seconds since 1970
	Value string
}

// Samples are those of the first series that a query of a range, such as up[5m], answers with.
func (s *Stage) Samples(query string) []Sample {
	s.Helper()
	var answer struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	s.ask(query, &answer)
	var all []Sample
	for _, r := range answer.Data.Result[:min(1, len(answer.Data.Result))] {
		for _, v := range r.Values {
			all = append(all, Sample{v[0].(float64), v[1].(string)})
		}
	}
	return all
}

// Has waits until a query answers with a series.
func (s *Stage) Has(query string) {
	s.Helper()
	s.until(query, func() bool { return s.Count(query) > 0 })
}

// Count is how many series a query finds now.
func (s *Stage) Count(query string) int {
	s.Helper()
	var answer struct {
		Error string
		Data  struct{ Result []any }
	}
	if s.ask(query, &answer); answer.Error != "" {
		s.Fatalf("%s: %s", query, answer.Error)
	}
	return len(answer.Data.Result)
}

func (s *Stage) ask(query string, answer any) {
	s.Helper()
	response, err := http.Get(s.address("/api/v1/query?query=" + url.QueryEscape(query)))
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		s.Fatalf("%s: %v", query, err)
	}
}

// until waits for something that comes soon; its limit only ends a test that hangs.
func (s *Stage) until(what string, is func() bool) {
	s.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(poll) {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			s.Fatalf("still not: %s; Prometheus says:\n%s", what, log)
		}
	}
}

// write makes a file at once, so that no program reads half of it.
func (s *Stage) write(name, text string) {
	s.Helper()
	file := filepath.Join(s.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		s.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return free
}
