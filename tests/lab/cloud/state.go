package cloud

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/digitalocean/godo"
)

// state is all that an account knows. It lies on disk as JSON.
type state struct {
	LastID    int                  `json:"last_id"` // of droplets, keys and actions alike
	Droplets  map[int]*droplet     `json:"droplets"`
	Actions   map[int]*godo.Action `json:"actions"`
	Keys      map[int]*godo.Key    `json:"keys"`
	Tags      map[string]string    `json:"tags"` // lower case -> as first written
	Firewalls map[string]*firewall `json:"firewalls"`
}

// nextID numbers what is made. The first is so high that people do not mistake it for a count.
func (s *state) nextID() int {
	s.LastID = max(s.LastID, 1000) + 1
	return s.LastID
}

// droplets are the account's droplets in the order in which they were made.
func (s *state) droplets() []*droplet {
	return slices.SortedFunc(maps.Values(s.Droplets), func(a, b *droplet) int { return cmp.Compare(a.ID, b.ID) })
}

// firewalls are the account's firewalls, by name.
func (s *state) firewalls() []*firewall {
	return slices.SortedFunc(maps.Values(s.Firewalls), func(a, b *firewall) int { return cmp.Compare(a.Name, b.Name) })
}

// drop forgets a droplet, in the firewalls too.
func (s *state) drop(d *droplet) {
	delete(s.Droplets, d.ID)
	for _, f := range s.Firewalls {
		f.dropDroplet(d.ID)
	}
}

// tag makes a tag if there is none, and gives its name as it was first written: tags differ by more than case.
func (s *state) tag(name string) string {
	lower := strings.ToLower(name)
	if _, ok := s.Tags[lower]; !ok {
		s.Tags[lower] = name
	}
	return s.Tags[lower]
}

// store keeps a state in a file.
type store struct{ file string }

// open reads the state below a folder, which it makes if needed. No file is an empty account.
func open(dir string) (store, state, error) {
	s := state{
		Droplets: map[int]*droplet{}, Actions: map[int]*godo.Action{}, Keys: map[int]*godo.Key{},
		Tags: map[string]string{}, Firewalls: map[string]*firewall{},
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return store{}, s, err
	}
	file := filepath.Join(dir, "account.json")
	raw, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store{file}, s, nil
	case err != nil:
		return store{}, s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return store{}, s, fmt.Errorf("read %s: %w", file, err)
	}
	return store{file}, s, nil
}

// write replaces the file at once, so that no reader, nor an API after a crash, finds half a state.
func (st store) write(s state) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the account: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(st.file), ".account-*") // mode 0600: user data is in it
	if err != nil {
		return fmt.Errorf("write the account: %w", err)
	}
	defer os.Remove(f.Name()) // gone by the rename, unless something failed
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), st.file)
	}
	if err != nil {
		return fmt.Errorf("write the account: %w", err)
	}
	return nil
}

// newUUID is a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
