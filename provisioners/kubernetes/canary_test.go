package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// busybox is a fake wget and timeout: files named after ports say which of the canary's ports answer. Its clock goes on only while
// somebody sleeps, so that no test depends on how busy the machine is.
const busybox = `#!/bin/sh
case $0 in
  */timeout) shift; exec "$@" ;;
  */wget)
    url=; for url; do :; done
    port=${url#http://10.1.2.3:}
    [ -e "$OPEN/${port%%/*}" ] || exit 1
    echo "${port%%/*}" >>"$OPEN/asked" ;;
  */date) cat "$OPEN/clock" ;;
  */sleep)
    echo $(($(cat "$OPEN/clock") + $1)) >"$OPEN/clock"
    [ ! -e "$OPEN/late" ] || mv "$OPEN/late" "$OPEN/8081" ;;
esac
`

// limit is how long the probe waits, by busybox's clock.
const limit = 3 * time.Second

// try runs the probe's script against a canary that answers at these ports, and says how many seconds it took by busybox's clock.
func try(t *testing.T, ports ...string) (said, asked, took string, ok bool) {
	t.Helper()
	bin, open := t.TempDir(), t.TempDir()
	for _, name := range []string{"wget", "timeout", "sleep", "date"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(busybox), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range append(ports, "8084") {
		if err := os.WriteFile(filepath.Join(open, port), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(open, "clock"), []byte("0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", append(append([]string{"-s", "--"}, CanaryTry(limit)...), "10.1.2.3")...)
	cmd.Stdin = strings.NewReader(CanaryScript())
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "OPEN="+open)
	out, err := cmd.CombinedOutput()
	said = string(out)
	text, _ := os.ReadFile(filepath.Join(open, "asked"))
	clock, _ := os.ReadFile(filepath.Join(open, "clock"))
	return said, string(text), strings.TrimSpace(string(clock)), err == nil
}

// TestCanaryScript: what the probe reports about network plugins.
func TestCanaryScript(t *testing.T) {
	for _, c := range []struct {
		name  string
		ports []string
		want  string
		took  string // seconds
		ok    bool
	}{
		{"one that enforces", []string{"8081"}, "The cluster's network plugin enforces NetworkPolicies.", "0", true},
		{"one that is slow", []string{"late"}, "The cluster's network plugin enforces NetworkPolicies.", "1", true},
		{"one that enforces nothing", []string{"8081", "8082", "8083"}, "does not enforce NetworkPolicies: it does not drop inbound connections", "3", false},
		{"one that does not drop inbound connections", []string{"8081", "8082"}, "it does not drop inbound connections: another pod answers at port 8082", "3", false},
		{"one that does not drop outbound connections", []string{"8081", "8083"}, "it does not drop outbound connections: another pod answers at port 8083", "3", false},
		{"one that drops all", nil, "another pod does not answer at port 8081, which the policies open", "3", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, asked, took, ok := try(t, c.ports...)
			if ok != c.ok || !strings.Contains(said, c.want) {
				t.Errorf("succeeded: %v, said: %s\nwant %v, %s", ok, said, c.ok, c.want)
			}
			if took != c.took {
				t.Errorf("it took %s s, want %s", took, c.took)
			}
			if !strings.HasSuffix(asked, "8084\n") {
				t.Errorf("the canary was not asked to end: %s", asked)
			}
		})
	}
}
