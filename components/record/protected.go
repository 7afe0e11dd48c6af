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
// stack that never protected one has no such resource, and gets nil. One that protects none any more has an empty record: the engine would
// remove the former one only at the end of an update that goes well.
func Protect(ctx *pulumi.Context, state State, hosts []string) (pulumi.Resource, error) {
	if _, had := state.Of(stashType)[protected]; !had && len(hosts) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(append([]string{}, slices.Sorted(slices.Values(hosts))...))
	if err != nil {
		return nil, fmt.Errorf("writing the protected hosts: %w", err)
	}
	stash, err := pulumi.NewStash(ctx, protected, &pulumi.StashArgs{Input: pulumi.String(text)})
	if err != nil {
		return nil, fmt.Errorf("writing the protected hosts: %w", err)
	}
	return stash, nil
}

// guard ends the names of guards.
const guard = "-protected"

// Guarded says whether a host has a guard, of the last run or one before.
func (s State) Guarded(host string) bool {
	_, there := s.Of(stashType)[host+guard]
	return there
}

// Guard makes `pulumi destroy` delete nothing of what a fleet needs, even without its preview, and name the host. The engine goes on where
// something is protected, but not with what that depends on, directly or not: so a guard depends on what comes last. One that protects no
// longer stays as long as its host does: the engine would refuse to remove it with the update that takes the protection back. It waits for
// nothing: what comes last may fail because of this very host.
func Guard(ctx *pulumi.Context, host string, protect bool, last []pulumi.Resource, parent pulumi.Resource) error {
	if !protect {
		last = nil
	}
	_, err := pulumi.NewStash(ctx, host+guard, &pulumi.StashArgs{Input: pulumi.String("the host stays")},
		pulumi.Protect(protect), pulumi.DependsOn(last), pulumi.Parent(parent))
	if err != nil {
		return fmt.Errorf("%s: protecting it: %w", host, err)
	}
	return nil
}
