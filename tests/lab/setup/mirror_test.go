package setup

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/folder"
)

func TestPack(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	if err := os.WriteFile(source, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	members := map[string]member{"b": {source, 0o755}, "a": {source, 0o644}}
	var sums []string
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(dir, name)
		if err := pack(path, "top-1.0", members); err != nil {
			t.Fatal(err)
		}
		sum, err := sumFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, sum)
	}
	if sums[0] != sums[1] {
		t.Error("packed twice, the archives differ")
	}
	if got := contents(t, filepath.Join(dir, "one")); !slices.Equal(got, []string{"top-1.0/ 0755", "top-1.0/a 0644", "top-1.0/b 0755"}) {
		t.Errorf("got %q", got)
	}
	absent := map[string]member{"a": {filepath.Join(dir, "absent"), 0o644}}
	if err := pack(filepath.Join(dir, "three"), "top-1.0", absent); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a member that is not there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "three")); err == nil {
		t.Error("half an archive stands where a whole one belongs")
	}
}

// contents lists an archive's members with their modes.
func contents(t *testing.T, path string) []string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for archive := tar.NewReader(zip); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %04o", head.Name, head.Mode))
	}
}

// TestMirror makes the mirror (what is there already is kept) and compares its archives with what upstream's hold.
func TestMirror(t *testing.T) {
	f := checkout(t)
	if err := Ensure(t.Context(), f, t.Output(), Mirror); err != nil {
		t.Fatal(err)
	}
	releases, err := Releases(f)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"alertmanager":      {" 0755", "LICENSE 0644", "NOTICE 0644", "alertmanager 0755", "alertmanager.yml 0644", "amtool 0755"},
		"blackbox_exporter": {" 0755", "LICENSE 0644", "NOTICE 0644", "blackbox.yml 0644", "blackbox_exporter 0755"},
		"node_exporter":     {" 0755", "LICENSE 0644", "NOTICE 0644", "node_exporter 0755"},
		"prometheus":        {" 0755", "LICENSE 0644", "NOTICE 0644", "prometheus 0755", "prometheus.yml 0644", "promtool 0755"},
		"pushgateway":       {" 0755", "LICENSE 0644", "NOTICE 0644", "pushgateway 0755"},
	}
	if len(releases) != len(want) {
		t.Errorf("got %d releases", len(releases))
	}
	for _, r := range releases {
		top := fmt.Sprintf("%s-%s.linux-%s", r.Name, r.Version, runtime.GOARCH)
		path := filepath.Join(MirrorFolder(f), "prometheus", r.Name, "releases/download/v"+r.Version, top+".tar.gz")
		if sum, err := sumFile(path); err != nil || sum != r.SHA256[runtime.GOARCH] {
			t.Errorf("%s: sum %s, %v; want %s", r.Name, sum, err, r.SHA256[runtime.GOARCH])
		}
		var names []string
		for _, name := range contents(t, path) {
			names = append(names, strings.TrimPrefix(name, top+"/"))
		}
		if !slices.Equal(names, want[r.Name]) {
			t.Errorf("%s: got %q, want %q", r.Name, names, want[r.Name])
		}
		said, err := run(t.Context(), command{args: []string{filepath.Join(f.Bin(), r.Name), "--version"}})
		if err != nil || !strings.HasPrefix(said, r.Name+", version "+r.Version+" ") {
			t.Errorf("%s %s says %q, %v", r.Name, r.Version, said, err)
		}
	}
}

func TestReleasesBeforeMirror(t *testing.T) {
	f := folder.Folder{Cache: t.TempDir()}
	if _, err := Releases(f); err == nil || !strings.Contains(err.Error(), "setup.Ensure") {
		t.Errorf("got %v", err)
	}
}

// checkout is the lab of this checkout, with a Run of the test's own.
func checkout(t *testing.T) folder.Folder {
	t.Helper()
	source, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(t.TempDir(), "run")
	return f
}
