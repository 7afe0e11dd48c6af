package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// contents is an archive as OCI says it is read.
type contents struct {
	digest string // of the manifest, as the index says
	config v1.ConfigFile
	layers [][]byte // tars
}

// readArchive reads an archive, and makes sure that each blob is what its name says.
func readArchive(t *testing.T, file string) contents {
	t.Helper()
	members := map[string][]byte{}
	archive, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	for in := tar.NewReader(archive); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		members[head.Name] = text
		sum := sha256.Sum256(text)
		if want, blob := strings.CutPrefix(head.Name, "blobs/sha256/"); blob && want != "" && hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s: %s has another digest", file, head.Name)
		}
	}
	blob := func(hash v1.Hash) []byte { return members["blobs/sha256/"+hash.Hex] }
	index := decode[v1.IndexManifest](t, members["index.json"])
	manifest := decode[v1.Manifest](t, blob(index.Manifests[0].Digest))
	found := contents{digest: index.Manifests[0].Digest.String(), config: decode[v1.ConfigFile](t, blob(manifest.Config.Digest))}
	for _, layer := range manifest.Layers {
		unzipped, err := gzip.NewReader(bytes.NewReader(blob(layer.Digest)))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(unzipped)
		if err != nil {
			t.Fatal(err)
		}
		found.layers = append(found.layers, text)
	}
	return found
}

func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// checkArchive makes sure that an archive is the image of its reference.
func checkArchive(t *testing.T, image Image) {
	t.Helper()
	found := readArchive(t, image.File)
	if want := registry + "/" + image.Name + "@" + found.digest; image.Reference != want {
		t.Errorf("reference %s, want %s", image.Reference, want)
	}
	for i, layer := range found.layers {
		sum := sha256.Sum256(layer)
		if got := found.config.RootFS.DiffIDs[i].Hex; got != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: layer %d is said to be %s", image.Name, i, got)
		}
	}
}

// TestPack: equal contents are equal archives, byte by byte; others have other digests.
func TestPack(t *testing.T) {
	seen := map[string]string{}
	for _, c := range []struct{ name, text, user string }{
		{"first", "a", nobody}, {"again", "a", nobody}, {"text", "b", nobody}, {"user", "a", ""},
	} {
		file := filepath.Join(t.TempDir(), c.name+".tar")
		if err := pack(file, registry+"/x", v1.Config{User: c.user}, []tree{{"/a/b": {text: c.text}}}); err != nil {
			t.Fatal(err)
		}
		name, err := reference(file)
		if err != nil {
			t.Fatal(err)
		}
		checkArchive(t, Image{Name: "x", Reference: name, File: file})
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := seen[name]; ok != (c.name == "again") || ok && old != string(text) {
			t.Errorf("%s: seen %v, equal %v", c.name, ok, old == string(text))
		}
		seen[name] = string(text)
	}
}
