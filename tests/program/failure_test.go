package program

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

// whole is a fleet of all that can wait for something: certificates, targets in and outside the tunnel, both kinds of clusters.
func whole(t *testing.T) string {
	return clustered(t, `"targets": [{"name": "lon", "region": "lon1"}]`,
		`"tls": {"enabled": true}, "targets": [{"name": "lon", "region": "lon1"}, {"name": "sgp", "region": "sgp1", "transport": "tls"}]`)
}

// A resource that fails under --continue-on-error has empty outputs. What the engine will skip gets an empty script, everything else
// is unchanged, and the program goes on for the other hosts.
func TestAFailedResourceStopsOnlyWhatNeedsIt(t *testing.T) {
	fleet := whole(t)
	healthy := mocks.MustRun(t, fleet, "")
	for failed, empty := range map[string][]string{
		"monitor-bootstrap": {"lon-converge", "sgp-converge"},
		"monitor-droplet":   {"lon-converge", "sgp-converge"},
		"lon-bootstrap":     {"lon-enrol"},
		"sgp-droplet":       {"sgp-converge"},
		"sgp-bootstrap":     {"sgp-enrol"},
		"lon-enrol":         {"lon-converge"},
		"sgp-enrol":         {"sgp-converge"},
		"monitor-converge":  nil,
		"a-tunnel-enrol":    nil,
	} {
		t.Run(failed, func(t *testing.T) {
			resources, err := mocks.RunFailing(t, fleet, failed)
			require.NoError(t, err)
			assert.ElementsMatch(t, names(healthy), names(resources))
			for name, r := range resources {
				if r.Type != "command:remote:Command" {
					continue
				}
				text := plain(r.Inputs["stdin"])
				assert.Equal(t, slices.Contains(empty, name), text.StringValue() == "", name)
			}
		})
	}
}
