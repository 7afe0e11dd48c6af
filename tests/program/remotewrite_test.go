package program

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/tests/mocks"
)

// written is a fleet whose monitor writes to a receiver in this fleet's name.
func written(name string) string {
	return strings.Replace(droplets, `"monitor": {"name"`, `"monitor": {"prometheus": {"remoteWrite": [{"url": "https://store.example.net/",
		"name": "`+name+`", "basic_auth": {"username": "a", "password_file": "/etc/prometheus/secrets/pager"}}]}, "name"`, 1)
}

// Writing elsewhere concerns only the monitor. Its secrets are in one command, which nothing else shows or waits for; the command of
// Alertmanager's secrets knows nothing of them.
func TestWhatRemoteWriteTouches(t *testing.T) {
	verified := []string{"promwire-test-verification-gate", "promwire-test-verification-outside"}
	before := mocks.MustRun(t, droplets, "")
	after := func(fleet, value string) map[string]mocks.Resource {
		return mocks.RunAfter(t, fleet, mocks.After(t, before), secret(value))
	}
	first := after(written("a"), "s3cret")
	assert.ElementsMatch(t, append(verified, "monitor-converge", "+monitor-remote-write"), touched(before, first))
	before = first
	assert.ElementsMatch(t, append(verified, "monitor-converge"), touched(before, after(written("b"), "s3cret")))
	assert.Equal(t, []string{"monitor-remote-write"}, touched(before, after(written("a"), "other")))
	for name, r := range first {
		stdin := r.Inputs["stdin"]
		if name == "monitor-remote-write" {
			assert.True(t, stdin.IsSecret() || stdin.IsOutput() && stdin.OutputValue().Secret, "%s is no secret", name)
			continue
		}
		assert.NotContains(t, fmt.Sprint(r.Inputs), "s3cret", name)
	}
	script := first["monitor-converge"].Inputs["stdin"].StringValue()
	assert.NotContains(t, script, "secrets_only /etc/prometheus/secrets\n")
	without := mocks.MustRun(t, droplets, "")["monitor-converge"].Inputs["stdin"].StringValue()
	assert.Contains(t, without, "secrets_only /etc/prometheus/secrets\n")
}

// A `pulumi destroy` of a fleet with a protected host leaves the secrets, too.
func TestRemoteWriteIsProtected(t *testing.T) {
	run, kept := mocks.MustRun(t, protect(written("a"), "lon"), "", secret("s3cret")), map[string]bool{}
	needs(run, kept, "lon-protected")
	assert.True(t, kept["monitor-remote-write"], "a destroy would remove them")
}
