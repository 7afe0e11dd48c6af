package setup

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"os"
	"slices"
	"time"
)

// packTime is the modification time of everything in an archive, so that equal contents make equal archives.
var packTime = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// pack writes a gzipped tar archive of the members below one folder: sorted, owned by root, all of one time.
func pack(path, top string, members map[string]member) error {
	partial := path + ".partial"
	file, err := os.Create(partial)
	if err != nil {
		return err
	}
	defer file.Close()
	zip := gzip.NewWriter(file)
	archive := tar.NewWriter(zip)
	head := &tar.Header{Typeflag: tar.TypeDir, Name: top + "/", Mode: 0o755, ModTime: packTime}
	if err := archive.WriteHeader(head); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if err := add(archive, top+"/"+name, members[name]); err != nil {
			return err
		}
	}
	for _, end := range []io.Closer{archive, zip, file} {
		if err := end.Close(); err != nil {
			return err
		}
	}
	return os.Rename(partial, path)
}

// add writes one file into an archive.
func add(archive *tar.Writer, name string, m member) error {
	file, err := os.Open(m.source)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	head := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: m.mode, Size: info.Size(), ModTime: packTime}
	if err := archive.WriteHeader(head); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

// sumFile is the SHA-256 sum of a file, hexadecimal.
func sumFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}
