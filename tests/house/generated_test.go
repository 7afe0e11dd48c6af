package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generated holds the part of a page between two lines to what the program says, or writes it with -update.
func generated(t *testing.T, page, begin, end, want string) {
	t.Helper()
	before, rest, begins := strings.Cut(text(t, page), begin)
	got, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has nothing between %q and %q", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, page), []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != want {
		t.Errorf("what %s has between %q and %q is out of date; run `go generate ./tests/house`", page, begin, end)
	}
}
