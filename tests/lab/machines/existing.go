package machines

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// AddExisting makes a machine of the kind that a fleet finds, and starts its boot.
func (l *Lab) AddExisting(ctx context.Context, spec ExistingSpec) (Machine, error) {
	m, err := l.addExisting(ctx, spec)
	if err != nil {
		return Machine{}, fmt.Errorf("%s: add existing machine: %w", spec.Name, err)
	}
	return m, nil
}

func (l *Lab) addExisting(ctx context.Context, spec ExistingSpec) (Machine, error) {
	keys, err := newHostKeys(ctx, spec.Name)
	if err != nil {
		return Machine{}, err
	}
	userData, err := existingUserData(spec, keys)
	if err != nil {
		return Machine{}, err
	}
	m := Machine{
		Name: spec.Name, Kind: Existing, Image: cmp.Or(spec.Image, Images[0]), Region: spec.Region, User: spec.User, Bastion: spec.Bastion,
		HostKeys: keys.public(),
	}
	r, err := l.add(ctx, m, addition{userData: userData, ipv6: spec.Bastion == ""})
	return r.Machine, err
}

// existingUserData has cloud-init make the user and put the host keys where they belong.
func existingUserData(spec ExistingSpec, keys hostKeys) (string, error) {
	ssh := map[string]string{}
	for _, key := range keys {
		ssh[key.kind+"_private"] = key.private
		ssh[key.kind+"_public"] = key.public
	}
	text, err := json.Marshal(map[string]any{
		"ssh_keys": ssh,
		"users": []any{map[string]any{
			"name":                spec.User,
			"shell":               "/bin/bash",
			"sudo":                "ALL=(ALL) NOPASSWD:ALL",
			"ssh_authorized_keys": spec.Keys,
		}},
	})
	return "#cloud-config\n" + string(text) + "\n", err
}

// hostKey is one SSH host key of a machine.
type hostKey struct {
	kind    string // rsa, ecdsa or ed25519
	private string // as OpenSSH keeps it
	public  string // type and key, without comment
}

type hostKeys []hostKey

// newHostKeys makes a key of each type that a Debian machine has.
func newHostKeys(ctx context.Context, name string) (hostKeys, error) {
	dir, err := os.MkdirTemp("", "promwire-keys-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	var keys hostKeys
	for _, kind := range []string{"rsa", "ecdsa", "ed25519"} {
		file := filepath.Join(dir, kind)
		if _, err := run(ctx, "", "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@"+name, "-f", file); err != nil {
			return nil, err
		}
		private, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		public, err := os.ReadFile(file + ".pub")
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(string(public))
		keys = append(keys, hostKey{kind: kind, private: string(private), public: strings.Join(fields[:2], " ")})
	}
	return keys, nil
}

// public lists the public keys.
func (keys hostKeys) public() []string {
	var list []string
	for _, key := range keys {
		list = append(list, key.public)
	}
	return list
}
