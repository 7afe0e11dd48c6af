package setup

import (
	"slices"
	"testing"
)

func TestMissing(t *testing.T) {
	all := func(string) (string, bool) { return "", true }
	if absent, packages := missing(commands, all); absent != nil || packages != nil {
		t.Errorf("nothing is missing: got %q, %q", absent, packages)
	}
	some := func(name string) (string, bool) {
		return "", !slices.Contains([]string{"ssh", "ssh-keygen", "nft", "ip"}, name)
	}
	absent, packages := missing(commands, some)
	if !slices.Equal(absent, []string{"ip", "nft", "ssh", "ssh-keygen"}) {
		t.Errorf("commands: got %q", absent)
	}
	if !slices.Equal(packages, []string{"iproute2", "nftables", "openssh-client"}) {
		t.Errorf("packages, each once and sorted: got %q", packages)
	}
}

func TestFind(t *testing.T) {
	if _, ok := find("sh"); !ok {
		t.Error("sh is not found")
	}
	if path, ok := find("promwire-no-such-command"); ok {
		t.Errorf("found %s", path)
	}
	t.Setenv("PATH", "/nonexistent")
	if _, ok := find("sysctl"); !ok {
		t.Error("a command for root is not found where the system keeps them")
	}
}
