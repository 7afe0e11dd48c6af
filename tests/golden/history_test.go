package golden

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/scripts"
)

// historian is a monitor with a real Prometheus and the program history; systemd is played.
type historian struct {
	*writer
}

// systemctl keeps a Prometheus by its process, which must answer; base is what history takes from the library.
const (
	systemctl = `#!/bin/bash
pid=$(cat prometheus.pid 2>/dev/null)
alive() { [ -n "$pid" ] && [ -e /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status; }
case $1 in
  is-active) alive ;;
  show) if alive; then echo 0; else echo 3; fi ;;
  stop) echo stop >>asked; if alive; then kill $pid; while alive; do sleep 0.1; done; fi ;;
  start) alive || { setsid ./run >>prometheus.log 2>&1 3>&- 7>&- 8>&- 9>&- & echo $! >prometheus.pid; } ;;
esac
`
	base = `
begin() { speak_as "$@"; CHANGED=(); exec 3>&1 1>&2; mkdir -p "$RUN"; }
chown() { :; }
`
)

func newHistorian(t *testing.T) *historian {
	h := &historian{writer: &writer{site: &site{T: t, folder: t.TempDir(), web: port(t)}}}
	text := prometheus.Server{Self: prometheus.Labels{Name: "m", Role: prometheus.RoleMonitor}, ScrapeInterval: time.Second}.Render()
	h.write("etc/prometheus/prometheus.yml", strings.ReplaceAll(h.here(text), "127.0.0.1:9090", h.address(h.web)))
	h.write("var/lib/promwire/host", "monitor\n")
	h.write("var/lib/prometheus/lost+found/owners", "stays\n")
	h.write("bin/systemctl", systemctl)
	h.write("run", "#!/bin/bash\nexec "+filepath.Join(must(filepath.Abs(bin)), "prometheus")+" --config.file=etc/prometheus/prometheus.yml --storage.tsdb.path=var/lib/prometheus"+
		" --storage.tsdb.min-block-duration=2h --web.listen-address="+h.address(h.web)+"\n")
	replaced := strings.NewReplacer("LIBRARY="+scripts.LibraryPath, "LIBRARY="+h.at("lib.sh"), "RUN=/run/promwire", "RUN="+h.at("run.d"),
		"PROMETHEUS_PORT=9090", "PROMETHEUS_PORT="+strconv.Itoa(h.web), "STATE=/var/lib/promwire", "STATE="+h.at("var/lib/promwire"),
		"/usr/local/sbin:/usr/local/bin:", h.at("bin")+":"+must(filepath.Abs(bin))+":", "PROMETHEUS_DATA=/var/lib/prometheus", "PROMETHEUS_DATA="+h.at("var/lib/prometheus"))
	h.write("lib.sh", replaced.Replace(scripts.WithConstants(scripts.Base))+base)
	h.write("history", replaced.Replace(scripts.History))
	h.bash("chmod +x bin/systemctl run")
	h.bash("./bin/systemctl start")
	t.Cleanup(func() {
		cmd := exec.Command("./bin/systemctl", "stop")
		cmd.Dir = h.folder
		if err := cmd.Run(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func must(text string, err error) string {
	if err != nil {
		panic(err)
	}
	return text
}

// history runs the program: with an archive as its input for restore, and as its output for save.
func (h *historian) history(verb, archive string) (said string, ok bool) {
	h.Helper()
	cmd := exec.CommandContext(h.Context(), "bash", "history", verb)
	cmd.Dir = h.folder
	flags := map[string]int{"save": os.O_CREATE | os.O_WRONLY, "restore": os.O_RDONLY}
	file, err := os.OpenFile(archive, flags[verb], 0o600)
	if err != nil {
		h.Fatal(err)
	}
	defer file.Close()
	if verb == "save" {
		cmd.Stdout = file
	} else {
		cmd.Stdin = file
	}
	var b strings.Builder
	cmd.Stderr = &b
	err = cmd.Run()
	return b.String(), err == nil
}

// begins says whether all of these scrapes are still the first.
func begins(all, with []float64) bool {
	return len(all) >= len(with) && slices.Equal(all[:len(with)], with)
}

// left are the files of history's own that are still in Prometheus's folder.
func (h *historian) left() []string {
	found, err := filepath.Glob(h.at("var/lib/prometheus/.*"))
	if err != nil {
		h.Fatal(err)
	}
	return found
}

// TestHistory: a monitor that was rebuilt takes along what the former one recorded, blocks and what was in none yet; and goes on.
func TestHistory(t *testing.T) {
	t.Parallel()
	former := newHistorian(t)
	former.block()
	recorded := former.more(5)
	archive := filepath.Join(t.TempDir(), "history.tar")
	if said, ok := former.history("save", archive); !ok {
		t.Fatal(said)
	}
	if after := former.more(3); !begins(after, recorded) {
		t.Errorf("it has %v after it was saved, and had %v", after, recorded)
	}
	rebuilt := newHistorian(t)
	young := rebuilt.more(2)
	for name, text := range map[string]string{"empty": "", "cut off": cut(t, archive), "another": tarOf(t, "wal/x", "rules/x"), "a link": tarOf(t, "wal/x", "link")} {
		path := write(t, "archive", text)
		if said, ok := rebuilt.history("restore", path); ok || !strings.Contains(said, "nothing was changed") {
			t.Errorf("%s: succeeded: %v, said: %s", name, ok, said)
		}
	}
	if _, err := os.Stat(rebuilt.at("asked")); err == nil {
		t.Error("Prometheus was stopped for an archive that was refused")
	}
	if now := rebuilt.more(1); !begins(now, young) {
		t.Errorf("its own data changed from %v to %v", young, now)
	}
	if said, ok := rebuilt.history("restore", archive); !ok {
		t.Fatal(said)
	}
	if now := rebuilt.more(2); len(now) < len(recorded)+2 || !begins(now, recorded) {
		t.Errorf("the rebuilt monitor has %v, the former one had %v", now, recorded)
	}
	if old := rebuilt.times(rebuilt.web, `old[10d]`); len(old) != 2 {
		t.Errorf("of the block there is %v", old)
	}
	for _, h := range []*historian{former, rebuilt} {
		if left := h.left(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if text, err := os.ReadFile(h.at("var/lib/prometheus/lost+found/owners")); err != nil || string(text) != "stays\n" {
			t.Errorf("the owner's file: %s, %v", text, err)
		}
	}
}

// TestHistoryFails: data with which Prometheus does not start are given up, and it has its own again.
func TestHistoryFails(t *testing.T) {
	t.Parallel()
	h := newHistorian(t)
	own := h.more(3)
	archive := filepath.Join(t.TempDir(), "history.tar")
	if said, ok := h.history("save", archive); !ok {
		t.Fatal(said)
	}
	h.write("run.right", must(read(h.at("run"))))
	h.write("run", "#!/bin/bash\nif [ -e var/lib/prometheus/.former ]; then exit 1; fi\n. ./run.right\n")
	h.bash("chmod +x run")
	said, ok := h.history("restore", archive)
	if ok || !strings.Contains(said, "has its former ones again") {
		t.Errorf("succeeded: %v, said: %s", ok, said)
	}
	if now := h.more(1); !begins(now, own) {
		t.Errorf("it has %v, and had %v", now, own)
	}
	if left := h.left(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func read(path string) (string, error) {
	text, err := os.ReadFile(path)
	return string(text), err
}

// block gives Prometheus a block of two samples, a day old.
func (h *historian) block() {
	h.Helper()
	at := time.Now().Add(-24 * time.Hour).Unix()
	h.write("old.om", "old 1 "+strconv.FormatInt(at, 10)+"\nold 2 "+strconv.FormatInt(at+60, 10)+"\n# EOF\n")
	h.bash(must(filepath.Abs(bin)) + "/promtool tsdb create-blocks-from openmetrics old.om var/lib/prometheus")
}

// cut is an archive without its end.
func cut(t *testing.T, archive string) string {
	t.Helper()
	text, err := read(archive)
	if err != nil {
		t.Fatal(err)
	}
	return text[:len(text)/2]
}

// tarOf is an archive with these files; link is one that leads elsewhere.
func tarOf(t *testing.T, paths ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, path := range paths {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if filepath.Base(path) == "link" {
			err = os.Symlink("/etc/passwd", filepath.Join(folder, "wal", "link"))
		} else {
			err = os.WriteFile(path, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := run(t, "tar", "--create", "--directory", folder, ".")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
