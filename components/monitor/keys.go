package monitor

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// Keys are the WireGuard keys that hosts showed in this update. Two machines have the same one if one was cloned from the other: the second
// to be enrolled would take the first one's place. A key that went from one host to another, as when two swap machines, is no clone. The
// zero value is ready.
type Keys struct {
	mu sync.Mutex // hosts answer at the same time
	of map[string]string
}

// Add notes a host's key, as soon as it is known.
func (k *Keys) Add(host, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.of == nil {
		k.of = map[string]string{}
	}
	k.of[host] = key
}

// Clone is the error of a host whose key another one has too; nil if none has.
func (k *Keys) Clone(host string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, other := range slices.Sorted(maps.Keys(k.of)) {
		if key := k.of[host]; key != "" && other != host && k.of[other] == key {
			return fmt.Errorf("%s and %s have the same WireGuard key; if both are one machine, take one of them off the list, and if one is a copy "+
				"of the other, run `rm %s %s` on the copy, and then `pulumi up --replace` with the URN of its -bootstrap",
				host, other, wireguard.Key, path.Join(certificate.Folder, "key.pem"))
		}
	}
	return nil
}
