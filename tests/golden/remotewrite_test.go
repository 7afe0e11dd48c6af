package golden

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// writer is a monitor's Prometheus that writes to another one, which asks for a password; both are real.
type writer struct {
	*site
	store    int // port of the receiver
	receiver *os.Process
	sender   *os.Process
}

// The receiver's one user.
const (
	storeUser     = "fleet"
	storePassword = "correct horse"
)

// newWriter starts both. The sender keeps less than one scrape in memory, so that all else comes from its write-ahead log. It has no
// password yet, as when the first converge ends.
func newWriter(t *testing.T) *writer {
	w := &writer{site: &site{T: t, folder: t.TempDir(), web: port(t)}, store: port(t)}
	hash, err := bcrypt.GenerateFromPassword([]byte(storePassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	w.write("store/web.yml", "basic_auth_users: {"+storeUser+": \""+string(hash)+"\"}\n")
	w.write("store/prometheus.yml", "storage: {tsdb: {out_of_order_time_window: 0s}}\n")
	entry := `{"url":"http://` + w.address(w.store) + `/api/v1/write","basic_auth":{"username":"` + storeUser + `","password_file":"` +
		prometheus.Secrets.File("store") + `"},"queue_config":{"capacity":100,"max_samples_per_send":50,"max_backoff":"1s"}}`
	text := prometheus.Server{
		Self: prometheus.Labels{Name: "m", Role: prometheus.RoleMonitor}, ScrapeInterval: time.Second,
		RemoteWrite: prometheus.RemoteWrite{Entries: []string{entry}, Secrets: []string{"store"}},
	}.Render()
	w.write("etc/prometheus/prometheus.yml", strings.ReplaceAll(w.here(text), "127.0.0.1:9090", w.address(w.web)))
	w.starts()
	w.receives()
	return w
}

func (w *writer) address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// starts starts the sender.
func (w *writer) starts() {
	w.sender = w.start("prometheus", "--config.file="+w.at("etc/prometheus/prometheus.yml"), "--storage.tsdb.path="+w.at("data"), "--web.listen-address="+w.address(w.web))
}

// receives starts the receiver.
func (w *writer) receives() {
	w.receiver = w.start("prometheus", "--config.file="+w.at("store/prometheus.yml"), "--web.config.file="+w.at("store/web.yml"),
		"--storage.tsdb.path="+w.at("store/data"), "--web.listen-address="+w.address(w.store), "--web.enable-remote-write-receiver")
}

// gone ends a process at once, and waits until nothing answers at its port.
func (w *writer) gone(process *os.Process, port int) {
	w.Helper()
	if err := process.Signal(syscall.SIGKILL); err != nil {
		w.Fatal(err)
	}
	w.until("port "+strconv.Itoa(port)+" is closed", func() bool {
		c, err := net.Dial("tcp", w.address(port))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// until polls for a long time: the machine may be busy.
func (w *writer) until(what string, is func() bool) {
	w.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("not within 2 minutes: %s", what)
		}
	}
}

// times are when a Prometheus has samples of the query, such as up{job="prometheus"}[1h]; none if it does not answer.
func (w *writer) times(port int, query string) []float64 {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), http.MethodGet, "http://"+w.address(port)+"/api/v1/query?query="+url.QueryEscape(query), http.NoBody)
	if err != nil {
		w.Fatal(err)
	}
	request.SetBasicAuth(storeUser, storePassword)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Values [][2]any }
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Data.Result) != 1 {
		return nil
	}
	var times []float64
	for _, sample := range answer.Data.Result[0].Values {
		times = append(times, sample[0].(float64))
	}
	return times
}

// scrapes are the sender's scrapes of itself, of which the receiver has them all if nothing is lost.
const scrapes = `up{job="prometheus"}[1h]`

// more waits until the sender has scraped so many times more, and returns all of its scrapes.
func (w *writer) more(n int) []float64 {
	w.Helper()
	want := len(w.times(w.web, scrapes)) + n
	var all []float64
	w.until(strconv.Itoa(want)+" scrapes", func() bool {
		all = w.times(w.web, scrapes)
		return len(all) >= want
	})
	return all
}

// lost waits until the receiver has a newer scrape than these, and returns those that it never got.
func (w *writer) lost(scraped []float64) []float64 {
	w.Helper()
	var got []float64
	w.until("the receiver is up to date", func() bool {
		got = w.times(w.store, scrapes)
		return len(got) > 0 && got[len(got)-1] > scraped[len(scraped)-1]
	})
	return slices.DeleteFunc(slices.Clone(scraped), func(at float64) bool { return slices.Contains(got, at) })
}

// has waits until a counter of the sender's is above 0.
func (w *writer) has(counter string) {
	w.Helper()
	w.until(counter, func() bool { return len(w.times(w.web, "("+counter+" > 0)[1m:1s]")) > 0 })
}

// password gives the sender one, as the monitor's command does.
func (w *writer) password(text string) {
	w.Helper()
	w.write("etc/prometheus/secrets/store", text+"\n")
}

// TestRemoteWrite: samples wait for the password, and for a receiver that is away, and none is lost. A wrong password loses them.
func TestRemoteWrite(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	first := w.more(5)
	if got := w.times(w.store, scrapes); len(got) > 0 {
		t.Fatalf("the receiver has %v without a password", got)
	}
	w.password(storePassword)
	if lost := w.lost(first); len(lost) > 0 {
		t.Errorf("lost before there was a password: %v of %v", lost, first)
	}
	w.gone(w.receiver, w.store)
	away := w.more(20)
	w.receives()
	if lost := w.lost(away); len(lost) > 0 {
		t.Errorf("lost while the receiver was away: %v of %v", lost, away)
	}
	w.password("wrong")
	w.has("prometheus_remote_storage_samples_failed_total")
	refused := w.more(3)
	w.password(storePassword)
	if len(w.lost(refused)) == 0 {
		t.Error("a wrong password loses nothing any more: correct docs/history.md")
	}
}

// TestRemoteWriteRestarted: what a receiver did not get before Prometheus was restarted, it never gets.
func TestRemoteWriteRestarted(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	w.password(storePassword)
	w.lost(w.more(2))
	w.gone(w.receiver, w.store)
	away := w.more(5)
	w.gone(w.sender, w.web)
	w.starts()
	w.until("the sender has what it had", func() bool { return len(w.times(w.web, scrapes)) > len(away) })
	w.receives()
	if len(w.lost(away)) == 0 {
		t.Error("a restart loses nothing any more: correct docs/history.md")
	}
}
