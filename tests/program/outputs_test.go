package program

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/mocks"
)

// shown are a stack's outputs, and how many lines Pulumi prints of them: one for a value, and one more for each that is in it. Of a
// secret it prints "[secret]".
func shown(t *testing.T, fleet string) (values map[string]any, lines int) {
	t.Helper()
	values = map[string]any{}
	var mu sync.Mutex
	_, err := mocks.RunProgram(t, func(ctx *pulumi.Context) error {
		f, err := stacks.New(ctx)
		if err != nil {
			return err
		}
		for name, output := range f.Outputs() {
			resolved := pulumi.ToOutput(output)
			ctx.Export(name, resolved.ApplyT(func(value any) any {
				mu.Lock()
				defer mu.Unlock()
				values[name] = value
				if pulumi.IsSecret(resolved) {
					value = "[secret]"
				}
				lines += count(value)
				return value
			}))
		}
		return nil
	}, fleet)
	require.NoError(t, err)
	return values, lines
}

// count is how many lines Pulumi's renderer needs for a value.
func count(value any) int {
	lines := 0
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			lines += count(v)
		}
		return lines + 2
	case []any:
		for _, v := range value {
			lines += count(v)
		}
		return lines + 2
	default:
		return strings.Count(fmt.Sprint(value), "\n") + 1
	}
}

// fleetOf is a fleet with that many targets.
func fleetOf(targets int) string {
	var all []string
	for i := range targets {
		all = append(all, fmt.Sprintf(`{"name": "t%d", "region": "lon1"}`, i))
	}
	return fmt.Sprintf(`{"monitor": {"name": "monitor", "region": "tor1"}, "targets": [%s]}`, strings.Join(all, ","))
}

func TestTheEndOfAnUpdateIsOneScreen(t *testing.T) {
	few, short := shown(t, fleetOf(3))
	many, long := shown(t, fleetOf(60))
	assert.LessOrEqual(t, short, 12)
	assert.Equal(t, short, long, "outputs grow with the fleet")
	assert.Len(t, few["targets"], 3)
	assert.Len(t, many["targets"], 60)
	assert.Len(t, many["ledger"].(map[string]any)["hosts"], 61)
	assert.Contains(t, many["summary"], "monitor monitor, targets: 60; ")
}

func TestPasswordsAndClustersAreOutputs(t *testing.T) {
	values, lines := shown(t, clustered(t, `"targets": [`,
		`"pushgateway": {"enabled": true, "jobs": ["backup"]}, "targets": [`, `"monitor": {`, `"monitor": {"prometheus": {"web": {"user": "ops"}}, `))
	assert.Contains(t, values["password"], " cat ")
	assert.Equal(t, "http://127.0.0.1:9090/user/", values["page"])
	assert.Contains(t, values["pushgateway"], "passwords")
	assert.NotEmpty(t, values["clusters"])
	assert.Contains(t, values["summary"], ", clusters: ")
	assert.LessOrEqual(t, lines, 20)
}
