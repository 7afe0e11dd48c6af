// Package golden holds what the renderers write, word for word, and proves each of it with the real tool. Write the files anew with
//
//	go test ./tests/golden -update
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestScripts(t *testing.T) {
	for name, f := range fleets {
		for file, text := range f.scripts(t) {
			t.Run(name+"/"+file, func(t *testing.T) { golden(t, filepath.Join(name, file), text) })
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
		t.Errorf("%s (-golden +rendered; write it anew with -update):\n%s", path, diff)
	}
}
