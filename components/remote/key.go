package remote

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"

	"golang.org/x/crypto/ssh"
)

// shortest is the same private key in the shorter one of two formats: OpenSSH's own holds an Ed25519 key's public half twice, padding and a
// comment, 400 bytes in all; PKCS #8 needs 120. The state holds it, encrypted, twice for each command. Whatever else it is stays as it is.
func shortest(key string) string {
	parsed, err := ssh.ParseRawPrivateKey([]byte(key))
	if err != nil {
		return key // which the settings have accepted; the plugin says what it can't use
	}
	if edwards, ok := parsed.(*ed25519.PrivateKey); ok {
		parsed = *edwards
	}
	der, err := x509.MarshalPKCS8PrivateKey(parsed)
	if err != nil {
		return key
	}
	if short := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); len(short) < len(key) {
		return short
	}
	return key
}
