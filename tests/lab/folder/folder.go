// Package folder says where a lab keeps what it makes. Everything lies below one folder that git ignores: what is built
// once (Cache) is kept, what belongs to one running lab (Run) goes with `down`.
package folder

import (
	"os"
	"path/filepath"
)

// Folder is the place of one lab. Two labs with different Run folders run side by side and may share a Cache.
type Folder struct {
	Source string // the checkout of promwire that the lab runs
	Cache  string // binaries, the machines' image, release archives; shared by labs, kept by `down`
	Run    string // machines, cloud state, Pulumi's home and state, keys, logs; removed by `down`
}

// Default is the lab of a checkout: everything below .lab in it.
func Default(source string) Folder {
	return Folder{Source: source, Cache: filepath.Join(source, ".lab", "cache"), Run: filepath.Join(source, ".lab", "run")}
}

// Bin is where the tools that the lab built lie.
func (f Folder) Bin() string { return filepath.Join(f.Cache, "bin") }

// Logs is where the lab's processes write.
func (f Folder) Logs() string { return filepath.Join(f.Run, "log") }

// Make creates the folders. Run holds keys and state, so only its owner may look into it.
func (f Folder) Make() error {
	for _, dir := range []string{f.Cache, f.Bin()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{f.Run, f.Logs()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}
