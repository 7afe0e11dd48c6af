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

// Read returns what the last run recorded, as JSON; "" in a new stack.
func Read(ctx *pulumi.Context) (string, error) {
	stack := fmt.Sprintf("%s/%s/%s", ctx.Organization(), ctx.Project(), ctx.Stack())
	state := ctx.InvokeOutput(readState, &readStateArgs{StackName: stack}, pulumi.MapOutput{}, pulumi.InvokeOutputOptions{})
	result, err := internals.UnsafeAwaitOutput(ctx.Context(), state)
	if err != nil {
		return "", fmt.Errorf("reading the ledger of stack %s from its state: %w", stack, err)
	}
	return find(result.Value)
}

// find looks for the ledger among all resources of the state: URN -> {type, outputs}.
func find(state any) (string, error) {
	top, _ := state.(map[string]any)
	resources, _ := top["outputs"].(map[string]any)
	for urn, r := range resources {
		if !strings.HasSuffix(urn, "::"+stashType+"::"+name) {
			continue
		}
		fields, _ := r.(map[string]any)
		outputs, _ := fields["outputs"].(map[string]any)
		text, ok := outputs["input"].(string)
		if !ok {
			return "", fmt.Errorf("the ledger in the stack's state is %T, not a text; restore the state from a backup (pulumi stack export/import)", outputs["input"])
		}
		return text, nil
	}
	return "", nil
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
