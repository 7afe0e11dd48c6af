package record

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Keep is a secret text of the stack, made once by fresh and kept: its Stash ignores every later input. Another name makes another text.
func Keep(ctx *pulumi.Context, name string, fresh func() (string, error), parent pulumi.Resource) (pulumi.StringOutput, error) {
	text, err := fresh()
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("%s: %w", name, err)
	}
	stash, err := pulumi.NewStash(ctx, name, &pulumi.StashArgs{Input: pulumi.ToSecret(pulumi.String(text))},
		pulumi.Parent(parent), pulumi.IgnoreChanges([]string{"input"}))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("%s: %w", name, err)
	}
	return pulumi.ToSecret(stash.Output.ApplyT(func(v any) (string, error) {
		kept, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%s: the stack's state has %T where a text is expected", name, v)
		}
		return kept, nil
	})).(pulumi.StringOutput), nil
}
