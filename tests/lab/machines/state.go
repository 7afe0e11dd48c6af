package machines

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/cloud"
)

// record is what the lab knows of a machine. It is written before anything is made, and removed last, so that after a crash
// it says what may exist.
type record struct {
	Machine
	Number int          `json:"number"` // the smallest that is free, names the router's end of its link
	Place  place        `json:"place"`
	Rules  *cloud.Rules `json:"rules"` // what its firewall admits, nil if there is none
}

// link is the router's end of the machine's link.
func (r record) link() string { return fmt.Sprintf("m%d", r.Number) }

// mac is the address of an emulated network card. Each is alone on its link, so it need not differ from other labs'.
func (r record) mac() string {
	return fmt.Sprintf("52:54:00:00:%02x:%02x", r.Number>>8&0xff, r.Number&0xff)
}

// networkFile holds the Network.
func (l *Lab) networkFile() string { return filepath.Join(l.folder, "network.json") }

// bootFile holds how new machines boot. Without it, they are containers.
func (l *Lab) bootFile() string { return filepath.Join(l.folder, "boot.json") }

// SetBoot says how machines boot that are made from now on, whichever process makes them. Those that there are stay as they are.
func (l *Lab) SetBoot(boot Boot) error {
	if err := writeJSON(l.bootFile(), boot); err != nil {
		return fmt.Errorf("set how machines boot: %w", err)
	}
	return nil
}

// newBoot is how a new machine boots.
func (l *Lab) newBoot() (Boot, error) {
	boot := Container
	err := readJSON(l.bootFile(), &boot)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return boot, err
}

// dir is all that the lab keeps of one machine.
func (l *Lab) dir(name string) string { return filepath.Join(l.folder, "machine", name) }

// recordFile holds the record of one machine.
func (l *Lab) recordFile(name string) string { return filepath.Join(l.dir(name), "record.json") }

// records reads what is known of all machines, sorted by name.
func (l *Lab) records() ([]record, error) {
	entries, err := os.ReadDir(filepath.Join(l.folder, "machine"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var records []record
	for _, entry := range entries {
		var r record
		err := readJSON(l.recordFile(entry.Name()), &r)
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

// find reads what is known of one machine.
func (l *Lab) find(name string) (record, error) {
	var r record
	err := readJSON(l.recordFile(name), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("the lab has no machine %q", name)
	}
	return r, err
}

// freeNumber is the smallest number that no machine has.
func freeNumber(records []record) int {
	used := map[int]bool{}
	for _, r := range records {
		used[r.Number] = true
	}
	for number := 1; ; number++ {
		if !used[number] {
			return number
		}
	}
}

// readJSON reads a value from a file.
func readJSON(path string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON writes a value to a file, at once or not at all.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	partial := path + ".partial"
	if err := os.WriteFile(partial, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
