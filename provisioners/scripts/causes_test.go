package scripts

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/watch"
)

// prometheusOf is a fleet's Prometheus: it says what is down, and why its last scrape failed.
type prometheusOf struct {
	folder string // in place of prometheus.Targets
	watch  string // what the watch saw
	server *httptest.Server
	hub    string            // its name; "": there is none
	behind []string          // {"host":…} of each end that the hub speaks of
	listed []string          // what it scrapes, as its API lists it
	failed map[string]string // last errors, by job
}

func newFleet(t *testing.T, watch string) *prometheusOf {
	t.Helper()
	f := &prometheusOf{folder: t.TempDir(), watch: watch}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/query"):
			fmt.Fprintf(w, `{"status":"success","data":{"result":[%s]}}`, strings.Join(f.behind, ","))
		default:
			fmt.Fprintf(w, `{"status":"success","data":{"activeTargets":[%s],"droppedTargets":[]}}`, strings.Join(f.listed, ","))
		}
	}))
	t.Cleanup(f.server.Close)
	return f
}

// endpoint is down, at an address that a host serves.
func (f *prometheusOf) endpoint(t *testing.T, host, at string, e exporter.Endpoint) {
	t.Helper()
	text := prometheus.Target(prometheus.Labels{Name: host, Role: prometheus.RoleTarget, Own: map[string]string{"targets": "own"}}, at, e)
	if err := os.WriteFile(filepath.Join(f.folder, host+"."+e.Job+".json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.lists(host, e.Job, "http://"+at+e.MetricsPath(), f.failed[e.Job], "down")
}

// lists makes Prometheus list an endpoint, as version 3 does.
func (f *prometheusOf) lists(host, job, url, lastError, health string) {
	f.listed = append(f.listed, fmt.Sprintf(`{"discoveredLabels":{"__address__":"x","job":%[2]q,"name":%[1]q},`+
		`"labels":{"instance":%[1]q,"job":%[2]q,"motto":"\"},{\"name\":\"x\"","name":%[1]q,"region":"","role":"target","team":"a,\"name\":\"y"},"scrapePool":%[2]q,`+
		`"scrapeUrl":%[3]q,"globalUrl":%[3]q,"lastError":%[4]q,"lastScrape":"2026-11-28T09:15:35.9Z","lastScrapeDuration":0.0012,"health":%[5]q,`+
		`"scrapeInterval":"15s","scrapeTimeout":"10s"}`, host, job, url, lastError, health))
}

// causes runs the script with former metrics, and returns what it prints without comments and time, sorted.
func (f *prometheusOf) causes(t *testing.T, former string) []string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, "watch"), []byte(f.watch), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.folder, "former"), []byte(former), 0o600); err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer(prometheus.Targets, f.folder, watch.Metrics, f.folder+"/watch").Replace(Causes)
	script = strings.ReplaceAll(script, prometheus.TLS, f.folder)
	cmd := exec.Command("bash", "-c", script, "causes", f.folder+"/former", f.server.URL, "", f.hub)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || strings.Contains(complaints.String(), "line ") {
		t.Fatalf("%v: %s", err, &complaints)
	}
	t.Log(complaints.String())
	var all []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "last_run") {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(all)
	return all
}

// seen is what the watch saw of peers: when it looked, and when something last came of each.
func seen(look int, heard map[string]int) string {
	text := fmt.Sprintf("promwire_peers_last_look_seconds %d\n", look)
	for host, at := range heard {
		text += fmt.Sprintf("promwire_peer_last_received_seconds{host=%q} %d\n", host, at)
	}
	return text
}

// TestCauses lets it find what is wrong with real servers, and with tunnels as the watch saw them.
func TestCauses(t *testing.T) {
	t.Parallel()
	f := newFleet(t, seen(1000, map[string]int{"loud": 960, "silent": 955, "never": 0})+"promwire_peer_missing{host=\"lost\"} 1\n")
	listen := func(answer func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				answer(c)
			}
		}()
		return l.Addr().String()
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			http.NotFound(w, r)
		}
	}))
	defer web.Close()
	at := web.Listener.Addr().String()
	hangUp := listen(func(c net.Conn) { _, _ = bufio.NewReader(c).ReadByte(); c.Close() })
	banner := listen(func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-x\r\n"); c.Close() })
	node := func(job, path string) exporter.Endpoint { return exporter.Endpoint{Job: job, Path: path} }

	f.failed = map[string]string{
		"page": `received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target`,
		"many": "sample limit exceeded",
	}
	for _, host := range []string{"silent", "never", "lost"} {
		f.endpoint(t, host, at, node("node", ""))
	}
	f.endpoint(t, "loud", closed.Listener.Addr().String(), node("node", ""))
	f.endpoint(t, "direct", at, node("missing", "/none"))
	f.endpoint(t, "direct", banner, node("ssh", ""))
	f.endpoint(t, "direct", at, node("page", "/page"))
	f.endpoint(t, "direct", at, node("many", "/many"))
	f.endpoint(t, "direct", at, node("late", "/late"))
	made, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=prometheus", "-days", "2",
		"-keyout", f.folder+"/key.pem", "-out", f.folder+"/certificate.pem").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, made)
	}
	if err := os.Link(f.folder+"/certificate.pem", f.folder+"/authorities.pem"); err != nil {
		t.Fatal(err)
	}
	f.endpoint(t, "direct", hangUp, exporter.Endpoint{Job: "relayed", TLS: true, Behind: 9187})
	f.endpoint(t, "direct", hangUp, exporter.Endpoint{Job: "tls", TLS: true})
	f.endpoint(t, "direct", "192.0.2.1:9100", node("away", ""))
	f.lists("gone", "node", "http://"+at, "", "down") // its file is removed just now
	f.lists("well", "node", "http://"+at, "", "up")
	f.lists("new", "node", "http://"+at, "", "unknown")

	want := map[string]string{
		"silent/node": "tunnel", "never/node": "tunnel", "lost/node": "tunnel", "loud/node": "refused", "direct/missing": "other", "direct/ssh": "other",
		"direct/page": "other", "direct/many": "limits", "direct/late": "unscraped", "direct/relayed": "relay", "direct/tls": "certificate",
	}
	var words []string
	for _, line := range f.causes(t, "") {
		match := regexp.MustCompile(`^promwire_target_cause\{host="(\w+)",job="(\w+)",cause="(\w+)"\} 1$`).FindStringSubmatch(line)
		if match == nil {
			t.Fatalf("it prints %q", line)
		}
		words = append(words, match[3])
		if endpoint := match[1] + "/" + match[2]; endpoint != "direct/away" && want[endpoint] != match[3] {
			t.Errorf("%s: got %s, want %s", endpoint, match[3], want[endpoint])
		}
	}
	if len(words) != len(want)+1 {
		t.Errorf("%d causes: %q", len(words), words)
	}
}

// TestCauseWords: the words of scripts and those that are explained to people are the same.
func TestCauseWords(t *testing.T) {
	t.Parallel()
	_, function, _ := strings.Cut(Cause, "cause_word() {")
	said := []string{"tunnel", "hub"} // causes.sh's
	for _, match := range regexp.MustCompile(`\) echo (\w+) ;;`).FindAllStringSubmatch(function, -1) {
		said = append(said, match[1])
	}
	var explained []string
	for _, c := range prometheus.Causes() {
		explained = append(explained, c.Word)
	}
	slices.Sort(said)
	slices.Sort(explained)
	if said = slices.Compact(said); !slices.Equal(said, explained) {
		t.Errorf("scripts say %q, and explained are %q", said, explained)
	}
}

// TestCausesOfMany: of a thousand silent tunnels each has its cause at once; of many others a few are asked, and the rest keep what they had.
func TestCausesOfMany(t *testing.T) {
	t.Parallel()
	heard := map[string]int{}
	f := newFleet(t, "")
	for n := range 1000 {
		heard[fmt.Sprintf("t%d", n)] = 1
		f.endpoint(t, fmt.Sprintf("t%d", n), "192.0.2.1:9100", exporter.Endpoint{Job: "node"})
	}
	f.watch = seen(1000, heard)
	closed := httptest.NewServer(nil)
	closed.Close()
	for n := range 40 {
		f.endpoint(t, fmt.Sprintf("d%d", n), closed.Listener.Addr().String(), exporter.Endpoint{Job: "node"})
	}
	const was = "promwire_target_cause{host=\"d1\",job=\"node\",cause=\"mtu\"} 1\n" + "promwire_target_cause{host=\"well\",job=\"node\",cause=\"mtu\"} 1\n"
	began := time.Now()
	all := f.causes(t, was)
	t.Logf("it took %s", time.Since(began))
	count := map[string]int{}
	for _, line := range all {
		count[regexp.MustCompile(`cause="(\w+)"`).FindStringSubmatch(line)[1]]++
	}
	if count["tunnel"] != 1000 || count["refused"] != 16 || count["mtu"] != 1 || len(count) != 3 {
		t.Errorf("got %v", count)
	}
	again := f.causes(t, strings.Join(all, "\n")+"\n")
	if len(again) != 1000+16+16+1 {
		t.Errorf("%d causes after the second run", len(again))
	}
}

// TestCausesBehindHub: what the hub has not heard of is silent, and all is if the monitor has not heard of the hub.
func TestCausesBehindHub(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	for heard, want := range map[int]string{
		960: "hub refused, loud refused, silent tunnel, unsaid refused",
		950: "hub tunnel, loud hub, silent hub, unsaid hub",
	} {
		f := newFleet(t, seen(1000, map[string]int{"hub": heard}))
		f.hub = "hub"
		for _, host := range []string{"hub", "loud", "silent", "unsaid"} {
			f.endpoint(t, host, closed.Listener.Addr().String(), exporter.Endpoint{Job: "node"})
		}
		f.behind = []string{`{"metric":{"host":"loud"},"value":[1795851948.2,"0"]}`, `{"metric":{"host":"silent"},"value":[1795851948.2,"1"]}`}
		var got []string
		for _, line := range f.causes(t, "") {
			words := strings.Split(line, `"`)
			got = append(got, words[1]+" "+words[5])
		}
		if all := strings.Join(got, ", "); all != want {
			t.Errorf("heard at %d: got %q, want %q", heard, all, want)
		}
	}
}

// TestCausesWithoutPrometheus: it says so, and ends well, because another alert is there for that.
func TestCausesWithoutPrometheus(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "")
	f.server.Close()
	if said := f.causes(t, ""); len(said) != 0 {
		t.Errorf("got %q", said)
	}
}
