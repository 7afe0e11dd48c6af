package golden

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/scripts"
)

// onHost replaces the host's functions: the site's folder is the root.
const onHost = `
dir() { mkdir -p "$1"; }
record() { :; }
remove() { rm -f "$1"; }
put() {
  local path=$1
  shift 2
  cat >"$path"
  [ $# = 0 ] || "$@" "$path"
}
`

// pushSite is a monitor on loopback: a real Pushgateway, run as its unit says, with what pushgateway.sh makes of its users, and a real
// Prometheus that scrapes it.
type pushSite struct {
	*site
	gateway int
}

func newPushSite(t *testing.T, jobs ...string) *pushSite {
	t.Helper()
	s := &pushSite{site: &site{T: t, folder: t.TempDir(), web: port(t)}, gateway: port(t)}
	s.pushers(jobs...)
	host := pushgateway.Host{Own: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	args := regexp.MustCompile(`--\S+`).FindAllString(host.Unit(), -1)
	for i, arg := range args {
		args[i] = strings.Replace(s.here(arg), strconv.Itoa(pushgateway.Port), strconv.Itoa(s.gateway), 1)
	}
	s.start("pushgateway", args...)
	text := prometheus.Server{
		Self: prometheus.Labels{Name: "monitor", Role: prometheus.RoleMonitor}, ScrapeInterval: time.Second,
		Pushed: &prometheus.Pushed{At: "127.0.0.1:" + strconv.Itoa(s.gateway), Jobs: jobs},
	}.Render()
	s.write("etc/prometheus/prometheus.yml", strings.Replace(s.here(text), "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.web), 1))
	s.start("prometheus", "--config.file="+s.at("etc/prometheus/prometheus.yml"), "--storage.tsdb.path="+s.at("data"),
		"--web.listen-address=127.0.0.1:"+strconv.Itoa(s.web))
	return s
}

// pushers says who pushes, as the plan does.
func (s *pushSite) pushers(jobs ...string) {
	s.Helper()
	s.bash("mkdir -p etc/prometheus etc var/lib\nPATH=$PATH:" + tools(s.T) + onHost + s.here(scripts.WithConstants(scripts.Web+scripts.Pushgateway)) +
		"\npushers " + strings.Join(jobs, " "))
}

// secret is a user's password, which only the host's root can read.
func (s *pushSite) secret(user string) string {
	text, err := os.ReadFile(s.at("etc/pushgateway/" + user + ".password"))
	if err != nil {
		s.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// push is the status of a push; without a user it is one without credentials.
func (s *pushSite) push(path, user, secret, body string) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", s.gateway, path), strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if user != "" {
		r.SetBasicAuth(user, secret)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0 // it does not listen yet
	}
	response.Body.Close()
	return response.StatusCode
}

// query is Prometheus's answer, in promtool's format; "" while it does not answer.
func (s *pushSite) query(q string) string {
	said, err := run(s.T, filepath.Join(bin, "promtool"), "query", "instant", "http://127.0.0.1:"+strconv.Itoa(s.web), q)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(said)
}

// TestPushgateway pushes to the monitor, correctly and not, and checks the series in Prometheus.
func TestPushgateway(t *testing.T) {
	t.Parallel()
	s := newPushSite(t, "backup", "report")
	s.until("it asks for a password", func() bool {
		return s.push("/metrics/job/backup", "", "", "backup_files 1\n") == http.StatusUnauthorized
	})
	for _, wrong := range [][2]string{{"backup", "wrong"}, {"backup", s.secret("report")}, {"other", s.secret("backup")}, {"backup", ""}} {
		if status := s.push("/metrics/job/backup", wrong[0], wrong[1], "backup_files 1\n"); status != http.StatusUnauthorized {
			t.Errorf("%v is answered %d", wrong, status)
		}
	}
	for _, c := range []struct{ path, body string }{
		{"/metrics/job/backup", "backup_files 1\nspoof{job=\"node\",instance=\"node-1\",name=\"node-1\",role=\"target\"} 1\npromwire_fence_open_addresses 1\n"},
		{"/metrics/job/other", "stray 1\nstray_job{exported_job=\"backup\"} 1\n"},
		{"/metrics/job/node/instance/node-1", "up 0\n"},
		{"/metrics/job/report/instance/b", "report_lines 7\n"},
	} {
		if status := s.push(c.path, "backup", s.secret("backup"), c.body); status != http.StatusOK {
			t.Errorf("%s is answered %d", c.path, status)
		}
	}
	const forced = `instance="monitor", job="pushgateway", name="monitor", role="monitor"`
	for q, want := range map[string]string{
		`backup_files`: `backup_files{exported_job="backup", ` + forced + `} => 1 @`,
		`report_lines`: `report_lines{exported_instance="b", exported_job="report", ` + forced + `} => 7 @`,
		`spoof`:        `spoof{exported_instance="node-1", exported_job="backup", exported_name="node-1", exported_role="target", ` + forced + `} => 1 @`,
		`up{job="pushgateway"} == 1 and on () (count(push_time_seconds) == 2)`: `up{` + forced + `} => 1 @`,
	} {
		s.until(q+" is "+want, func() bool { return strings.HasPrefix(s.query(q), want) })
	}
	// Whatever was pushed before the last of these would be scraped by now.
	if said := s.query(`{exported_job!~"backup|report",exported_job!=""} or {__name__=~"stray.*|promwire_.*"} or {job="node"}`); said != "" {
		t.Errorf("Prometheus took %s", said)
	}
	s.pushers("report")
	s.until("backup may not push any more", func() bool {
		return s.push("/metrics/job/backup", "backup", "", "backup_files 2\n") == http.StatusUnauthorized
	})
	if status := s.push("/metrics/job/report", "report", s.secret("report"), "report_lines 8\n"); status != http.StatusOK {
		t.Errorf("report is answered %d after backup was removed", status)
	}
	if files, _ := filepath.Glob(s.at("etc/pushgateway/backup*")); len(files) > 0 {
		t.Errorf("backup left %v", files)
	}
}

// TestPushRefused: Pushgateway's metrics of a refused push are those that the alert PushFailed expects.
func TestPushRefused(t *testing.T) {
	t.Parallel()
	s := newPushSite(t, "backup")
	push := func(body string) int { return s.push("/metrics/job/backup", "backup", s.secret("backup"), body) }
	const failed = `push_failure_time_seconds{job="pushgateway", role="monitor"} > push_time_seconds{job="pushgateway", role="monitor"}`
	if !strings.Contains(prometheus.RulesFile(), failed) {
		t.Fatal("the alert has another expression")
	}
	s.until("a push is accepted", func() bool { return push("backup_files 1\n") == http.StatusOK })
	s.until("it is scraped", func() bool { return s.query("backup_files") != "" })
	if said := s.query(failed); said != "" {
		t.Errorf("an accepted push has failed: %s", said)
	}
	if status := push("# TYPE go_goroutines counter\ngo_goroutines 1\n"); status != http.StatusBadRequest {
		t.Errorf("a contradictory push is answered %d", status)
	}
	s.until("the failure shows", func() bool { return strings.Contains(s.query(failed), `exported_job="backup"`) })
	s.until("a push is accepted again", func() bool { return push("backup_files 2\n") == http.StatusOK })
	s.until("the failure is over", func() bool { return s.query("backup_files == 2") != "" && s.query(failed) == "" })
}
