package machines_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/machines"
)

// TestExisting boots a machine that a fleet may find, and one behind it that has no public address.
func TestExisting(t *testing.T) {
	lab := open(t, newFolder(t))
	ssh := newClient(t)
	add := func(spec machines.ExistingSpec) machines.Machine {
		m, err := lab.AddExisting(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	bastion := add(machines.ExistingSpec{Name: "bastion", Region: "office", User: "ops", Keys: []string{ssh.authorized}})
	inner := add(machines.ExistingSpec{Name: "inner", Region: "office", User: "ops", Keys: []string{ssh.authorized}, Bastion: "bastion"})
	public := create(t, lab, "public", "lon1")
	booted(t, bastion.V4, bastion.V6, public.V4)

	// All three host keys are the machine's, so the client need accept nothing.
	var known strings.Builder
	for _, m := range []machines.Machine{bastion, inner} {
		for _, key := range m.HostKeys {
			known.WriteString(m.V4.String() + " " + key + "\n")
		}
	}
	if err := os.WriteFile(ssh.known, []byte(known.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	strict := []string{"-o", "StrictHostKeyChecking=yes"}
	for _, algorithm := range []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"} {
		out, err := ssh.ssh(t.Context(), "ops", bastion.V4, append(strict, "-o", "HostKeyAlgorithms="+algorithm), "sudo -n id -un")
		if err != nil || out != "root" {
			t.Errorf("%s: %q, %v", algorithm, out, err)
		}
	}
	if out, err := ssh.ssh(t.Context(), "root", bastion.V4, strict, "true"); err == nil {
		t.Errorf("root logs in: %s", out)
	}

	proxy := "ProxyCommand=ssh " + strings.Join(append(ssh.options(), strict...), " ") + " -W %h:%p ops@" + bastion.V4.String()
	jump := slices.Concat(strict, []string{"-o", proxy})
	eventually(t, "the inner machine through its bastion", func() bool {
		out, err := ssh.ssh(t.Context(), "ops", inner.V4, jump, "sudo -n hostname")
		return err == nil && out == "inner"
	})
	if routed(t, inner.V4) {
		t.Error("the operator has a route to the inner machine beside its bastion")
	}
	if reaches(t, lab, "public", inner.V4, 22) {
		t.Error("another machine reaches the inner machine")
	}
	if !reaches(t, lab, "inner", public.V4, 22) {
		t.Error("the inner machine does not reach others, as it would behind NAT")
	}
	if inner.V6.IsValid() {
		t.Errorf("the inner machine has the public address %s", inner.V6)
	}
	_, err := lab.AddExisting(t.Context(), machines.ExistingSpec{Name: "lost", Region: "office", User: "ops", Bastion: "nobody"})
	if err == nil || !strings.Contains(err.Error(), `lost: add existing machine: bastion "nobody" is not a machine`) {
		t.Errorf("a machine behind nobody: %v", err)
	}
}
