package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestTree: a tree is sorted, has every folder once, and says nothing of the machine it was made on.
func TestTree(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("run"), 0o600); err != nil {
		t.Fatal(err)
	}
	archive, err := tree{
		"/usr/bin/x":  {file: file, mode: 0o755},
		"/usr/bin/y":  {link: "x"},
		"/etc/passwd": {text: "root"},
		"/data":       {folder: true, owner: 65534},
	}.bytes()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for members := tar.NewReader(bytes.NewReader(archive)); ; {
		head, err := members.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || !head.ModTime.Equal(made) || head.Uname != "" {
			t.Fatalf("%+v, %v", head, err)
		}
		text, err := io.ReadAll(members)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %o %d:%d %s%s", head.Name, head.Mode, head.Uid, head.Gid, head.Linkname, text))
	}
	want := []string{
		"data/ 755 65534:65534 ", "etc/ 755 0:0 ", "etc/passwd 644 0:0 root", "usr/ 755 0:0 ", "usr/bin/ 755 0:0 ",
		"usr/bin/x 755 0:0 run", "usr/bin/y 777 0:0 x",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestKey: whatever an image has in it makes its key another.
func TestKey(t *testing.T) {
	keys := map[string]bool{}
	for _, c := range []struct {
		recipe recipe
		layers []tree
	}{
		{recipe{name: "x"}, nil},
		{recipe{name: "y"}, nil},
		{recipe{name: "x", config: v1.Config{User: nobody}}, nil},
		{recipe{name: "x"}, []tree{{"/a": {text: "1"}}}},
		{recipe{name: "x"}, []tree{{"/a": {text: "2"}}}},
		{recipe{name: "x"}, []tree{{"/a": {text: "1", mode: 0o755}}}},
		{recipe{name: "x"}, []tree{{"/a": {text: "1"}}, {}}},
	} {
		k, err := key(c.recipe, c.layers)
		if err != nil || keys[k] {
			t.Errorf("%+v: %s, %v", c, k, err)
		}
		keys[k] = true
	}
	if k, err := key(recipe{}, []tree{{"/a": {file: filepath.Join(t.TempDir(), "none")}}}); err == nil {
		t.Errorf("a file that isn't there has the key %s", k)
	}
}
