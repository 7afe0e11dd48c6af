package program

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

// upBefore is what a run left: its ledger, its droplets, the hosts' bootstraps, and which of them are protected.
func upBefore(t *testing.T, run map[string]mocks.Resource) mocks.Past {
	t.Helper()
	p := mocks.After(t, run)
	p.Commands = map[string]resource.PropertyMap{}
	for name, r := range run {
		if host, is := strings.CutSuffix(name, "-bootstrap"); is {
			p.Commands[run[host].Type+"::"+name] = r.Outputs
		}
	}
	for name := range run {
		if strings.HasSuffix(name, "-protected") {
			p.Stashes = append(p.Stashes, name)
		}
	}
	if stash, is := run["protected"]; is {
		p.Protected = stash.Inputs["input"].StringValue()
	}
	return p
}

// protect adds the setting to hosts.
func protect(fleet string, hosts ...string) string {
	for _, host := range hosts {
		fleet = strings.Replace(fleet, `"name": "`+host+`"`, `"name": "`+host+`", "protect": true`, 1)
	}
	return fleet
}

// A protected host is what Pulumi itself protects, and no other; a stack without one has nothing more than before.
func TestProtectedResources(t *testing.T) {
	run := mocks.MustRun(t, protect(droplets, "monitor", "lon"), "")
	for _, name := range names(run) {
		assert.Equal(t, slices.Contains([]string{"monitor-droplet", "lon-droplet", "monitor-protected", "lon-protected"}, name), run[name].Protected, name)
	}
	// The engine deletes nothing of what a protected resource depends on: so that must be all but what only holds others together.
	kept := map[string]bool{}
	needs(run, kept, "lon-protected")
	for _, name := range names(run) {
		if strings.Contains(run[name].Type, "Command") || strings.HasPrefix(run[name].Type, "digitalocean") || run[name].Type == "pulumi:index:Stash" {
			assert.True(t, kept[name] || name == "monitor-protected", "a destroy would remove %s", name)
		}
	}
	assert.Equal(t, `["lon","monitor"]`, run["protected"].Inputs["input"].StringValue())
	machines := mocks.MustRun(t, protect(existing, "hidden"), "")
	for _, name := range names(machines) {
		assert.Equal(t, name == "hidden-bootstrap" || name == "hidden-protected", machines[name].Protected, name)
	}
	assert.NotContains(t, mocks.MustRun(t, droplets, ""), "protected")
	// Without protection a guard stays, unprotected: a protected resource could not be removed in the update that unprotects it.
	freed := mocks.RunAfter(t, droplets, upBefore(t, run))
	assert.Equal(t, `[]`, freed["protected"].Inputs["input"].StringValue())
	require.Contains(t, freed, "lon-protected")
	assert.False(t, freed["lon-protected"].Protected)
	assert.Empty(t, freed["lon-protected"].Dependencies, "the proof may fail because of the host whose protection ends")
	assert.NotContains(t, freed, "sfo-protected")
	group := `{"monitor": {"name": "m", "region": "tor1"}, "targets": [{"name": "web", "count": 2, "regions": ["lon1"], "protect": true}]}`
	assert.Equal(t, `["web-1","web-2"]`, mocks.MustRun(t, group, "")["protected"].Inputs["input"].StringValue())
}

// needs adds a resource and all that it depends on, directly or not.
func needs(run map[string]mocks.Resource, all map[string]bool, name string) {
	if all[name] {
		return
	}
	all[name] = true
	for _, other := range append([]string{run[name].Parent}, run[name].Dependencies...) {
		needs(run, all, other)
	}
}

// TestProtect: what would remove or replace a protected host is refused before anything is registered, with all such hosts at once.
func TestProtect(t *testing.T) {
	const sfo = `{"name": "sfo", "protect": true, "region": "sfo3"},`
	was := protect(droplets, "monitor", "sfo")
	require.Contains(t, was, sfo)
	for name, c := range map[string]struct {
		old, new string
		want     []string // nil: it is not refused
	}{
		"nothing":                              {"", "", nil},
		"another size":                         {`"region": "sfo3"`, `"region": "sfo3", "size": "s-2vcpu-4gb"`, nil},
		"another image":                        {`"region": "sfo3"`, `"region": "sfo3", "image": "debian-13-x64"`, nil},
		"not protected":                        {`{"name": "lon", "region": "lon1"},`, "", nil},
		"protected no longer, and there still": {`"name": "sfo", "protect": true`, `"name": "sfo"`, nil},
		"removed":                              {sfo, "", []string{"sfo: is protected, and the stack file has it no longer, so nothing was changed; to remove it, write it there again with protect: false"}},
		"another name":                         {`"name": "sfo"`, `"name": "sfo-2"`, []string{"sfo: is protected, and the stack file has it no longer"}},
		"another region": {`"region": "sfo3"`, `"region": "fra1"`,
			[]string{"sfo: is protected, and would be replaced (region sfo3 → fra1), so nothing was changed; to replace it, first change only its line protect: true to false"}},
		"another region, protected no longer": {`"protect": true, "region": "sfo3"`, `"region": "fra1"`, []string{"sfo: is protected, and would be replaced"}},
		"another region, protected only now": {`{"name": "lon", "region": "lon1"},`, `{"name": "lon", "region": "fra1", "protect": true},`,
			[]string{"lon: is protected, and would be replaced (region lon1 → fra1)"}},
		"an existing machine in its place": {`"region": "sfo3"`, `"address": "198.51.100.3", "hostKey": "` + mocks.HostKey + `"`,
			[]string{"sfo: is protected, and would be replaced (by an existing machine)"}},
		"target and monitor change places": {`"monitor": {"name": "monitor", "protect": true, "region": "tor1"}`, `"monitor": {"name": "sfo", "region": "sfo3"}`,
			[]string{"monitor: is protected, and the stack file has it no longer", "sfo: is protected, and would be replaced (target → monitor)"}},
	} {
		t.Run(name, func(t *testing.T) {
			past := upBefore(t, mocks.MustRun(t, was, ""))
			require.Contains(t, was, c.old)
			now := strings.Replace(was, c.old, c.new, 1)
			if name == "target and monitor change places" {
				now = strings.Replace(now, sfo, "", 1)
			}
			if c.want == nil {
				mocks.RunAfter(t, now, past)
				return
			}
			err := mocks.RefusedAfter(t, now, past)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestProtectOfExistingMachines(t *testing.T) {
	past := upBefore(t, mocks.MustRun(t, protect(existing, "hidden"), ""))
	mocks.RunAfter(t, protect(existing, "hidden"), past)
	gone := strings.Replace(protect(existing, "hidden"), `"name": "hidden"`, `"name": "db-2"`, 1)
	require.ErrorContains(t, mocks.RefusedAfter(t, gone, past), "hidden: is protected, and the stack file has it no longer")
}

// A list of targets that has become empty removes all of them: only if it is meant.
func TestNoTargets(t *testing.T) {
	past := upBefore(t, mocks.MustRun(t, droplets, ""))
	for _, none := range []string{`{"monitor": {"name": "monitor", "region": "tor1"}, "targets": []}`, `{"monitor": {"name": "monitor", "region": "tor1"}}`} {
		require.ErrorContains(t, mocks.RefusedAfter(t, none, past),
			"targets: the list is empty, and all 3 targets would be removed, so nothing was changed (lon, sfo, sgp); if that is meant, write noTargets: true")
		meant := strings.Replace(none, "{", `{"noTargets": true, `, 1)
		assert.NotContains(t, mocks.RunAfter(t, meant, past), "lon-droplet")
		assert.NotContains(t, mocks.MustRun(t, none, ""), "lon-droplet", "a new fleet may begin without targets")
	}
}
