package stacks

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/plan"
)

// TestJump has ssh itself read the option.
func TestJump(t *testing.T) {
	for address, want := range map[string]string{
		"":                    "",
		"198.51.100.7":        "proxyjump ops@[198.51.100.7]:2222",
		"bastion.example.net": "proxyjump ops@bastion.example.net:2222",
		"2001:db8::5":         "proxyjump ops@[2001:db8::5]:2222",
	} {
		var bastion *plan.SSHServer
		if address != "" {
			bastion = &plan.SSHServer{Address: address, User: "ops", Port: 2222}
		}
		words := append([]string{"-G", "-F", "none"}, strings.Fields(jump(bastion))...)
		out, err := exec.CommandContext(t.Context(), "ssh", append(words, "root@monitor")...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", address, err, out)
		}
		if !strings.Contains(string(out), want) || want == "" && strings.Contains(string(out), "proxyjump") {
			t.Errorf("ssh does not read %q as %q", jump(bastion), want)
		}
	}
}
