package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// tree is what one layer holds, by path: absolute, clean, with slashes.
type tree map[string]node

// node is one thing in a tree: of file, link, and folder there is at most one; with none it is a file of the text.
type node struct {
	file   string // a file of this machine
	link   string // what a symbolic link says
	folder bool
	text   string
	mode   int64 // permissions; 0 means 0644 for files, 0755 for folders
	owner  int   // user and group
}

// made is the time of everything in an image, so that equal contents make equal digests.
var made = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// write writes the tree as a tar: sorted, with all folders above what it holds, all of one time.
func (t tree) write(w io.Writer) error {
	archive := tar.NewWriter(w)
	all := t.withFolders()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := all[name].write(archive, strings.TrimPrefix(name, "/")); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return archive.Close()
}

// withFolders adds the folders that the tree doesn't name.
func (t tree) withFolders() tree {
	all := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = node{folder: true}
			}
		}
	}
	return all
}

func (n node) write(archive *tar.Writer, name string) error {
	head := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Uid: n.owner, Gid: n.owner, ModTime: made}
	var contents io.Reader = strings.NewReader(n.text)
	switch {
	case n.folder:
		head.Typeflag, head.Name, head.Mode = tar.TypeDir, name+"/", 0o755
	case n.link != "":
		head.Typeflag, head.Linkname, head.Mode = tar.TypeSymlink, n.link, 0o777
	case n.file != "":
		file, err := os.Open(n.file)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		head.Size, contents = info.Size(), file
	default:
		head.Size = int64(len(n.text))
	}
	if n.mode != 0 {
		head.Mode = n.mode
	}
	if err := archive.WriteHeader(head); err != nil {
		return err
	}
	_, err := io.Copy(archive, contents)
	return err
}

// key is a digest of all that an image contains, and not of how it is packed.
func key(r recipe, layers []tree) (string, error) {
	digest := sha256.New()
	config, err := json.Marshal(r.config)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(digest, "%s\n%s\n", r.name, config)
	for _, layer := range layers {
		sum := sha256.New()
		if err := layer.write(sum); err != nil {
			return "", err
		}
		digest.Write(sum.Sum(nil))
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// bytes is the tree as a tar in memory.
func (t tree) bytes() ([]byte, error) {
	var archive bytes.Buffer
	err := t.write(&archive)
	return archive.Bytes(), err
}
