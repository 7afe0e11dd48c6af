package settings

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// shipped are the stack files that come with the program, and what each is to show.
var shipped = map[string]struct {
	regions int // distinct ones
	targets []string
	cloud   bool
}{
	"Pulumi.lab.yaml":       {regions: 4, targets: []string{"node-1", "node-2", "node-3"}, cloud: true},
	"Pulumi.prod.yaml":      {regions: 4, targets: []string{"node-1", "node-2", "node-3"}, cloud: true},
	"Pulumi.tls.yaml":       {regions: 4, targets: []string{"node-1", "node-2", "node-3"}, cloud: true},
	"Pulumi.clusters.yaml":  {regions: 1, cloud: true},
	"Pulumi.existing.yaml":  {regions: 2, targets: []string{"web-1", "db-1", "cache-1"}},
	"Pulumi.hub.yaml":       {regions: 2, targets: []string{"web-1", "db-1"}},
	"Pulumi.exporters.yaml": {regions: 2, targets: []string{"db-1", "web-1"}},
}

// asPulumi reads a stack file as Pulumi does, and gives what a program gets of the fleet.
func asPulumi(t *testing.T, path string) []byte {
	t.Helper()
	stack, err := workspace.LoadProjectStack(nil, &workspace.Project{Name: "promwire"}, path)
	if err != nil {
		t.Fatal(err)
	}
	values, err := stack.Config.Decrypt(config.NopDecrypter)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(values[config.MustMakeKey("promwire", "fleet")])
}

func TestStackFiles(t *testing.T) {
	paths, err := filepath.Glob("../Pulumi.*.yaml")
	if err != nil || len(paths) < len(shipped) {
		t.Fatalf("%d stack files (%v), want at least %d", len(paths), err, len(shipped))
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			// A digest that only the operator knows is said here.
			s, err := Parse(bytes.ReplaceAll(asPulumi(t, path), []byte(unsaid), []byte("@sha256:"+strings.Repeat("1", 64))))
			if err != nil {
				t.Fatal(err)
			}
			want, ok := shipped[filepath.Base(path)]
			if !ok {
				return // an operator's own
			}
			regions := map[string]bool{s.Monitor.Region: true}
			var targets []string
			for _, target := range s.Targets {
				regions[target.Region] = true
				targets = append(targets, target.Name)
			}
			same(t, "the list of targets", targets, want.targets)
			if len(regions) != want.regions || s.NeedsCloud() != want.cloud {
				t.Errorf("%d regions, cloud %v; want %d, %v", len(regions), s.NeedsCloud(), want.regions, want.cloud)
			}
		})
	}
}

// TestSchemaAdmits: what the program takes, editors don't mark as wrong.
func TestSchemaAdmits(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for path := range shipped {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# yaml-language-server: $schema=settings/"+schemaFile+"\n") {
			t.Errorf("%s: the first line does not point editors at the schema", path)
		}
		validate(t, schema, path, string(text))
	}
	for _, path := range fixtures(t, "*.good.yml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, schema, path, "config:\n  promwire:fleet:\n    "+strings.ReplaceAll(string(text), "\n", "\n    "))
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, path, text string) {
	t.Helper()
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := schema.Validate(file); err != nil {
		t.Errorf("%s: the schema refuses what the program takes: %v", path, err)
	}
}

// TestSchemaRefuses: what an editor can notice, it marks.
func TestSchemaRefuses(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"unknown-keys", "kinds", "names", "groups", "endpoint-port", "nothing", "tls", "tls-names", "exporters", "probes", "scrape", "scrape-configs"} {
		raw, _ := fixture(t, "testdata/"+name+".bad.yml", "")
		file, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"config": {"promwire:fleet": ` + string(raw) + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(file) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

func TestNoSecretsShipped(t *testing.T) {
	for path := range shipped {
		stack, err := workspace.LoadProjectStack(nil, &workspace.Project{Name: "promwire"}, filepath.Join("..", path))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range stack.Config {
			if value.Secure() {
				t.Errorf("%s: %s is one operator's secret", path, key)
			}
		}
	}
}
