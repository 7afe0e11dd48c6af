package record

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// protected is the Stash's name in the stack.
const protected = "protected"

// Protected are the names of the hosts that the last run protected, whatever became of it; sorted.
func (s State) Protected() ([]string, error) {
	outputs, ok := s.Of(stashType)[protected]
	if !ok {
		return nil, nil
	}
	text, _ := outputs["input"].(string)
	var names []string
	if err := json.Unmarshal([]byte(text), &names); err != nil {
		return nil, fmt.Errorf("the protected hosts in the stack's state: %w; restore the state from a backup (pulumi stack export/import)", err)
	}
	return names, nil
}

// Protect records the protected hosts for the next run, which does not see them in the stack file any more if they are removed from it. A
// stack that protects none has no such resource.
func Protect(ctx *pulumi.Context, hosts []string) error {
	if len(hosts) == 0 {
		return nil
	}
	text, err := json.Marshal(slices.Sorted(slices.Values(hosts)))
	if err != nil {
		return fmt.Errorf("writing the protected hosts: %w", err)
	}
	if _, err := pulumi.NewStash(ctx, protected, &pulumi.StashArgs{Input: pulumi.String(text)}); err != nil {
		return fmt.Errorf("writing the protected hosts: %w", err)
	}
	return nil
}
