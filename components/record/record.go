// Package record keeps the ledger of tunnel addresses in the stack's own state, and reads it back before anything else.
//
// A stack output would not work: outputs are written at the end of a run, so a run that fails half-way would lose the
// addresses that it gave. A Stash is written before the first host is changed, whatever happens afterwards.
package record

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// name is the Stash's name in the stack; the type is Pulumi's own.
const (
	name      = "ledger"
	stashType = "pulumi:index:Stash"
)

// readState is the engine's own function for reading another stack's resources. It answers from the last checkpoint: before
// the first registration of this run, that is what the previous run left, complete or not.
const readState = "pulumi:pulumi:readStackResourceOutputs"

type readStateArgs struct {
	StackName string `pulumi:"stackName"`
}

// State is what the last run left in the stack's state: each resource's type and outputs, by URN.
type State map[string]any

// Read returns the state of the last run, which failed or not; empty in a new stack. It answers only before the first resource is
// registered.
func Read(ctx *pulumi.Context) (State, error) {
	stack := fmt.Sprintf("%s/%s/%s", ctx.Organization(), ctx.Project(), ctx.Stack())
	state := ctx.InvokeOutput(readState, &readStateArgs{StackName: stack}, pulumi.MapOutput{}, pulumi.InvokeOutputOptions{})
	result, err := internals.UnsafeAwaitOutput(ctx.Context(), state)
	if err != nil {
		return nil, fmt.Errorf("reading stack %s from its state: %w", stack, err)
	}
	top, _ := result.Value.(map[string]any)
	resources, _ := top["outputs"].(map[string]any)
	return resources, nil
}

// Ledger is what Write recorded, as JSON; "" in a new stack.
func (s State) Ledger() (string, error) {
	outputs, ok := s.Of(stashType)[name]
	if !ok {
		return "", nil
	}
	text, ok := outputs["input"].(string)
	if !ok {
		return "", fmt.Errorf("the ledger in the stack's state is %T, not a text; restore the state from a backup (pulumi stack export/import)", outputs["input"])
	}
	return text, nil
}

// Of are the outputs of all resources of a type, such as digitalocean:index/droplet:Droplet, by the resources' names.
func (s State) Of(kind string) map[string]map[string]any {
	all := map[string]map[string]any{}
	for urn, r := range s {
		at := max(strings.LastIndex(urn, "::"), 0)
		before, name := urn[:at], strings.TrimPrefix(urn[at:], "::")
		if !strings.HasSuffix(before, "::"+kind) && !strings.HasSuffix(before, "$"+kind) { // of a component's child
			continue
		}
		fields, _ := r.(map[string]any)
		if outputs, ok := fields["outputs"].(map[string]any); ok {
			all[name] = outputs
		}
	}
	return all
}

// Write records the ledger. Every host depends on the result, so that no host has an address that is not in the ledger.
func Write(ctx *pulumi.Context, ledger any) (pulumi.Resource, error) {
	text, err := json.Marshal(ledger)
	if err != nil {
		return nil, fmt.Errorf("writing the ledger: %w", err)
	}
	stash, err := pulumi.NewStash(ctx, name, &pulumi.StashArgs{Input: pulumi.String(text)})
	if err != nil {
		return nil, fmt.Errorf("writing the ledger: %w", err)
	}
	return stash, nil
}
