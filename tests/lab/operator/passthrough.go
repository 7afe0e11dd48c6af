package operator

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"
)

// Pulumi runs the CLI on a stack with any arguments, on this process's terminal. Commands that run the program get it
// from this process, as Up and Preview do.
func (o *Operator) Pulumi(ctx context.Context, stack string, args ...string) error {
	if len(args) > 0 {
		switch args[0] {
		case "up", "update":
			return o.passUp(ctx, stack, args[1:])
		case "preview", "pre":
			return o.passPreview(ctx, stack, args[1:])
		}
	}
	if _, err := o.stack(ctx, stack, Options{}); err != nil { // selects it
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(o.dir(), "cli", "bin", "pulumi"), args...)
	cmd.Dir = o.work(stack)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), o.variables(stack)...)
	return cmd.Run()
}

// variables is the environment as package exec takes it.
func (o *Operator) variables(stack string) []string {
	var variables []string
	for name, value := range o.environment(stack) {
		variables = append(variables, name+"="+value)
	}
	return variables
}

func (o *Operator) passUp(ctx context.Context, stack string, args []string) error {
	s, err := o.stackWith(ctx, extended{o.cli, "up", args}, stack, Options{})
	if err != nil {
		return err
	}
	_, err = s.Up(ctx, optup.ProgressStreams(os.Stdout), optup.ErrorProgressStreams(os.Stderr))
	return err
}

func (o *Operator) passPreview(ctx context.Context, stack string, args []string) error {
	s, err := o.stackWith(ctx, extended{o.cli, "preview", args}, stack, Options{})
	if err != nil {
		return err
	}
	_, err = s.Preview(ctx, optpreview.ProgressStreams(os.Stdout), optpreview.ErrorProgressStreams(os.Stderr))
	return err
}

// extended is a CLI whose runs of one command get more arguments.
type extended struct {
	auto.PulumiCommand
	command string
	args    []string
}

// Run implements [auto.PulumiCommand].
func (e extended) Run(ctx context.Context, dir string, stdin io.Reader, stdout, stderr []io.Writer,
	env []string, args ...string,
) (string, string, int, error) {
	if len(args) > 0 && args[0] == e.command {
		args = slices.Concat(args, e.args)
	}
	return e.PulumiCommand.Run(ctx, dir, stdin, stdout, stderr, env, args...)
}
