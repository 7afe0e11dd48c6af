package remote

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ahead makes the program itself run a command's script, before the plugin does: library and script together are the standard input of line.
// It is a hook of the resource: it runs whenever the plugin creates or updates it, never in a preview, and its failure is the resource's.
// The CLI must be 3.182 or later; an older one says so.
func ahead(ctx *pulumi.Context, name, line, library string) (pulumi.ResourceOption, error) {
	return before(ctx, name, func(to server, script string) error { return to.run(ctx.Context(), line, library+script) })
}

// answers is a hook as ahead, which only asks whether a machine's bash answers: the plugin would wait for ever.
func answers(ctx *pulumi.Context, name, line string) (pulumi.ResourceOption, error) {
	return before(ctx, name, func(to server, _ string) error { return to.ask(ctx.Context(), line) })
}

// before does something with a command's machine and script before the plugin runs the command.
func before(ctx *pulumi.Context, name string, do func(to server, script string) error) (pulumi.ResourceOption, error) {
	if ctx.RunningWithMocks() { // which run nothing, and have no hooks
		return pulumi.Composite(), nil
	}
	hook, err := ctx.RegisterResourceHook(name, func(args *pulumi.ResourceHookArgs) error {
		to, script, err := read(args.NewInputs)
		if err != nil {
			return err
		}
		return do(to, script)
	}, nil)
	if err != nil {
		return nil, err
	}
	hooks := []*pulumi.ResourceHook{hook}
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: hooks, BeforeUpdate: hooks}), nil
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
