package house

import (
	"bytes"
	"go/format"
	"testing"
)

// TestFormat: every Go file is as gofmt writes it.
func TestFormat(t *testing.T) {
	paths, err := files(goFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		text, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.Source(text)
		if err != nil {
			t.Errorf("%s: %v", p, err)
		} else if !bytes.Equal(text, formatted) {
			t.Errorf("%s is not formatted; run `gofmt -w %s`", p, p)
		}
	}
}
