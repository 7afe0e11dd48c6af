package program

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

// touched are the resources that a second run would create, delete or update, without the inputs that a resource ignores.
func touched(before, after map[string]mocks.Resource) []string {
	var all []string
	for name, old := range before {
		new, stays := after[name]
		if !stays {
			all = append(all, "-"+name)
			continue
		}
		for _, key := range old.Ignored {
			delete(old.Inputs, resource.PropertyKey(key))
			delete(new.Inputs, resource.PropertyKey(key))
		}
		if !old.Inputs.DeepEquals(new.Inputs) {
			all = append(all, name)
		}
	}
	for name := range after {
		if _, was := before[name]; !was {
			all = append(all, "+"+name)
		}
	}
	slices.Sort(all)
	return all
}

// sshNamed replaces the name of an SSH firewall, which holds a digest of the networks that it admits.
func sshNamed(names []string) []string {
	for i, name := range names {
		names[i] = sshFirewall.ReplaceAllString(name, "SSH")
	}
	return names
}

var sshFirewall = regexp.MustCompile(`promwire-test-ssh-[0-9a-f]{8}-firewall`)

// A change touches only what it must: an operator who adds a target wants no other host to change.
func TestWhatAChangeTouches(t *testing.T) {
	verified := []string{"promwire-test-verification-gate", "promwire-test-verification-outside"}
	with := func(more ...string) []string {
		all := append(slices.Clone(verified), more...)
		slices.Sort(all)
		return all
	}
	for name, c := range map[string]struct {
		old, new string
		touched  []string
	}{
		"nothing": {`"lon1"`, `"lon1"`, nil},
		"order": {`{"name": "lon", "region": "lon1"},
		{"name": "sfo", "region": "sfo3"},`, `{"name": "sfo", "region": "sfo3"},
		{"name": "lon", "region": "lon1"},`, nil},
		"a label": {`"region": "lon1"`, `"region": "lon1", "labels": {"team": "web"}`, []string{"lon-enrol"}},
		"one more target": {`{"name": "sgp"`, `{"name": "ams", "region": "ams3"}, {"name": "sgp"`, with(
			"ledger", "promwire-test-host-key-salts", "+ams", "+ams-droplet", "+ams-bootstrap", "+ams-enrol", "+ams-converge")},
		"one target less": {`{"name": "sfo", "region": "sfo3"},`, ``, with(
			"ledger", "promwire-test-host-key-salts", "-sfo", "-sfo-droplet", "-sfo-bootstrap", "-sfo-enrol", "-sfo-converge")},
		"size":            {`"region": "lon1"`, `"region": "lon1", "size": "s-2vcpu-4gb"`, []string{"lon-droplet"}},
		"scrape interval": {`"region": "tor1"`, `"region": "tor1", "prometheus": {"scrapeInterval": "30s"}`, with("monitor-converge")},
		"proof again":     {`"monitor": {`, `"verification": {"again": "2026-11"}, "monitor": {`, verified},
		"proof always":    {`"monitor": {`, `"verification": {"always": true}, "monitor": {`, verified},
		"remove unknown":  {`"monitor": {`, `"verification": {"removeUnknown": true}, "monitor": {`, []string{"promwire-test-verification-gate"}},
		"the operator's networks": {`"monitor": {`, `"ssh": {"from": ["198.51.100.0/24"]}, "monitor": {`, with(
			"lon-converge", "monitor-converge", "sfo-converge",
			"sgp-converge", "+SSH", "+SSH-rules", "-SSH", "-SSH-rules")},
		"the exporter's mirror": {`"monitor": {`, `"releases": {"mirror": "https://mirror.example"}, "monitor": {`, with(
			"lon-converge", "monitor-converge", "sfo-converge", "sgp-converge")},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, droplets, c.old)
			before := mocks.MustRun(t, droplets, "")
			after := mocks.RunAfter(t, strings.Replace(droplets, c.old, c.new, 1), mocks.After(t, before))
			assert.ElementsMatch(t, c.touched, sshNamed(touched(before, after)))
		})
	}
}

// With verification.always, an update that changes nothing proves the fleet again, and does nothing else.
func TestProofAlways(t *testing.T) {
	always := strings.Replace(droplets, `"monitor": {`, `"verification": {"always": true}, "monitor": {`, 1)
	before := mocks.MustRun(t, always, "")
	after := mocks.RunAfter(t, always, mocks.After(t, before))
	assert.Equal(t, []string{"promwire-test-verification-gate", "promwire-test-verification-outside"}, touched(before, after))
}

// A run that failed half-way has recorded its addresses; the next one, with other settings, gives none of them to another host.
func TestAFailedRunLosesNoAddress(t *testing.T) {
	first := mocks.MustRun(t, droplets, "")
	changed := strings.Replace(droplets, `{"name": "lon"`, `{"name": "new", "region": "lon1"}, {"name": "lon"`, 1)
	second := mocks.RunAfter(t, changed, mocks.After(t, first))
	for _, host := range []string{"lon", "sfo", "sgp"} {
		old, new := first[host+"-converge"].Inputs["stdin"], second[host+"-converge"].Inputs["stdin"]
		assert.Equal(t, old, new, host)
	}
	assert.Contains(t, second["new-converge"].Inputs["stdin"].StringValue(), "10.98.0.5")
}
