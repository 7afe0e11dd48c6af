package operator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
)

// seal encrypts settings as `pulumi config set --secret` does, without a run of the CLI for each and without the value
// in an argument list.
type seal struct {
	passphrase string
	salt       string // as the stack's file holds it: encryptionsalt
	crypter    config.Crypter
}

// openSeal reads the passphrase and its salt from a file, which is made when there is none.
func openSeal(path string) (*seal, error) {
	raw, err := once(path, newSecret)
	if err != nil {
		return nil, fmt.Errorf("make Pulumi's passphrase: %w", err)
	}
	lines := strings.Fields(string(raw))
	if len(lines) != 2 {
		return nil, fmt.Errorf("read Pulumi's passphrase: %s must hold two lines, has %d", path, len(lines))
	}
	salt, err := base64.StdEncoding.DecodeString(lines[1])
	if err != nil {
		return nil, fmt.Errorf("read Pulumi's passphrase: salt in %s: %w", path, err)
	}
	s := &seal{passphrase: lines[0], crypter: config.NewSymmetricCrypterFromPassphrase(lines[0], salt)}
	// Pulumi tells a wrong passphrase by the word "pulumi", encrypted beside the salt.
	check, err := s.crypter.EncryptValue(context.Background(), "pulumi")
	if err != nil {
		return nil, err
	}
	s.salt = fmt.Sprintf("v1:%s:%s", lines[1], check)
	return s, nil
}

// newSecret makes a passphrase and a salt (8 bytes, as Pulumi's own), a line each.
func newSecret() ([]byte, error) {
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	return []byte(rand.Text() + "\n" + base64.StdEncoding.EncodeToString(salt) + "\n"), nil
}

// secret is a value as it is in a stack's file.
func (s *seal) secret(value string) (map[string]any, error) {
	text, err := s.crypter.EncryptValue(context.Background(), value)
	if err != nil {
		return nil, err
	}
	return map[string]any{"secure": text}, nil
}
