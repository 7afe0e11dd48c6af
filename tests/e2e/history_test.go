package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// storePassword is what the store's user logs in with.
const (
	storeUser     = "fleet"
	storePassword = "Hf4-the-password-of-the-store"
)

// store is a Prometheus on the operator's machine that takes what others write to it, from whoever has the password.
type store struct {
	*story
	folder, address string // address is host:port
	process         *exec.Cmd
}

func newStore(s *story) *store {
	at := s.lab.Machines.Network().OperatorV4
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	require.NoError(s.t, err)
	o := &store{story: s, folder: s.t.TempDir(), address: listener.Addr().String()}
	require.NoError(s.t, listener.Close())
	hash, err := bcrypt.GenerateFromPassword([]byte(storePassword), bcrypt.MinCost)
	require.NoError(s.t, err)
	for name, text := range map[string]string{"prometheus.yml": "", "web.yml": fmt.Sprintf("basic_auth_users: {%s: %q}\n", storeUser, hash)} {
		require.NoError(s.t, os.WriteFile(filepath.Join(o.folder, name), []byte(text), 0o600))
	}
	return o
}

func (o *store) start() {
	o.process = exec.CommandContext(o.t.Context(), filepath.Join(o.lab.Folder.Bin(), "prometheus"), "--config.file="+filepath.Join(o.folder, "prometheus.yml"),
		"--web.config.file="+filepath.Join(o.folder, "web.yml"), "--storage.tsdb.path="+filepath.Join(o.folder, "data"),
		"--web.listen-address="+o.address, "--web.enable-remote-write-receiver")
	require.NoError(o.t, o.process.Start())
	o.t.Cleanup(o.stop)
}

func (o *store) stop() {
	if o.process.ProcessState == nil {
		_ = o.process.Process.Kill()
		_ = o.process.Wait()
	}
}

// samples are the times, in seconds, of the samples of a series in the minute before a moment.
func (o *store) samples(series string, until time.Time) ([]float64, error) {
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, "http://"+o.address+"/api/v1/query?"+url.Values{
		"query": {series + "[1m]"}, "time": {fmt.Sprint(until.Unix())},
	}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(storeUser, storePassword)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return times(json.NewDecoder(response.Body))
}

// times are those of an answer's samples.
func times(answer *json.Decoder) ([]float64, error) {
	var found struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	if err := answer.Decode(&found); err != nil {
		return nil, err
	}
	var all []float64
	for _, series := range found.Data.Result {
		for _, value := range series.Values {
			all = append(all, value[0].(float64))
		}
	}
	return all, nil
}

// recorded is the same of the monitor's Prometheus.
func (o *store) recorded(series string, until time.Time) []float64 {
	o.t.Helper()
	said := o.mustOn("monitor-1", fmt.Sprintf(`curl --silent --fail --get --data-urlencode 'query=%s[1m]' --data-urlencode time=%d http://127.0.0.1:9090/api/v1/query`, series, until.Unix()))
	all, err := times(json.NewDecoder(strings.NewReader(said)))
	require.NoError(o.t, err)
	return all
}

// begins waits until the store has some samples of a series, and returns the time of the first one: what was recorded before is not sent.
func (o *store) begins(series string) (first float64) {
	o.t.Helper()
	o.eventually(func() error {
		got, err := o.samples(series, time.Now())
		if err == nil && len(got) < 3 {
			err = fmt.Errorf("the store has %v", got)
		} else if err == nil {
			first = got[0]
		}
		return err
	})
	return first
}

// has waits until the store has all that the monitor recorded of a series in the minute before a moment, from its first sample on.
func (o *store) has(series string, first float64, until time.Time) {
	o.t.Helper()
	before := func(at float64) bool { return at < first }
	want := slices.DeleteFunc(o.recorded(series, until), before)
	require.NotEmpty(o.t, want)
	o.eventually(func() error {
		got, err := o.samples(series, until)
		if got = slices.DeleteFunc(got, before); err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("the store has %v of %v", got, want)
		}
		return err
	})
}

// historyElsewhere: what the monitor records is written to a store with a password, also what it recorded while the store was away.
func historyElsewhere(s *story) {
	const scraped = `up{name="web-1",job="node"}`
	o := newStore(s)
	s.secrets["store"] = storePassword
	edits := s.edits
	s.edit(func(fleet map[string]any) {
		fleet["monitor"].(map[string]any)["prometheus"].(map[string]any)["remoteWrite"] = []any{map[string]any{
			"url":        "http://" + o.address + "/api/v1/write",
			"basic_auth": map[string]any{"username": storeUser, "password_file": "/etc/prometheus/secrets/store"},
			"write_relabel_configs": []any{
				map[string]any{"source_labels": []any{"__name__", "job"}, "separator": ";", "regex": "up;.*", "action": "keep"},
			},
		}}
	})
	o.start()
	s.up()
	assertUnchanged(s.t, s.up())
	first, back := o.begins(scraped), time.Time{}
	assert.NotContains(s.t, s.state(), storePassword)
	assert.Equal(s.t, "400 prometheus", s.mustOn("monitor-1", "stat -c '%a %U' /etc/prometheus/secrets/store"))

	s.fault("the store of history away", "at rest", "nothing is lost", func() {
		o.stop()
		away := time.Now()
		s.eventually(func() error {
			after := slices.DeleteFunc(o.recorded(scraped, time.Now()), func(at float64) bool { return at < float64(away.Unix()) })
			if len(after) < 3 {
				return fmt.Errorf("%d scrapes while it is away", len(after))
			}
			return nil
		})
		back = time.Now()
		o.start()
	}, func() { o.has(scraped, first, back) })
	s.edits = edits
	delete(s.secrets, "store")
	s.up()
	assert.Empty(s.t, s.mustOn("monitor-1", "ls /etc/prometheus/secrets 2>/dev/null; true"))
}

// historySaved: what a monitor recorded is saved by the line of docs/history.md, and restored into one that begins with nothing.
func historySaved(s *story) {
	const (
		count = `count(count_over_time(up{role="target",job="node"}[1m] @ %d))`
		data  = "/var/lib/prometheus"
	)
	before := time.Now().Unix()
	s.becomes(fmt.Sprintf(count, before), 2)
	s.mustOn("monitor-1", "/usr/local/lib/promwire/history save >/root/history.tar && tar -tf /root/history.tar >/dev/null")
	s.mustOn("monitor-1", "systemctl stop prometheus && find "+data+" -mindepth 1 -delete && systemctl start prometheus")
	s.becomes(fmt.Sprintf(`absent(count_over_time(up[1m] @ %d))`, before), 1)
	s.mustOn("monitor-1", "/usr/local/lib/promwire/history restore </root/history.tar && rm /root/history.tar")
	s.becomes(fmt.Sprintf(count, before), 2)
	s.becomes(`count(up{role="target",job="node"} == 1)`, 2)
	assertUnchanged(s.t, s.up())
	s.nothingDrifts()
}
