package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/port"
	"github.com/promwire/promwire/tests/lab/setup"
)

// BenchmarkOutage is a store of history that is away for an hour (PROMWIRE_BENCH_MINUTES): how many of the samples that the monitor's Prometheus
// recorded meanwhile it lacks in the end, and how long after its return it has all that there are. Prometheus scrapes itself every 15 s.
func BenchmarkOutage(b *testing.B) {
	here := folder.Default(filepath.Join("..", ".."))
	if err := setup.Ensure(b.Context(), here, os.Stderr, setup.Tools); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		dir, sender, store := b.TempDir(), freeAddress(b), freeAddress(b)
		text := prometheus.Server{
			Self: prometheus.Labels{Name: monitor, Role: prometheus.RoleMonitor}, ScrapeInterval: 15 * time.Second,
			RemoteWrite: prometheus.RemoteWrite{Entries: []string{fmt.Sprintf(`{"url":"http://%s/api/v1/write"}`, store)}},
		}.Render()
		write(b, filepath.Join(dir, "sender.yml"), strings.NewReplacer(prometheus.Folder, dir, "127.0.0.1:9090", sender).Replace(text))
		write(b, filepath.Join(dir, "store.yml"), "")
		receive := func() *exec.Cmd {
			return serve(b, here.Bin(), "--config.file="+filepath.Join(dir, "store.yml"), "--storage.tsdb.path="+filepath.Join(dir, "store"),
				"--web.listen-address="+store, "--web.enable-remote-write-receiver")
		}
		receiver := receive()
		serve(b, here.Bin(), "--config.file="+filepath.Join(dir, "sender.yml"), "--storage.tsdb.path="+filepath.Join(dir, "sender"), "--web.listen-address="+sender)
		until(b, "the store gets nothing", func() error { return equal(1, store, sender, time.Now().Add(-time.Minute), time.Now()) })
		from := time.Now()
		_ = receiver.Process.Kill()
		_ = receiver.Wait()
		select {
		case <-time.After(minutes(b, 60)):
		case <-b.Context().Done():
		}
		to := time.Now()
		receive()
		var err error
		for time.Since(to) < patience { // what is lost stays so
			if err = equal(2, store, sender, from, to); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
		b.ReportMetric(time.Since(to).Seconds(), "s-to-catch-up")
		if err != nil {
			b.Errorf("after an outage of %v: %v", to.Sub(from).Round(time.Second), err)
		}
	}
}

func freeAddress(b *testing.B) string {
	free, err := port.Free()
	if err != nil {
		b.Fatal(err)
	}
	return "127.0.0.1:" + strconv.Itoa(free)
}

func write(b *testing.B, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

// serve runs a Prometheus until the benchmark ends.
func serve(b *testing.B, bin string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(b.Context(), filepath.Join(bin, prometheus.Name), arguments...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return cmd
}

// equal is an error while one Prometheus has not all samples of itself that the sender recorded between two moments, or the sender has fewer than least.
func equal(least int, store, sender string, from, to time.Time) error {
	want, err := samples(sender, from, to)
	if err != nil {
		return err
	}
	got, err := samples(store, from, to)
	if err != nil {
		return err
	}
	if want < least || got != want {
		return fmt.Errorf("the store has %d samples of %d", got, want)
	}
	return nil
}

// samples counts those of the series up between two moments.
func samples(at string, from, to time.Time) (int, error) {
	query := fmt.Sprintf("up[%ds]", int(to.Sub(from).Seconds()))
	response, err := http.Get("http://" + at + "/api/v1/query?" + url.Values{"query": {query}, "time": {fmt.Sprint(to.Unix())}}.Encode())
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var found struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return 0, err
	}
	count := 0
	for _, series := range found.Data.Result {
		count += len(series.Values)
	}
	return count, nil
}
