package cloudinit

import (
	"crypto/sha1" //nolint:gosec // as the provider
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"gopkg.in/yaml.v3"
)

func mustKey(t *testing.T, seed, host string) HostKey {
	t.Helper()
	key, err := Host{Seed: seed, Name: host}.Key(0)
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
	others := []HostKey{mustKey(t, "seed", "sfo"), mustKey(t, "other", "lon")}
	for _, h := range []struct {
		Host
		n int
	}{{Host{"seed", "lon", ""}, 1}, {Host{"seed", "lon", "salt"}, 0}, {Host{"seed", "lon", "salt"}, 1}, {Host{"seed", "lon", "other"}, 1}} {
		other, err := h.Key(h.n)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, other)
	}
	for i, other := range others {
		if key.Private == other.Private || key.Public == other.Public || slices.Contains(others[:i], other) {
			t.Error("two hosts, two fleets or two machines of a host share a key")
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

// TestMachinesOfAHost: each one's key is found by what the state has of its user data, and is not the next one's.
func TestMachinesOfAHost(t *testing.T) {
	const former = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB"
	for _, salt := range []string{"", "salt"} {
		h, userData := Host{Seed: "seed", Name: "lon", Salt: salt}, ""
		for n := range 4 {
			made, err := h.After(userData)
			if err != nil {
				t.Fatal(err)
			}
			if want, err := h.Key(n); err != nil || made != want {
				t.Errorf("machine %d has another key, %v", n, err)
			}
			text := UserData(made)
			sum := sha1.Sum([]byte(text)) //nolint:gosec // as the provider
			for _, userData = range []string{text, hex.EncodeToString(sum[:])} {
				if found, err := h.Of(userData); err != nil || found != made {
					t.Errorf("machine %d is not found by %q, %v", n, userData, err)
				}
			}
		}
	}
	h := Host{Seed: "seed", Name: "lon"}
	if n, err := h.Which(former); err != nil || n != 0 {
		t.Errorf("another text is that of machine %d, %v", n, err)
	}
	if key, err := h.After(former); err != nil || key == mustKey(t, "seed", "lon") {
		t.Errorf("what replaces a machine of another text has the first one's key, %v", err)
	}
}

// TestFirstVersions: droplets that are there keep the key that they were made with.
func TestFirstVersions(t *testing.T) {
	key, err := temporaryHostKey("seed", "lon")
	if err != nil || key != mustKey(t, "seed", "lon") {
		t.Error("the first machine of a host without a salt has another key")
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
