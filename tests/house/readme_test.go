package house

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/stacks/settings"
)

func text(t *testing.T, path string) string {
	t.Helper()
	raw, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestReadmeTests: the README's test command is the one that CI runs.
func TestReadmeTests(t *testing.T) {
	command := regexp.MustCompile(`(?m)^ *(go test -timeout .*)$`)
	readme, ci := command.FindStringSubmatch(text(t, "README.md")), command.FindStringSubmatch(text(t, ".ci/run"))
	if readme == nil || ci == nil || readme[1] != ci[1] {
		t.Errorf("README.md says %q, .ci/run says %q", readme, ci)
	}
}

// TestReadmeSettings: the README's stack file is a valid one.
func TestReadmeSettings(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(text(t, "README.md"))
	if block == nil {
		t.Fatal("README.md shows no stack file")
	}
	var stack struct{ Config map[string]any }
	if err := yaml.Unmarshal([]byte(block[1]), &stack); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(stack.Config["promwire:fleet"])
	if err != nil {
		t.Fatal(err)
	}
	if s, err := settings.Parse(raw); err != nil {
		t.Error(err)
	} else if len(s.Warnings) > 0 {
		t.Errorf("it is not exemplary: %q", s.Warnings)
	}
}

// TestDocumentsOutputs: the outputs that README.md and ARCHITECTURE.md name are there.
func TestDocumentsOutputs(t *testing.T) {
	said := text(t, "README.md") + text(t, "ARCHITECTURE.md")
	exports := text(t, "stacks/export.go")
	outputs := regexp.MustCompile("pulumi stack output ([a-z]+)").FindAllStringSubmatch(said, -1)
	if len(outputs) == 0 {
		t.Error("no output is named; this test looks for nothing")
	}
	for _, output := range outputs {
		if !strings.Contains(exports, `ctx.Export("`+output[1]+`"`) {
			t.Errorf("the output %s is named, but stacks/export.go has none of that name", output[1])
		}
	}
}
