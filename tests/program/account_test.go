package program

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/promwire/promwire/tests/mocks"
)

// account is a cloud account with one SSH key.
func account(name, fingerprint string) mocks.Past {
	return mocks.Past{Account: resource.NewPropertyMapFromMap(map[string]any{
		"sshKeys": []any{map[string]any{"id": 1.0, "name": name, "fingerprint": fingerprint, "publicKey": "ssh-ed25519 AAAA"}},
	})}
}

// An account accepts a key only once, so one that is there under another name is used as it is, and one of this fleet's is kept. One of
// this fleet's that the state does not know, because the run that made it was killed, is taken over.
func TestTheOperatorsKey(t *testing.T) {
	signer, err := ssh.ParsePrivateKey([]byte(mocks.OperatorKey(t)))
	require.NoError(t, err)
	own := ssh.FingerprintLegacyMD5(signer.PublicKey())
	kept := account("promwire-test-operator", own)
	kept.Keys = map[string]resource.PropertyMap{"promwire-test-operator": {}}
	for name, c := range map[string]struct {
		past     mocks.Past
		made     bool
		imported string
	}{
		"not there":         {past: account("somebody's", "00:11"), made: true},
		"made by the fleet": {past: kept, made: true},
		"of a killed run":   {past: account("promwire-test-operator", own), made: true, imported: "1"},
		"there already":     {past: account("laptop", own)},
		"another fleet's":   {past: account("promwire-other-operator", own)},
	} {
		t.Run(name, func(t *testing.T) {
			resources := mocks.RunAfter(t, droplets, c.past)
			key, made := resources["promwire-test-operator"]
			assert.Equal(t, c.made, made)
			assert.Equal(t, c.imported, key.Imported)
			keys := resources["lon-droplet"].Inputs["sshKeys"].ArrayValue()
			require.Len(t, keys, 1)
			want := own
			if made {
				want = "aa:bb" // what the mock's key resource says
			}
			assert.Equal(t, want, keys[0].StringValue())
		})
	}
}

// Another region is another droplet with another history: a longer list of regions moves no member of a group.
func TestMembersOfAGroupStayWhereTheyAre(t *testing.T) {
	group := `{"monitor": {"name": "m", "region": "tor1"}, "targets": [{"name": "web", "count": 5, "regions": ["fra1", "lon1", "sfo3"]}]}`
	past := mocks.Past{Droplets: map[string]resource.PropertyMap{}}
	for name, region := range map[string]string{"m": "tor1", "web-1": "lon1", "web-2": "sfo3", "web-3": "lon1", "web-4": "sfo3"} {
		past.Droplets[name+"-droplet"] = resource.PropertyMap{"region": resource.NewProperty(region)}
	}
	resources := mocks.RunAfter(t, group, past)
	var regions []string
	for _, name := range []string{"web-1", "web-2", "web-3", "web-4", "web-5"} {
		regions = append(regions, resources[name+"-droplet"].Inputs["region"].StringValue())
	}
	assert.Equal(t, "lon1 sfo3 lon1 sfo3 fra1", strings.Join(regions, " "))
}

// TestRegions: Pulumi deletes a droplet before it makes the one that replaces it, so a region with a typo is refused before anything is done. One
// where a droplet is already may take no new ones, and is no error.
func TestRegions(t *testing.T) {
	moved := strings.NewReplacer(`"lon1"`, `"moon9"`, `"sgp1"`, `"mars1"`).Replace(droplets)
	_, err := mocks.Run(t, moved, "")
	require.ErrorContains(t, err, `lon: DigitalOcean has no region "moon9", so nothing was changed; it has ams3, fra1, lon1, `)
	require.ErrorContains(t, err, `sgp: DigitalOcean has no region "mars1"`)
	there := mocks.Past{Droplets: map[string]resource.PropertyMap{"lon-droplet": {"region": resource.NewProperty("lon1")}}}
	full := strings.NewReplacer(`"lon1"`, `"nyc1"`).Replace(droplets)
	require.ErrorContains(t, mocks.RefusedAfter(t, full, there), `lon: DigitalOcean's region "nyc1" takes no new droplets now`)
	large := strings.NewReplacer(`"region": "lon1"`, `"region": "tor1", "size": "s-8vcpu-16gb"`).Replace(droplets)
	require.ErrorContains(t, mocks.RefusedAfter(t, large, there),
		`lon: DigitalOcean's region "tor1" has no size "s-8vcpu-16gb", so nothing was changed; it has s-1vcpu-1gb, s-1vcpu-2gb`)
	for _, fleet := range []string{full, large} { // a new host: the others go on
		assert.Contains(t, mocks.MustRun(t, fleet, ""), "sgp-droplet")
	}
	past := mocks.Past{Droplets: map[string]resource.PropertyMap{
		"lon-droplet": {"region": resource.NewProperty("moon9")}, "sgp-droplet": {"region": resource.NewProperty("mars1")},
	}}
	assert.Contains(t, mocks.RunAfter(t, moved, past), "lon-droplet")
}
