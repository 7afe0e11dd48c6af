package clusters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/folder"
)

// record is what the lab knows of a cluster. It is written before anything is made, and removed last, so that after a crash
// it says what may exist.
type record struct {
	Cluster
	Number int `json:"number"` // the smallest that is free, from 0: what its addresses and links are made of
}

// dir is all that the lab keeps of one cluster.
func (l *lab) dir(name string) string { return filepath.Join(l.folder, "cluster", name) }

// disk is what the cluster's node sees as /node.
func (l *lab) disk(name string) string { return filepath.Join(l.dir(name), "disk") }

func (l *lab) recordFile(name string) string { return filepath.Join(l.dir(name), "record.json") }

// records reads what is known of all clusters, sorted by name.
func (l *lab) records() ([]record, error) {
	entries, err := os.ReadDir(filepath.Join(l.folder, "cluster"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var records []record
	for _, entry := range entries {
		r, err := l.find(entry.Name())
		if errors.Is(err, fs.ErrNotExist) { // half made, or half removed
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// find reads what is known of one cluster.
func (l *lab) find(name string) (record, error) {
	var r record
	text, err := os.ReadFile(l.recordFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("the lab has no cluster %q: %w", name, fs.ErrNotExist)
	} else if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", l.recordFile(name), err)
	}
	return r, nil
}

// keep writes what is known of a cluster.
func (l *lab) keep(r record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return replace(l.recordFile(r.Name), text)
}

// replace writes a file at once or not at all.
func replace(path string, text []byte) error {
	partial := path + ".partial"
	if err := os.WriteFile(partial, text, 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// locked runs one change of the lab's clusters at a time, in all processes.
func (l *lab) locked(ctx context.Context, change func() error) error {
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return err
	}
	unlock, err := folder.Lock(ctx, l.folder)
	if err != nil {
		return err
	}
	defer unlock()
	return change()
}
