package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestStamp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	if stamped(path, "a") {
		t.Error("stamped before it was built")
	}
	if err := stamp(path, "a"); err != nil {
		t.Fatal(err)
	}
	if stamped(path, "a") {
		t.Error("stamped without being there")
	}
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if !stamped(path, "a") || stamped(path, "b") {
		t.Error("the stamp is not the key's")
	}
}

// TestHashFiles makes sure that every change of the files changes their digest.
func TestHashFiles(t *testing.T) {
	hash := func(files fstest.MapFS) string {
		digest := sha256.New()
		if err := hashFiles(digest, files); err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(digest.Sum(nil))
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	first := fstest.MapFS{"a": file("1"), "b/c": file("2")}
	if hash(first) != hash(fstest.MapFS{"b/c": file("2"), "a": file("1")}) {
		t.Error("equal files, another digest")
	}
	for name, other := range map[string]fstest.MapFS{
		"contents": {"a": file("1"), "b/c": file("3")},
		"name":     {"a": file("1"), "b/d": file("2")},
		"less":     {"a": file("1")},
		"swapped":  {"a": file("2"), "b/c": file("1")},
	} {
		if hash(first) == hash(other) {
			t.Errorf("%s: the same digest", name)
		}
	}
}
