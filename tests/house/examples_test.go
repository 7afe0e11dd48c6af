package house

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/stacks/settings"
)

// example is a block of YAML in a document.
var example = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// rest is what a fleet needs in addition to what an example shows.
const rest = `
monitor: {name: monitor, region: tor1}
ssh: {from: [198.51.100.0/24]}
images:
  wireproxy: registry.example.com/wireproxy@sha256:1111111111111111111111111111111111111111111111111111111111111111
  reflect: registry.example.com/reflect@sha256:1111111111111111111111111111111111111111111111111111111111111111
`

// tryExample says what is wrong with a block of YAML: a stack file, a part of a fleet, or a Pulumi.yaml. Whole stack files
// must not even cause a warning.
func tryExample(block string) error {
	var file map[string]any
	if err := yaml.Unmarshal([]byte(block), &file); err != nil {
		return err
	}
	if _, project := file["runtime"]; project {
		return tryProject(block)
	}
	config, whole := file["config"].(map[string]any)
	fleet := map[string]any{}
	if whole {
		fleet, _ = config["promwire:fleet"].(map[string]any)
	} else {
		if err := yaml.Unmarshal([]byte(rest), &fleet); err != nil {
			return err
		}
		maps.Copy(fleet, file)
	}
	raw, err := json.Marshal(fleet)
	if err != nil {
		return err
	}
	s, err := settings.Parse(raw)
	if err == nil && whole && len(s.Warnings) > 0 {
		return fmt.Errorf("it causes warnings: %q", s.Warnings)
	}
	return err
}

// tryProject lets Pulumi itself read a project file.
func tryProject(block string) error {
	folder, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "Pulumi.yaml")
	if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
		return err
	}
	_, err = workspace.LoadProject(file)
	return err
}

// TestExamples: every example of settings is accepted by the program, and docs/settings.md shows a whole stack file.
func TestExamples(t *testing.T) {
	for _, page := range documents(t) {
		for _, block := range example.FindAllStringSubmatch(text(t, page), -1) {
			if err := tryExample(block[1]); err != nil {
				t.Errorf("%s: %v, in the example\n%s", page, err, block[1])
			}
		}
	}
	if !strings.Contains(text(t, "docs/settings.md"), "```yaml\nconfig:\n  promwire:fleet:\n") {
		t.Error("docs/settings.md shows no whole stack file")
	}
}

// TestTryExample makes sure that the check above would notice.
func TestTryExample(t *testing.T) {
	for block, valid := range map[string]bool{
		"tls: {enabled: true}":                             true,
		"tls: {enable: true}":                              false,
		"targets: [{name: a}]":                             false,
		"config: {promwire:fleet: {tls: {enabled: true}}}": false,
		"a: [": false,
		"- a":  false,
		"config: {promwire:fleet: {monitor: {name: m, region: tor1}}}":                                 false, // a warning: SSH is open to the internet
		"config: {promwire:fleet: {monitor: {name: m, region: tor1}, ssh: {from: [198.51.100.0/24]}}}": true,
		"{name: x, runtime: {name: go, options: {binary: ./x}}}":                                       true,
		"{runtime: {name: go, options: {binary: ./x}}}":                                                false,
		"{name: x, runtime: {options: {binary: ./x}}}":                                                 false,
		"{name: x, runtime: go, main: [a]}":                                                            false,
	} {
		if err := tryExample(block); (err == nil) != valid {
			t.Errorf("%s: %v", block, err)
		}
	}
}
