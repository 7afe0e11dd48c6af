// Package house checks the rules of the repository itself: who may import whom, and that every file is in good form.
package house

import (
	"io/fs"
	"os"
	"path/filepath"
)

// root is the repository, seen from this package's folder, where `go test` runs it.
const root = "../.."

// files are the paths, from the repository's root and with slashes, of all files of the project for which want is true. What git
// ignores as a whole (.lab, dist) and git's own folder don't belong to it.
func files(want func(path string, entry fs.DirEntry) bool) ([]string, error) {
	var paths []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == ".git" || path == ".lab" || path == "dist":
			return skip(entry)
		case entry.Type().IsRegular() && want(path, entry):
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// skip leaves a folder out; in a worktree .git is a file.
func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func goFile(path string, _ fs.DirEntry) bool { return filepath.Ext(path) == ".go" }

func read(path string) ([]byte, error) { return os.ReadFile(filepath.Join(root, path)) }
