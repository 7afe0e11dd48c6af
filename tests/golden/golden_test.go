// Package golden holds what the renderers write, word for word, and proves each of it with the real tool. `make generate` writes the
// files again.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/promwire/promwire/provisioners/scripts"
)

//go:generate go test . -update

var update = flag.Bool("update", false, "write the golden files again")

func TestScripts(t *testing.T) {
	for name, f := range fleets {
		for file, text := range f.scripts(t) {
			t.Run(name+"/"+file, func(t *testing.T) { golden(t, filepath.Join(name, file), brief(t, text)) })
		}
	}
}

func TestScriptsAreAlwaysTheSame(t *testing.T) {
	for name, f := range fleets {
		first := f.scripts(t)
		for range 20 {
			if diff := cmp.Diff(first, f.scripts(t)); diff != "" {
				t.Fatalf("%s: rendered twice (-first +second):\n%s", name, diff)
			}
		}
	}
}

// brief is a script without what changes with every file of provisioners/scripts: the text that travels packed, and its version.
func brief(t *testing.T, script string) string {
	t.Helper()
	found := strings.Count(script, scripts.Lean(scripts.Use))
	script = strings.ReplaceAll(script, scripts.Lean(scripts.Use), "# (use.sh)\n")
	script = packed.ReplaceAllStringFunc(script, func(text string) string {
		found++
		return strings.Replace(text, packed.FindStringSubmatch(text)[1], "(packed)", 1)
	})
	if found == 0 {
		t.Error("the script contains no file of provisioners/scripts")
	}
	return version.ReplaceAllString(script, "${1}VERSION")
}

// version is where a script names that of a library or of the page.
var version = regexp.MustCompile(`(?m)(version |SCRIPTS=|use \S+ (?:converge|confirm|enrol) |^page )[0-9a-f]{12}`)

// golden compares a text with its file below testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-golden +rendered; write it again with -update):\n%s", path, diff)
	}
}
