package settings

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	setKey  = "`pulumi config set --secret promwire:sshPrivateKey < ~/.ssh/id_ed25519`"
	makeKey = "`ssh-keygen -t ed25519 -N '' -f ~/.ssh/promwire`"
)

// operatorKey is the operator's key in all its forms; see Settings.
type operatorKey struct{ private, public, fingerprint string }

// sshKey checks the operator's private key and derives its other forms. No error ever quotes the key, nor what a parser says of
// it.
func sshKey(text string) (operatorKey, error) {
	text = strings.TrimSpace(text)
	signer, err := ssh.ParsePrivateKey([]byte(text))
	var encrypted *ssh.PassphraseMissingError
	switch {
	case text == "":
		return operatorKey{}, fmt.Errorf("missing: promwire logs in to the hosts with it; set it with %s", setKey)
	case errors.As(err, &encrypted):
		return operatorKey{}, fmt.Errorf("has a passphrase, and an update cannot ask for it; make a key for promwire with %s, and set it with %s", makeKey, setKey)
	case err != nil && (strings.HasPrefix(text, "ssh-") || strings.HasPrefix(text, "ecdsa-")):
		return operatorKey{}, fmt.Errorf("is a public key; set the private one, from the file without .pub, with %s", setKey)
	case err != nil:
		return operatorKey{}, fmt.Errorf("is not a private key in OpenSSH's or PEM format; set it from its file, so that no line is lost, with %s", setKey)
	}
	// Some readers of such files insist on the newline at the end, which `pulumi config set` removes.
	return operatorKey{
		private:     text + "\n",
		public:      strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))),
		fingerprint: ssh.FingerprintLegacyMD5(signer.PublicKey()),
	}, nil
}
