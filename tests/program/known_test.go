package program

import (
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

const gateName = "promwire-test-verification-gate"

// known are the lines of the gate that say what the monitor may have.
func known(resources map[string]mocks.Resource) string {
	script := plain(resources[gateName].Inputs["stdin"]).StringValue()
	return strings.Join(regexp.MustCompile(`(?m)^fleet_(known|leaving|remove_unknown)=.*$`).FindAllString(script, -1), "\n")
}

// past is what a run left in the state: its ledger, its gate, and what is enrolled.
func past(t *testing.T, run map[string]mocks.Resource, enrolled ...string) mocks.Past {
	t.Helper()
	p := mocks.After(t, run)
	p.Commands = map[string]resource.PropertyMap{
		"promwire:index:Verification::" + gateName: {"stdin": plain(run[gateName].Inputs["stdin"])},
	}
	for _, name := range enrolled {
		p.Commands["promwire:index:"+name+"-enrol"] = resource.PropertyMap{}
	}
	return p
}

// The gate knows the hosts of the stack, and for one update those that have just been removed from it.
func TestTheGateKnowsWhoLeaves(t *testing.T) {
	all := []string{"Target::lon", "Target::sfo", "Target::sgp"}
	first := mocks.MustRun(t, droplets, "")
	assert.Equal(t, "fleet_known='lon monitor sfo sgp'\nfleet_leaving=''\nfleet_remove_unknown=no", known(first))
	assert.Empty(t, touched(first, mocks.RunAfter(t, droplets, past(t, first, all...))))

	require.Contains(t, droplets, `{"name": "sfo", "region": "sfo3"},`)
	less := strings.Replace(droplets, `{"name": "sfo", "region": "sfo3"},`, "", 1)
	removing := mocks.RunAfter(t, less, past(t, first, all...))
	assert.Equal(t, "fleet_known='lon monitor sgp'\nfleet_leaving='sfo'\nfleet_remove_unknown=no", known(removing))
	// The gate failed, or the undo did: it still leaves.
	assert.Empty(t, touched(removing, mocks.RunAfter(t, less, past(t, removing, all...))))
	// It has left. That alone asks for no other proof, and the next one does not know it any more.
	assert.Empty(t, touched(removing, mocks.RunAfter(t, less, past(t, removing, "Target::lon", "Target::sgp"))))
	again := strings.Replace(less, `"monitor": {`, `"verification": {"again": "x"}, "monitor": {`, 1)
	after := mocks.RunAfter(t, again, past(t, removing, "Target::lon", "Target::sgp"))
	assert.Equal(t, "fleet_known='lon monitor sgp'\nfleet_leaving=''\nfleet_remove_unknown=no", known(after))
}

// A host that somebody deleted from the state by hand is still in the ledger, but the gate does not know it.
func TestTheGateKnowsNoHostThatWasDeletedByHand(t *testing.T) {
	first := mocks.MustRun(t, droplets, "")
	less := strings.Replace(droplets, `{"name": "sfo", "region": "sfo3"},`, "", 1)
	next := mocks.RunAfter(t, less, past(t, first, "Target::lon", "Target::sgp"))
	assert.Equal(t, "fleet_known='lon monitor sgp'\nfleet_leaving=''\nfleet_remove_unknown=no", known(next))
}

// Clusters are known by other names than hosts, whose names they may have.
func TestTheGateKnowsClusters(t *testing.T) {
	remove := `"verification": {"removeUnknown": true}, "monitor": {`
	first := mocks.MustRun(t, clustered(t, `"monitor": {`, remove), "")
	assert.Equal(t, "fleet_known='a.cluster b-reflect.cluster b.cluster lon monitor'\nfleet_leaving=''\nfleet_remove_unknown=yes", known(first))
	// A target becomes a cluster, and a cluster a target.
	next := mocks.RunAfter(t, clustered(t, `"name": "lon"`, `"name": "b"`, `{"name": "b", "mode"`, `{"name": "c", "mode"`),
		past(t, first, "Target::lon", "Target::a", "TunnelEnd::a-tunnel", "TunnelEnd::b-tunnel", "TunnelEnd::b-reflect-tunnel"))
	assert.Equal(t, "fleet_known='a.cluster b c-reflect.cluster c.cluster monitor'\n"+
		"fleet_leaving='a b-reflect.cluster b.cluster lon'\nfleet_remove_unknown=no", known(next))
}
