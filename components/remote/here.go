package remote

import (
	"fmt"

	"github.com/pulumi/pulumi-command/sdk/go/command/local"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Here runs a script on the operator's own machine, unprivileged, and otherwise like New. It needs bash there.
func Here(ctx *pulumi.Context, name string, script pulumi.StringInput, opts ...pulumi.ResourceOption) (*Command, error) {
	command, err := local.NewCommand(ctx, name, &local.CommandArgs{
		Create:                 pulumi.String("bash -s -- " + Apply),
		Stdin:                  script.ToStringOutput().ToStringPtrOutput(),
		Logging:                local.LoggingNone,
		AddPreviousOutputInEnv: pulumi.Bool(false),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Command{Resource: command, Stdout: command.Stdout}, nil
}
