package remote

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// A before is what the program itself does before the plugin creates or updates a command. It is a hook of the resource: it never runs in a
// preview, and its failure is the resource's. The CLI must be 3.182 or later; an older one says so.
type before = pulumi.ResourceHookFunction

// ahead runs a command's script, before the plugin does: library and script together are the standard input of line.
func ahead(ctx context.Context, line, library string) before {
	return func(args *pulumi.ResourceHookArgs) error {
		to, script, err := read(args.NewInputs)
		if err != nil {
			return err
		}
		return to.run(ctx, line, library+script)
	}
}

// answers only asks whether a machine's bash answers: the plugin would wait for ever.
func answers(ctx context.Context, line string) before {
	return func(args *pulumi.ResourceHookArgs) error {
		to, _, err := read(args.NewInputs)
		if err != nil {
			return err
		}
		return to.ask(ctx, line)
	}
}

// hooks make the program do all this, in this order, before the plugin creates or updates the command of this name.
func hooks(ctx *pulumi.Context, name string, all []before) (pulumi.ResourceOption, error) {
	if len(all) == 0 || ctx.RunningWithMocks() { // which run nothing, and have no hooks
		return pulumi.Composite(), nil
	}
	hook, err := ctx.RegisterResourceHook(name, func(args *pulumi.ResourceHookArgs) error {
		for _, run := range all {
			if err := run(args); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	bound := []*pulumi.ResourceHook{hook}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: bound, BeforeUpdate: bound}), nil
}

// read finds the server and the script in a command's inputs.
func read(inputs resource.PropertyMap) (to server, script string, err error) {
	var known struct {
		Connection struct {
			server
			Proxy *server
		}
		Stdin string
	}
	text, err := json.Marshal(inputs.MapRepl(nil, reveal))
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		return server{}, "", fmt.Errorf("the inputs are not those of pulumi-command 1.2.1: %w", err)
	}
	to = known.Connection.server
	to.bastion = known.Connection.Proxy
	return to, known.Stdin, nil
}

// reveal replaces a secret by its value.
func reveal(v resource.PropertyValue) (any, bool) {
	if v.IsSecret() {
		return v.SecretValue().Element.MapRepl(nil, reveal), true
	}
	return nil, false
}
