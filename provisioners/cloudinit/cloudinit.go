// Package cloudinit renders a new droplet's user data: only a temporary SSH host key, by which the very first connection
// recognises the machine. Any local user of a droplet can read its user data forever, so it has nothing lasting:
// bootstrap makes a host key of another type on the machine, and the temporary one is retired.
package cloudinit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha1" //nolint:gosec // what the provider's state has of user data
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// HostKey is an ECDSA P-256 key pair for sshd. ECDSA, because the lasting key is Ed25519: a client that pins the type of
// one can't be shown the other.
type HostKey struct {
	Private string // PEM, SEC 1 (RFC 5915)
	Public  string // one line as in authorized_keys, without a comment
}

// Host is one whose machines have temporary keys that are derived from the fleet's seed: the same in every run, so that nothing changes in
// an unchanged update, and another for every machine. Whoever read the key of one can't pose as the next.
type Host struct {
	Seed string // secret
	Name string
	Salt string // any text: another one each time that the host gets a machine and has none
}

// maxMachines is how many machines of a host, one replacing the other, have keys of their own.
const maxMachines = 1000

// Key is that of the nth machine, from 0.
func (h Host) Key(n int) (HostKey, error) {
	if h.Salt == "" && n == 0 { // as the first versions of promwire had it
		return temporaryHostKey(h.Seed, h.Name)
	}
	return temporaryHostKey(h.Seed, fmt.Sprintf("%s/%s/%d", h.Name, h.Salt, n))
}

// Which is the machine that was made with a user data: with this text, or with one of this SHA-1, in hex. 0 if none was, as after a version
// of promwire with another text.
func (h Host) Which(userData string) (int, error) {
	for n := range maxMachines {
		key, err := h.Key(n)
		if err != nil {
			return 0, err
		}
		text := UserData(key)
		sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
		if userData == text || userData == hex.EncodeToString(sum[:]) {
			return n, nil
		}
	}
	return 0, nil
}

// After is the key of the machine that replaces one which was made with this user data; "": there is none to replace.
func (h Host) After(userData string) (HostKey, error) {
	if userData == "" {
		return h.Key(0)
	}
	n, err := h.Which(userData)
	if err != nil {
		return HostKey{}, err
	}
	return h.Key(n + 1)
}

// Of is the key of the machine that was made with this user data.
func (h Host) Of(userData string) (HostKey, error) {
	n, err := h.Which(userData)
	if err != nil {
		return HostKey{}, err
	}
	return h.Key(n)
}

// temporaryHostKey derives a machine's key.
func temporaryHostKey(seed, host string) (HostKey, error) {
	// Of 2^256 byte strings all but 2^224 are valid P-256 scalars; the loop skips those.
	for attempt := range 8 {
		info := fmt.Sprintf("promwire temporary host key/%s/%d", host, attempt)
		scalar, err := hkdf.Key(sha256.New, []byte(seed), nil, info, 32)
		if err != nil {
			return HostKey{}, fmt.Errorf("%s: temporary host key: %w", host, err)
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err != nil {
			continue
		}
		return encode(key)
	}
	return HostKey{}, fmt.Errorf("%s: temporary host key: no valid scalar derived", host)
}

func encode(key *ecdsa.PrivateKey) (HostKey, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return HostKey{}, err
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return HostKey{}, err
	}
	return HostKey{
		Private: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})),
		Public:  strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))),
	}, nil
}

// UserData renders the cloud-config (cloud-init's module "SSH", keys ssh_keys and ssh_deletekeys).
func UserData(key HostKey) string {
	var b strings.Builder
	b.WriteString("#cloud-config\n")
	b.WriteString("# A temporary host key for the first connection; retired by promwire before anything else is set up.\n")
	b.WriteString("ssh_deletekeys: true\n")
	b.WriteString("ssh_keys:\n")
	b.WriteString("  ecdsa_private: |\n")
	for line := range strings.Lines(key.Private) {
		b.WriteString("    " + line)
	}
	b.WriteString("  ecdsa_public: " + key.Public + "\n")
	return b.String()
}
