// Package cloudinit renders a new droplet's user data: only a temporary SSH host key, by which the very first connection
// recognises the machine. Any local user of a droplet can read its user data forever, so it has nothing lasting:
// bootstrap makes a host key of another type on the machine, and the temporary one is retired.
package cloudinit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
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

// TemporaryHostKey derives a host's temporary key from the fleet's seed: the same in every run, so that nothing changes in an
// unchanged update, and another for every host.
func TemporaryHostKey(seed, host string) (HostKey, error) {
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
