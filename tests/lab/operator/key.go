package operator

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/promwire/promwire/tests/lab/folder"
)

// KeyFile is where the operator's private SSH key lies.
func KeyFile(f folder.Folder) string { return filepath.Join(dir(f), "id_ed25519") }

// Key returns the operator's SSH key, which is made when there is none: the private half in OpenSSH's format, the public
// one as a line of authorized_keys without its newline.
func Key(f folder.Folder) (private []byte, authorized string, err error) {
	private, err = once(KeyFile(f), newKey)
	if err != nil {
		return nil, "", fmt.Errorf("make the operator's SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, "", fmt.Errorf("read the operator's SSH key %s: %w", KeyFile(f), err)
	}
	return private, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}

func newKey() ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "the lab's operator")
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// once returns a file's content. The first call makes the file, readable for its owner only; whoever comes at the same
// time gets the same content, because a link to a file that exists is refused.
func once(path string, content func() ([]byte, error)) ([]byte, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, err = content(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.Write(data)
	if err := errors.Join(err, fresh.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(fresh.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}
