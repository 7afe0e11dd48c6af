package record

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// seedBytes is the size of a seed: 256 bits, as strong as the P-256 keys that are derived from it need.
const seedBytes = 32

// Seed is a random secret of the stack, made once and kept: its Stash ignores every later input.
func Seed(ctx *pulumi.Context, name string, parent pulumi.Resource) (pulumi.StringOutput, error) {
	fresh := make([]byte, seedBytes)
	if _, err := rand.Read(fresh); err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("%s: %w", name, err)
	}
	stash, err := pulumi.NewStash(ctx, name,
		&pulumi.StashArgs{Input: pulumi.ToSecret(pulumi.String(base64.StdEncoding.EncodeToString(fresh)))},
		pulumi.Parent(parent), pulumi.IgnoreChanges([]string{"input"}))
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("%s: %w", name, err)
	}
	return pulumi.ToSecret(stash.Output.ApplyT(func(v any) (string, error) {
		seed, ok := v.(string)
		if !ok {
			return "", fmt.Errorf("%s: the stack's state holds no text but %T", name, v)
		}
		return seed, nil
	})).(pulumi.StringOutput), nil
}
