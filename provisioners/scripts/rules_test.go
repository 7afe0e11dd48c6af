package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// TestMuted: each alert can be muted, and all others stay, to the letter. What comes before the first one, too.
func TestMuted(t *testing.T) {
	t.Parallel()
	rules := prometheus.RulesFile()
	for _, alert := range prometheus.Alerts() {
		cmd := exec.Command("bash", "-c", "set -euo pipefail\n"+WithConstants(Rules)+"muted Healed "+alert.Name+" -- cat -")
		cmd.Stdin = strings.NewReader(rules)
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		var want []string
		for paragraph := range strings.SplitSeq(strings.TrimSpace(rules), "\n\n") {
			if !strings.Contains(paragraph, "- alert: "+alert.Name+"\n") && !strings.Contains(paragraph, "- alert: Healed\n") {
				want = append(want, paragraph)
			}
		}
		if strings.TrimSpace(string(said)) != strings.Join(want, "\n\n") || !strings.Contains(want[0], "\ngroups:\n") {
			t.Errorf("without %s it is another text:\n%s", alert.Name, said)
		}
	}
}

// TestRulesOnly removes the operator's rules that are not named, and no other.
func TestRulesOnly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"own-a.yml", "own-b.yml", "promwire.yml"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := strings.ReplaceAll(WithConstants(Rules), prometheus.Rules, folder) + "remove() { rm \"$1\"; }; rules_only " + folder + "/own-b.yml"
	if said, err := exec.Command("bash", "-c", "set -euo pipefail\n"+script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	left, err := filepath.Glob(folder + "/*")
	if err != nil || !slices.Equal(left, []string{folder + "/own-b.yml", folder + "/promwire.yml"}) {
		t.Errorf("left: %q, %v", left, err)
	}
}
