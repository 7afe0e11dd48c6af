package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// resolved is a library in ldd's output: after an arrow, or the loader itself.
var resolved = regexp.MustCompile(`(?m)(?:=> |^\t)(/\S+) \(0x`)

// TestLibraries compares with what this machine's own loader finds for a program of its own.
func TestLibraries(t *testing.T) {
	program, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ldd", program).CombinedOutput()
	if err != nil {
		t.Fatalf("ldd %s: %v: %s", program, err, out)
	}
	var want []string
	for _, match := range resolved.FindAllStringSubmatch(string(out), -1) {
		want = append(want, filepath.Base(match[1]))
	}
	found, err := libraries("/", program)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, path := range found {
		got = append(got, filepath.Base(path))
	}
	slices.Sort(want)
	slices.Sort(got)
	got = slices.Compact(got) // the loader is there twice: as the program names it, and as a library does
	if len(got) < 2 || !slices.Equal(got, want) {
		t.Errorf("got %q, ldd says %q", got, want)
	}
}

// TestLibrariesRefuses: a program without its libraries is an error that names both.
func TestLibrariesRefuses(t *testing.T) {
	root := t.TempDir()
	program, err := exec.LookPath("bash")
	if err != nil {
		t.Fatal(err)
	}
	if err := copyFile(filepath.Join(root, "bash"), program); err != nil {
		t.Fatal(err)
	}
	if found, err := libraries(root, "/bash"); err == nil || !strings.Contains(err.Error(), "libraries of /bash: no lib") {
		t.Errorf("%q, %v", found, err)
	}
	if err := os.WriteFile(filepath.Join(root, "script"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if found, err := libraries(root, "/script"); err == nil {
		t.Errorf("a script has libraries: %q", found)
	}
}
