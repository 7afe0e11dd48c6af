package machines

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/cloud"
)

// seed is what a machine finds on its disk at its first boot: what cloud-init reads, and how its link is configured.
type seed struct {
	name      string
	keys      []string // authorized_keys lines of root
	userData  string
	addresses cloud.Addresses
}

// linkLocal is the router's address on each machine's link.
var linkLocal = netip.MustParseAddr("fe80::1")

// seedFolder is where the data source NoCloud looks on a machine's disk.
const seedFolder = "var/lib/cloud/seed/nocloud/"

// noUserData is what a machine without user data gets, for cloud-init warns of an empty file.
const noUserData = "#cloud-config\n{}\n"

// seedFile is one file of a seed.
type seedFile struct {
	text string
	mode os.FileMode
}

// files are what the seed puts on the disk, by path. The metadata is YAML to cloud-init, and JSON is YAML.
func (s seed) files() (map[string]seedFile, error) {
	metadata, err := json.Marshal(map[string]any{
		"instance-id":    s.name + "-" + rand.Text(), // a machine of the same name later is another one
		"local-hostname": s.name,
		"public-keys":    s.keys,
	})
	if err != nil {
		return nil, err
	}
	return map[string]seedFile{
		seedFolder + "meta-data": {string(metadata), 0o644},
		// User data can hold keys.
		seedFolder + "user-data":              {cmp.Or(s.userData, noUserData), 0o600},
		"etc/systemd/network/10-eth0.network": {s.network(), 0o644},
	}, nil
}

// network is the machine's static configuration, see systemd.network(5). Its IPv6 address has no network, because neighbours are
// behind the router: for IPv4 the router answers in their place (proxy ARP), for IPv6 it has no such thing for a subnet.
func (s seed) network() string {
	a := s.addresses
	text := fmt.Sprintf("[Match]\nName=eth0\n\n[Network]\nDHCP=no\nIPv6AcceptRA=no\nIPv6DuplicateAddressDetection=0\n"+
		"Address=%s/%d\nGateway=%s\n", a.V4, maskBits(a.V4Netmask), a.V4Gateway)
	if a.V6.IsValid() {
		text += fmt.Sprintf("Address=%s/128\nGateway=%s\n", a.V6, linkLocal)
	}
	return text
}

// maskBits is the prefix length of a dotted netmask.
func maskBits(mask string) int {
	bits, _ := net.IPMask(net.ParseIP(mask).To4()).Size()
	return bits
}

// write puts the seed on a machine's disk before its first boot.
func (s seed) write(disk string) error {
	files, err := s.files()
	if err != nil {
		return err
	}
	for name, file := range files {
		path := filepath.Join(disk, name)
		// The folders above must look as they do in the image, for they hide what it says of them.
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
			return err
		}
	}
	return nil
}
