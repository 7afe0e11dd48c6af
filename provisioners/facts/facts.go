// Package facts reads what a host's bootstrap prints about it.
package facts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// WireGuard implementations that a host can have.
const (
	Kernel    = "kernel"    // the kernel's own
	Userspace = "userspace" // wireguard-go
	None      = "none"      // it can't be in a tunnel
)

// Facts are what the plan of a fleet needs to know of a host. None of them is secret.
type Facts struct {
	PublicKey wgtypes.Key // of the WireGuard key that was made on the host
	HostKey   string      // the host's lasting SSH key, as in known_hosts without the host: "ssh-ed25519 AAAA…"
	Arch      string      // Debian's name of the architecture: amd64 or arm64
	OS        string      // ID and VERSION_ID of os-release(5), such as "debian 12"
	WireGuard string      // Kernel, Userspace or None
	Request   string      // for a certificate of the key that was made on the host: PKCS #10 (RFC 2986), base64 of DER; "": it has none
}

// document is the line that bootstrap prints.
type document struct {
	PublicKey string `json:"publicKey"`
	HostKey   string `json:"hostKey"`
	Arch      string `json:"arch"`
	OS        string `json:"os"`
	WireGuard string `json:"wireguard"`
	Request   string `json:"request"`
}

// Parse reads the facts from a bootstrap's standard output, whose last line they are. It refuses what a working bootstrap
// never prints: unknown keys, a malformed key, an architecture without releases.
func Parse(stdout string) (Facts, error) {
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		return Facts{}, errors.New("bootstrap: it printed no facts; see what it wrote to standard error")
	}
	var d document
	decoder := json.NewDecoder(bytes.NewReader([]byte(last)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return Facts{}, fmt.Errorf("bootstrap: its last line has no facts: %w", err)
	}
	if decoder.More() {
		return Facts{}, errors.New("bootstrap: its last line has more than the facts")
	}
	return d.check()
}

func (d document) check() (Facts, error) {
	key, err := wgtypes.ParseKey(d.PublicKey)
	if err != nil {
		return Facts{}, fmt.Errorf("bootstrap: publicKey: %w", err)
	}
	if key == (wgtypes.Key{}) {
		return Facts{}, errors.New("bootstrap: publicKey: all zero, which is not a key")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(d.HostKey)); err != nil {
		return Facts{}, fmt.Errorf("bootstrap: hostKey: %w", err)
	}
	if d.Arch != "amd64" && d.Arch != "arm64" {
		return Facts{}, fmt.Errorf("bootstrap: arch: %q is neither amd64 nor arm64", d.Arch)
	}
	if d.WireGuard != Kernel && d.WireGuard != Userspace && d.WireGuard != None {
		return Facts{}, fmt.Errorf("bootstrap: wireguard: %q is not one of %s, %s and %s", d.WireGuard, Kernel, Userspace, None)
	}
	if err := checkRequest(d.Request); err != nil {
		return Facts{}, fmt.Errorf("bootstrap: request: %w", err)
	}
	if d.OS == "" {
		return Facts{}, errors.New("bootstrap: os: missing")
	}
	return Facts{PublicKey: key, HostKey: d.HostKey, Arch: d.Arch, OS: d.OS, WireGuard: d.WireGuard, Request: d.Request}, nil
}

// checkRequest refuses what the monitor would refuse: its key must be on P-256, and have signed it. A host whose bootstrap made none
// needs none until it gets a certificate.
func checkRequest(text string) error {
	if text == "" {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	if key, ok := request.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return errors.New("its key is not ECDSA on P-256")
	}
	return request.CheckSignature()
}
