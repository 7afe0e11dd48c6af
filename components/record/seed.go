package record

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// seedBytes is the size of a seed: 256 bits, as strong as the P-256 keys that are derived from it need.
const seedBytes = 32

// Seed is a random secret of the stack, base64, made once and kept.
func Seed(ctx *pulumi.Context, name string, parent pulumi.Resource) (pulumi.StringOutput, error) {
	return Keep(ctx, name, func() (string, error) {
		fresh := make([]byte, seedBytes)
		_, err := rand.Read(fresh)
		return base64.StdEncoding.EncodeToString(fresh), err
	}, parent)
}

// Salts are random texts of hosts, which are no secret. One whose machine is in the state keeps the text that it has there, or "", as a
// version without salts left it; all others get another one, so that no machine has the salt of a former one of its name. The resource is
// that of the record: machines depend on it.
func Salts(ctx *pulumi.Context, name string, state State, hosts []string, machines map[string]string, parent pulumi.Resource) (map[string]string, pulumi.Resource, error) {
	was, salts := map[string]string{}, map[string]string{}
	if text, ok := state.Of(stashType)[name]["input"].(string); ok {
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return nil, nil, fmt.Errorf("%s in the stack's state: %w", name, err)
		}
	}
	for _, host := range slices.Sorted(slices.Values(hosts)) {
		salts[host] = was[host]
		if _, there := machines[host]; !there {
			salts[host] = rand.Text()
		}
	}
	text, err := json.Marshal(salts)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	stash, err := pulumi.NewStash(ctx, name, &pulumi.StashArgs{Input: pulumi.String(text)}, pulumi.Parent(parent))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return salts, stash, nil
}
