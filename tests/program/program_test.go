// Package program tests the program, resource by resource, against Pulumi's mocks.
package program

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

const droplets = `{
	"monitor": {"name": "monitor", "region": "tor1"},
	"targets": [
		{"name": "lon", "region": "lon1"},
		{"name": "sfo", "region": "sfo3"},
		{"name": "sgp", "region": "sgp1"}
	]
}`

func names(resources map[string]mocks.Resource) []string { return slices.Sorted(maps.Keys(resources)) }

func TestEveryResourceHasAParentAndAClearName(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	roots := []string{"ledger", "promwire-test"}
	for name, r := range resources {
		if slices.Contains(roots, name) {
			continue
		}
		assert.NotEmpty(t, r.Parent, "%s has no parent", name)
		if parent, ours := resources[r.Parent]; ours && strings.HasPrefix(parent.Type, "promwire:") {
			assert.True(t, strings.HasPrefix(name, r.Parent) || strings.HasPrefix(parent.Type, "promwire:index:Fleet"),
				"%s is not named after its parent %s", name, r.Parent)
		}
	}
}

// A host's own MTU is of its end of the tunnel only.
func TestAHostsOwnMTU(t *testing.T) {
	resources := mocks.MustRun(t, strings.Replace(droplets, `"region": "sfo3"`, `"region": "sfo3", "mtu": 1240`, 1), "")
	for host, mtu := range map[string]string{"monitor": "1420", "lon": "1420", "sfo": "1240", "sgp": "1420"} {
		script := plain(resources[host+"-converge"].Inputs["stdin"]).StringValue()
		assert.Contains(t, script, "\nMTU = "+mtu+"\n", host)
		assert.Contains(t, script, "\ntunnel "+mtu+" ", host)
	}
}

// A hub's MTU is that of the whole fleet, because a hub does not tell the ends what it takes. That of another host is still its own.
func TestAHubsMTU(t *testing.T) {
	smaller := strings.NewReplacer(`"endpoint": "hub`, `"mtu": 1340, "endpoint": "hub`, `"region": "sfo3"`, `"region": "sfo3", "mtu": 1240`)
	resources := mocks.MustRun(t, smaller.Replace(withHub), "")
	for host, mtu := range map[string]string{"monitor": "1340", "hub": "1340", "sfo": "1240", "mine": "1340"} {
		assert.Contains(t, resources[host+"-converge"].Inputs["stdin"].StringValue(), "\nMTU = "+mtu+"\n", host)
	}
}

func TestAHostHasAtMostSixResources(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	for _, host := range []string{"monitor", "lon", "sfo", "sgp"} {
		var own []string
		for name, r := range resources {
			if name == host || r.Parent == host {
				own = append(own, name)
			}
		}
		assert.LessOrEqual(t, len(own), 6, "%s has %v", host, own)
	}
}

// No resource of the monitor may depend on a target, and none of a target on another target: a bad host must not affect others.
func TestABadHostDoesNotAffectOthers(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	hosts := []string{"monitor", "lon", "sfo", "sgp"}
	owner := func(name string) string {
		for _, host := range hosts {
			if name == host || resources[name].Parent == host {
				return host
			}
		}
		return ""
	}
	for name, r := range resources {
		for _, dependency := range r.Dependencies {
			from, to := owner(name), owner(dependency)
			if from == "" || to == "" || from == to {
				continue
			}
			assert.Equal(t, "monitor", to, "%s depends on %s", name, dependency)
			assert.NotEqual(t, "monitor", from, "%s depends on %s", name, dependency)
		}
	}
}

// The phases of a host come one after the other, and the proof comes last.
func TestPhasesWaitForEachOther(t *testing.T) {
	for name, fleet := range map[string]string{"droplets": droplets, "existing": existing} {
		t.Run(name, func(t *testing.T) {
			resources := mocks.MustRun(t, fleet, "")
			for name, r := range resources {
				host, phase, _ := strings.Cut(name, "-")
				switch phase {
				case "converge":
					assert.Contains(t, r.Dependencies, host+"-bootstrap", name)
				case "enrol":
					assert.Contains(t, r.Dependencies, "monitor-converge", name)
					assert.Contains(t, resources["promwire-test-verification-gate"].Dependencies, name)
					assert.Contains(t, resources["promwire-test-verification-gate"].Dependencies, host+"-converge")
				}
			}
			assert.Contains(t, resources["promwire-test-verification-outside"].Dependencies, "promwire-test-verification-gate")
		})
	}
}

func TestNoHostIsTouchedBeforeTheLedgerIsWrittenAndTheFirewallsAreUp(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	for _, host := range []string{"monitor", "lon", "sfo", "sgp"} {
		for _, first := range []string{host + "-droplet", host + "-bootstrap"} {
			assert.Contains(t, resources[first].Dependencies, "ledger")
			assert.Contains(t, resources[first].Dependencies, "promwire-test-target-firewall-rules")
			assert.Contains(t, resources[first].Dependencies, "promwire-test-monitor-firewall-rules")
			assert.True(t, slices.ContainsFunc(resources[first].Dependencies, sshFirewall.MatchString), first)
		}
	}
}

func TestDroplets(t *testing.T) {
	r := mocks.MustRun(t, droplets, "")["lon-droplet"]
	assert.Equal(t, "lon1", r.Inputs["region"].StringValue())
	assert.Equal(t, "debian-12-x64", r.Inputs["image"].StringValue())
	assert.Equal(t, "promwire-test-lon", r.Inputs["name"].StringValue())
	assert.True(t, r.Inputs["ipv6"].BoolValue())
	assert.False(t, r.Inputs["monitoring"].BoolValue())
	assert.ElementsMatch(t, []string{"userData", "sshKeys", "image"}, r.Ignored)
	assert.True(t, r.Inputs["userData"].IsSecret(), "user data has the temporary host key")
}

// Every SSH connection of the program, bastions included, pins a host key and keeps the operator's key secret.
func TestEveryConnectionIsPinnedAndSecret(t *testing.T) {
	for name, fleet := range map[string]string{"droplets": droplets, "existing": existing} {
		t.Run(name, func(t *testing.T) {
			seen := 0
			for name, r := range mocks.MustRun(t, fleet, "") {
				if r.Type != "command:remote:Command" {
					continue
				}
				seen++
				connection := r.Inputs["connection"]
				assert.True(t, connection.ContainsSecrets(), name)
				fields := plain(connection).ObjectValue()
				assert.NotEmpty(t, plain(fields["hostKey"]).StringValue(), name)
				if proxy, ok := fields["proxy"]; ok && !proxy.IsNull() {
					assert.NotEmpty(t, plain(plain(proxy).ObjectValue()["hostKey"]).StringValue(), name)
				}
				assert.Equal(t, "none", r.Inputs["logging"].StringValue(), name)
				assert.False(t, r.Inputs["addPreviousOutputInEnv"].BoolValue(), name)
			}
			assert.Positive(t, seen)
		})
	}
}

func plain(v resource.PropertyValue) resource.PropertyValue {
	if v.IsSecret() {
		return v.SecretValue().Element
	}
	return v
}

// The first connection to a droplet pins the temporary key, all others the host's own key.
func TestTheTemporaryHostKeyIsForBootstrapAlone(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	for name, r := range resources {
		if r.Type != "command:remote:Command" {
			continue
		}
		key := plain(plain(r.Inputs["connection"]).ObjectValue()["hostKey"]).StringValue()
		if strings.HasSuffix(name, "-bootstrap") {
			assert.True(t, strings.HasPrefix(key, "ecdsa-sha2-nistp256 "), name)
			assert.Contains(t, plain(resources[r.Parent+"-droplet"].Inputs["userData"]).StringValue(), key)
			assert.Contains(t, r.Ignored, "connection", "%s would pin a retired key", name)
		} else {
			assert.Equal(t, mocks.HostKey, key, name)
		}
	}
}

// Each droplet in a host's life has a temporary key of its own: local users of a former one could read its key. Bootstrap pins the one that
// its droplet was made with.
func TestEachDropletHasItsOwnTemporaryHostKey(t *testing.T) {
	pins := func(run map[string]mocks.Resource) string {
		return plain(plain(run["lon-bootstrap"].Inputs["connection"]).ObjectValue()["hostKey"]).StringValue()
	}
	next := func(run map[string]mocks.Resource) string { // of a droplet that this run makes
		_, key, _ := strings.Cut(plain(run["lon-droplet"].Inputs["userData"]).StringValue(), "ecdsa_public: ")
		return strings.TrimSpace(key)
	}
	first := mocks.MustRun(t, droplets, "")
	assert.Contains(t, first["lon-droplet"].Dependencies, "promwire-test-host-key-salts", "a killed run would forget the salt")
	state, keys := mocks.After(t, first), []string{pins(first)}
	makes := func(what, fleet string) {
		run := mocks.RunAfter(t, fleet, state)
		assert.Equal(t, next(run), pins(run), what)
		assert.NotContains(t, keys, pins(run), "%s: it has the key of a former one", what)
		state = mocks.After(t, run)
		keys = append(keys, pins(run))
		run = mocks.RunAfter(t, fleet, state)
		assert.Equal(t, pins(run), keys[len(keys)-1], "%s: the droplet stays, and its bootstrap pins another key", what)
		assert.Equal(t, state.Salts, mocks.After(t, run).Salts, "%s: the droplet stays, and the record changes", what)
	}
	moved := strings.Replace(droplets, `"lon1"`, `"ams3"`, 1)
	makes("moved", moved)
	state.Replace = []string{"lon-droplet"}
	makes("replaced by hand", moved)
	delete(state.Droplets, "lon-droplet")
	makes("deleted in the cloud", moved)
	makes("moved back", droplets)
	state.Salts = "" // as a version without them leaves it
	run := mocks.RunAfter(t, droplets, state)
	assert.JSONEq(t, `{"lon": "", "monitor": "", "sfo": "", "sgp": ""}`, mocks.After(t, run).Salts)
}

// No input of any resource, except connections and user data, may have a secret in clear text.
func TestNoSecretsInClearText(t *testing.T) {
	resources := mocks.MustRun(t, droplets, "")
	key := strings.TrimSpace(mocks.OperatorKey(t))
	middle := strings.Split(key, "\n")[2]
	for name, r := range resources {
		text := clearText(resource.NewProperty(r.Inputs))
		assert.NotContains(t, text, middle, "%s has the operator's private key in clear text", name)
		assert.NotContains(t, text, "dop_v1_planted", name)
		assert.NotContains(t, text, "EC PRIVATE KEY", "%s has a temporary host key in clear text", name)
	}
}

// clearText is all text of a value that is not secret.
func clearText(v resource.PropertyValue) string {
	switch {
	case v.IsSecret():
		return ""
	case v.IsString():
		return v.StringValue()
	case v.IsArray():
		var b strings.Builder
		for _, element := range v.ArrayValue() {
			b.WriteString(clearText(element))
		}
		return b.String()
	case v.IsObject():
		var b strings.Builder
		for _, element := range v.ObjectValue() {
			b.WriteString(clearText(element))
		}
		return b.String()
	}
	return ""
}

const existing = `{
	"monitor": {"name": "monitor", "address": "198.51.100.10", "hostKey": "` + mocks.HostKey + `"},
	"targets": [
		{"name": "direct", "address": "198.51.100.11", "user": "admin", "port": 2222, "open": ["443/tcp"], "hostKey": "` + mocks.HostKey + `"},
		{"name": "hidden", "address": "172.20.0.5", "hostKey": "` + mocks.HostKey + `",
		 "bastion": {"address": "198.51.100.11", "user": "admin", "port": 2222, "hostKey": "` + mocks.HostKey + `"}}
	]
}`

// What promwire made on an existing machine is removed with it from the fleet; a droplet is just deleted.
func TestOnlyWhatOutlivesTheFleetIsUndone(t *testing.T) {
	for name, r := range mocks.MustRun(t, existing, "") {
		_, undone := r.Inputs["delete"]
		expected := strings.HasSuffix(name, "-bootstrap") || strings.HasSuffix(name, "-enrol")
		assert.Equal(t, expected, undone, name)
		assert.Empty(t, r.DeletedWith, name)
	}
	for name, r := range mocks.MustRun(t, droplets, "") {
		_, undone := r.Inputs["delete"]
		assert.Equal(t, strings.HasSuffix(name, "-enrol"), undone, name)
		if r.Type == "command:remote:Command" {
			assert.True(t, strings.HasSuffix(r.DeletedWith, "-droplet"), name)
		}
	}
}

func TestAnExistingFleetNeedsNoCloud(t *testing.T) {
	resources := mocks.MustRun(t, existing, "", func(config map[string]string) { delete(config, "digitalocean:token") })
	for name, r := range resources {
		assert.False(t, strings.HasPrefix(r.Type, "digitalocean:"), name)
	}
	assert.Contains(t, plain(resources["direct-converge"].Inputs["create"]).StringValue(), "sudo -n ")
	assert.NotContains(t, plain(resources["monitor-converge"].Inputs["create"]).StringValue(), "sudo")
	const rule = `iifname != "promwire0" tcp dport 443 accept`
	assert.Contains(t, resources["direct-converge"].Inputs["stdin"].StringValue(), rule, "what the machine serves stays open")
	assert.NotContains(t, resources["monitor-converge"].Inputs["stdin"].StringValue(), rule)
	outside := resources["promwire-test-verification-outside"].Inputs["stdin"].StringValue()
	assert.Contains(t, outside, "direct 198.51.100.11 2222 open")
	assert.NotContains(t, outside, "172.20.0.5", "an address behind a bastion can't be probed from outside")
}

func TestBadSettingsTouchNothing(t *testing.T) {
	for name, c := range map[string]struct{ fleet, says string }{
		"unknown key": {`{"monitr": {}}`, "monitor"},
		"no region":   {`{"monitor": {"name": "monitor", "region": "tor1"}, "targets": [{"name": "a", "regions": [], "count": 2}]}`, "targets[0]"},
		"name twice":  {`{"monitor": {"name": "a", "region": "tor1"}, "targets": [{"name": "a", "region": "lon1"}]}`, "targets[0].name"},
		"too small":   {`{"network": {"cidr": "10.98.0.0/30"}, "monitor": {"name": "m", "region": "tor1"}, "targets": [{"name": "a", "regions": ["lon1"], "count": 9}]}`, "10.98.0.0/30"},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := mocks.Run(t, c.fleet, "")
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.says)
			assert.Empty(t, names(resources))
		})
	}
}

func TestAMissingTokenOrKeySaysWhichCommandSetsIt(t *testing.T) {
	for key, command := range map[string]string{
		"digitalocean:token":     "pulumi config set --secret digitalocean:token",
		"promwire:sshPrivateKey": "pulumi config set --secret promwire:sshPrivateKey",
	} {
		t.Setenv("DIGITALOCEAN_TOKEN", "")
		t.Setenv("DIGITALOCEAN_ACCESS_TOKEN", "")
		resources, err := mocks.Run(t, droplets, "", func(config map[string]string) { delete(config, key) })
		require.Error(t, err)
		assert.Contains(t, err.Error(), command)
		assert.Empty(t, names(resources))
	}
}

const withHub = `{
	"monitor": {"name": "monitor", "address": "10.0.0.5", "hostKey": "` + mocks.HostKey + `",
		"bastion": {"address": "198.51.100.11", "hostKey": "` + mocks.HostKey + `"}},
	"hub": {"name": "hub", "region": "lon1", "endpoint": "hub.example.net"},
	"targets": [{"name": "sfo", "region": "sfo3"}, {"name": "mine", "address": "198.51.100.12", "hostKey": "` + mocks.HostKey + `"}]
}`

// All are peers of the hub before they dial it, the monitor too. The monitor dials the hub, and admits nobody.
func TestHub(t *testing.T) {
	resources := mocks.MustRun(t, withHub, "")
	for _, host := range []string{"monitor", "sfo", "mine"} {
		peer := resources[host+"-peer"]
		assert.Contains(t, peer.Dependencies, "hub-converge", host)
		assert.Contains(t, peer.Dependencies, "hub-enrol", host)
		assert.Equal(t, "hub-droplet", peer.DeletedWith, host)
		if host != "monitor" {
			assert.Contains(t, resources[host+"-converge"].Dependencies, host+"-peer")
			assert.Contains(t, resources[host+"-enrol"].Dependencies, host+"-peer")
			assert.Contains(t, resources[host+"-converge"].Inputs["stdin"].StringValue(), "Endpoint = hub.example.net:51820")
		}
	}
	assert.NotContains(t, names(resources), "hub-peer")
	for _, name := range []string{"monitor-peer", "sfo-converge", "mine-converge"} {
		assert.Contains(t, resources["promwire-test-verification-hub"].Dependencies, name)
	}
	assert.Contains(t, resources["promwire-test-verification-gate"].Dependencies, "promwire-test-verification-hub")
	assert.Contains(t, resources["hub-enrol"].Inputs["stdin"].StringValue(), "Endpoint = hub.example.net:51820\nAllowedIPs = 10.98.0.0/24\n")
	assert.NotContains(t, resources["monitor-converge"].Inputs["stdin"].StringValue(), "udp dport 51820")
	assert.Contains(t, resources["hub-converge"].Inputs["stdin"].StringValue(), "udp dport 51820 accept")
	assert.Contains(t, resources["hub-droplet"].Inputs["tags"].String(), "promwire-test-monitor", "the cloud's firewall lets the others dial")
	assert.Contains(t, resources["sfo-droplet"].Inputs["tags"].String(), "promwire-test-target")
}
