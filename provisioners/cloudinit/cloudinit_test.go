package cloudinit

import (
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"
)

func mustKey(t *testing.T, seed, host string) HostKey {
	t.Helper()
	key, err := TemporaryHostKey(seed, host)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestTemporaryHostKey: the same in every run, another for every host and seed, and a pair.
func TestTemporaryHostKey(t *testing.T) {
	key := mustKey(t, "seed", "lon")
	if key != mustKey(t, "seed", "lon") {
		t.Error("two runs make different keys")
	}
	for _, other := range []HostKey{mustKey(t, "seed", "sfo"), mustKey(t, "other", "lon")} {
		if key.Private == other.Private || key.Public == other.Public {
			t.Error("two hosts or two fleets share a key")
		}
	}
	signer, err := ssh.ParsePrivateKey([]byte(key.Private))
	if err != nil {
		t.Fatal(err)
	}
	if public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); public != key.Public {
		t.Errorf("%s is not the public half, which is %s", key.Public, public)
	}
	if signer.PublicKey().Type() != ssh.KeyAlgoECDSA256 {
		t.Errorf("type %s; it must be another than the lasting key's", signer.PublicKey().Type())
	}
}

func TestUserData(t *testing.T) {
	key := mustKey(t, "seed", "lon")
	text := UserData(key)
	if !strings.HasPrefix(text, "#cloud-config\n") {
		t.Error("cloud-init knows it by its first line")
	}
	var document struct {
		Keys struct {
			Private string `yaml:"ecdsa_private"`
			Public  string `yaml:"ecdsa_public"`
		} `yaml:"ssh_keys"`
	}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	if document.Keys.Private != key.Private || document.Keys.Public != key.Public {
		t.Error("the keys do not survive YAML")
	}
}
