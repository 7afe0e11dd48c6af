package kubernetes

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// busybox is a fake wget and timeout: files named after ports say which of the canary's ports answer.
const busybox = `#!/bin/sh
case $0 in
  */timeout) shift; exec "$@" ;;
  */wget)
    url=; for url; do :; done
    port=${url#http://10.1.2.3:}
    [ -e "$OPEN/${port%%/*}" ] || exit 1
    echo "${port%%/*}" >>"$OPEN/asked" ;;
  */sleep) [ ! -e "$OPEN/late" ] || mv "$OPEN/late" "$OPEN/8081" ;;
esac
`

// try runs the probe's script against a canary that answers at these ports.
func try(t *testing.T, ports ...string) (said, asked string, ok bool) {
	t.Helper()
	bin, open := t.TempDir(), t.TempDir()
	for _, name := range []string{"wget", "timeout", "sleep"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(busybox), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, port := range append(ports, "8084") {
		if err := os.WriteFile(filepath.Join(open, port), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append(append([]string{"-s", "--"}, CanaryTry(time.Second)...), "10.1.2.3")...)
	cmd.Stdin = strings.NewReader(CanaryScript())
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "OPEN="+open)
	out, err := cmd.CombinedOutput()
	said = string(out)
	text, _ := os.ReadFile(filepath.Join(open, "asked"))
	return said, string(text), err == nil
}

// TestCanaryScript: what the probe reports about network plugins.
func TestCanaryScript(t *testing.T) {
	for _, c := range []struct {
		name  string
		ports []string
		want  string
		ok    bool
	}{
		{"one that enforces", []string{"8081"}, "The cluster's network plugin enforces NetworkPolicies.", true},
		{"one that is slow", []string{"late"}, "The cluster's network plugin enforces NetworkPolicies.", true},
		{"one that enforces nothing", []string{"8081", "8082", "8083"}, "does not enforce NetworkPolicies: it does not drop inbound connections", false},
		{"one that does not drop inbound connections", []string{"8081", "8082"}, "it does not drop inbound connections: another pod answers at port 8082", false},
		{"one that does not drop outbound connections", []string{"8081", "8083"}, "it does not drop outbound connections: another pod answers at port 8083", false},
		{"one that drops all", nil, "another pod does not answer at port 8081, which the policies open", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, asked, ok := try(t, c.ports...)
			if ok != c.ok || !strings.Contains(said, c.want) {
				t.Errorf("succeeded: %v, said: %s\nwant %v, %s", ok, said, c.ok, c.want)
			}
			if !strings.HasSuffix(asked, "8084\n") {
				t.Errorf("the canary was not asked to end: %s", asked)
			}
		})
	}
}
