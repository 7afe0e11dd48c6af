package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/promwire/promwire/tests/lab/operator"
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

// samples are the times, in seconds, of the samples of a series from one moment to another, at most 10 minutes before it.
func (o *store) samples(series string, since, until time.Time) ([]float64, error) {
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, "http://"+o.address+"/api/v1/query?"+url.Values{
		"query": {series + "[10m]"}, "time": {fmt.Sprint(until.Unix())},
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
	return times(json.NewDecoder(response.Body), since)
}

// times are those of an answer's samples since a moment.
func times(answer *json.Decoder, since time.Time) ([]float64, error) {
	var found struct {
		Data struct{ Result []struct{ Values [][2]any } }
	}
	if err := answer.Decode(&found); err != nil {
		return nil, err
	}
	var all []float64
	for _, series := range found.Data.Result {
		for _, value := range series.Values {
			if at := value[0].(float64); at > float64(since.Unix()) {
				all = append(all, at)
			}
		}
	}
	return all, nil
}

// recorded is the same of the monitor's Prometheus.
func (o *store) recorded(series string, since, until time.Time) []float64 {
	o.t.Helper()
	said := o.mustOn("monitor-1", fmt.Sprintf(`curl --silent --fail --get --data-urlencode 'query=%s[10m]' --data-urlencode time=%d http://127.0.0.1:9090/api/v1/query`, series, until.Unix()))
	all, err := times(json.NewDecoder(strings.NewReader(said)), since)
	require.NoError(o.t, err)
	return all
}

// more waits until the monitor has recorded three samples of a series more, and returns until when.
func (o *store) more(series string) (until time.Time) {
	o.t.Helper()
	since := time.Now()
	o.eventually(func() error {
		until = time.Now()
		if count := len(o.recorded(series, since, until)); count < 3 {
			return fmt.Errorf("%d samples more", count)
		}
		return nil
	})
	return until
}

// has waits until the store has all that the monitor recorded of a series from one moment to another.
func (o *store) has(series string, since, until time.Time) {
	o.t.Helper()
	want := o.recorded(series, since, until)
	o.eventually(func() error {
		got, err := o.samples(series, since, until)
		if err == nil && !slices.Equal(got, want) {
			err = fmt.Errorf("the store has %v of %v", got, want)
		}
		return err
	})
}

// writes makes the monitor write to the store: its series with these names.
func (o *store) writes(names string) operator.Edit {
	return func(fleet map[string]any) {
		fleet["monitor"].(map[string]any)["prometheus"].(map[string]any)["remoteWrite"] = []any{map[string]any{
			"url":        "http://" + o.address + "/api/v1/write",
			"basic_auth": map[string]any{"username": storeUser, "password_file": "/etc/prometheus/secrets/store"},
			"write_relabel_configs": []any{
				map[string]any{"source_labels": []any{"__name__", "job"}, "separator": ";", "regex": "(" + names + ");.*", "action": "keep"},
			},
		}}
	}
}

// historyElsewhere: what the monitor records is written to a store with a password, also what it recorded while the store was away.
func historyElsewhere(s *story) {
	const scraped = `up{name="web-1",job="node"}`
	o := newStore(s)
	s.secrets["store"] = storePassword
	edits := s.edits
	s.edit(o.writes("up"))
	o.start()
	s.up()
	began := time.Now()
	assertUnchanged(s.t, s.up())
	o.has(scraped, began, o.more(scraped))
	assert.NotContains(s.t, s.state(), storePassword)
	assert.Equal(s.t, "400 prometheus", s.mustOn("monitor-1", "stat -c '%a %U' /etc/prometheus/secrets/store"))

	var until time.Time
	s.fault("the store of history away", "at rest", "nothing is lost", func() {
		o.stop()
		until = o.more(scraped)
		o.start()
	}, func() { o.has(scraped, began, until) })
	s.edits = edits
	delete(s.secrets, "store")
	s.up()
	assert.Empty(s.t, s.mustOn("monitor-1", "ls /etc/prometheus/secrets 2>/dev/null; true"))
}

// onlyForwards: a monitor in agent mode scrapes, is proved and names causes as before, and only the store has the samples. With a store that
// refuses them the update fails. Afterwards the monitor has the history of before.
func onlyForwards(s *story) {
	const scraped = `up{name="web-1",job="node"}`
	before := time.Now().Unix()
	o := newStore(s)
	o.start()
	edits := s.edits
	s.edit(o.writes("up|promwire_target_cause"))
	s.edit(func(fleet map[string]any) {
		for _, kept := range []string{"alertmanager", "rules"} {
			delete(fleet, kept)
		}
		fleet["monitor"].(map[string]any)["prometheus"].(map[string]any)["agent"] = true
	})
	s.secrets["store"] = "not the password of the store"
	assert.Regexp(s.t, `(?s)no samples have arrived at:\s+http://`+regexp.QuoteMeta(o.address)+`/api/v1/write: .*401 Unauthorized`, s.upFails())

	s.secrets["store"] = storePassword
	s.up()
	assertUnchanged(s.t, s.up())
	s.nothingDrifts()
	arrives := func(series string) {
		since := time.Now()
		s.eventually(func() error {
			got, err := o.samples(series, since, time.Now())
			if err == nil && len(got) == 0 {
				err = fmt.Errorf("the store has no samples of %s", series)
			}
			return err
		})
	}
	arrives(scraped)
	assert.NotEmpty(s.t, s.output("matrix"))
	outputs, err := s.lab.Operator.Outputs(s.t.Context(), s.stack)
	require.NoError(s.t, err)
	assert.NotContains(s.t, outputs, "page")
	for _, path := range []string{"/api/v1/query?query=up", "/user/"} {
		code := s.mustOn("monitor-1", "curl --silent --output /dev/null --write-out '%{http_code}' 'http://127.0.0.1:9090"+path+"'")
		assert.NotEqual(s.t, "200", code, path)
	}
	s.mustOn("web-1", "systemctl stop node_exporter.socket node_exporter.service")
	arrives(`promwire_target_cause{host="web-1",exported_job="node",cause="refused"}`)
	s.mustOn("web-1", "systemctl start node_exporter.socket")

	s.edits = edits
	delete(s.secrets, "store")
	s.up()
	s.becomes(fmt.Sprintf(`count(count_over_time(up{role="target",job="node"}[1m] @ %d))`, before), 2)
	s.becomes(`count(up{role="target",job="node"} == 1)`, 2)
	s.nothingDrifts()
}

// history runs the line of docs/history.md that saves the monitor's history into an archive, or restores it; and the one that looks whether an
// archive is whole.
func (s *story) history(verb, archive string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "history.md"))
	require.NoError(s.t, err)
	line := regexp.MustCompile(`(?m)^ {4}(ssh root@MONITOR \S+ ` + verb + ` [<>] history\.tar)$`).FindSubmatch(text)
	whole := regexp.MustCompile(`(?m)^ {4}(tar -tf history\.tar .*)$`).FindSubmatch(text)
	require.NotNil(s.t, line, verb)
	require.NotNil(s.t, whole)
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	cmd := s.printed(ctx, strings.Replace(string(line[1]), "MONITOR", s.address("monitor-1"), 1)+" && "+string(whole[1]))
	cmd.Dir = filepath.Dir(archive)
	said, err := output(cmd)
	require.NoError(s.t, err)
	assert.Regexp(s.t, `(?m)^whole$`, string(said))
}

// historySaved: what a monitor recorded is saved by the line of docs/history.md, and restored into one that begins with nothing.
func historySaved(s *story) {
	const (
		count = `count(count_over_time(up{role="target",job="node"}[1m] @ %d))`
		data  = "/var/lib/prometheus"
	)
	before := time.Now().Unix()
	s.becomes(fmt.Sprintf(count, before), 2)
	archive := filepath.Join(s.t.TempDir(), "history.tar")
	s.history("save", archive)
	s.mustOn("monitor-1", "systemctl stop prometheus && find "+data+" -mindepth 1 -delete && systemctl start prometheus")
	s.becomes(fmt.Sprintf(`absent(count_over_time(up[1m] @ %d))`, before), 1)
	s.history("restore", archive)
	s.becomes(fmt.Sprintf(count, before), 2)
	s.becomes(`count(up{role="target",job="node"} == 1)`, 2)
	assertUnchanged(s.t, s.up())
	s.nothingDrifts()
}
