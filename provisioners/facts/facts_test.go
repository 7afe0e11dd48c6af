package facts

import (
	"strings"
	"testing"
)

const (
	publicKey = "ERh214DVeTiLSfrJtLQHPllGtkrW5J/n1LD0IAQHl3c="
	hostKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL8/u+g2RBmZt8DFXIq7ak8s5KTQnUIatV20lUTnoKdG"
	good      = `{"publicKey":"` + publicKey + `","hostKey":"` + hostKey + `","arch":"arm64","os":"debian 13","wireguard":"kernel"}`
)

func TestParse(t *testing.T) {
	for _, stdout := range []string{good, good + "\n", "what apt said\n" + good + "\n\n"} {
		f, err := Parse(stdout)
		if err != nil {
			t.Fatalf("%q: %v", stdout, err)
		}
		want := Facts{PublicKey: f.PublicKey, HostKey: hostKey, Arch: "arm64", OS: "debian 13", WireGuard: Kernel}
		if f != want || f.PublicKey.String() != publicKey {
			t.Errorf("%q: %+v", stdout, f)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"nothing", good, "", "it printed no facts"},
		{"blank lines", good, "\n\n", "it printed no facts"},
		{"no JSON", good, "bash: not found", "its last line is no facts"},
		{"facts before the last line", good, good + "\nbye", "its last line is no facts"},
		{"an unknown key", `"arch"`, `"architecture"`, `unknown field "architecture"`},
		{"two documents", good, good + good, "holds more than the facts"},
		{"half a key", publicKey, publicKey[:20], "publicKey"},
		{"no key", publicKey, strings.Repeat("A", 43) + "=", "publicKey: all zero"},
		{"a malformed host key", hostKey, "ssh-ed25519 AAAA", "hostKey"},
		{"another architecture", "arm64", "riscv64", `arch: "riscv64"`},
		{"another WireGuard", "kernel", "none", `wireguard: "none"`},
		{"no system", "debian 13", "", "os: missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(strings.Replace(good, c.old, c.new, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
