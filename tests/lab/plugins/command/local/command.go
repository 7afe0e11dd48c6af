// Package local is the resource command:local:Command: a command on the machine where Pulumi runs.
package local

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/promwire/promwire/tests/lab/plugins/command/script"
)

// Command is the resource.
type Command struct{}

// Inputs are what a program says of a command.
type Inputs struct {
	script.Inputs
	Interpreter  *[]string `pulumi:"interpreter,optional"` // default: /bin/sh -c
	Dir          *string   `pulumi:"dir,optional"`
	AssetPaths   *[]string `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string `pulumi:"archivePaths,optional"`
}

// State is what the stack's state keeps of a command.
type State struct {
	Inputs
	script.Outputs
}

// Create runs create, if there is one.
func (Command) Create(ctx context.Context, req infer.CreateRequest[Inputs]) (infer.CreateResponse[State], error) {
	state := State{Inputs: req.Inputs}
	id, err := resource.NewUniqueHex(req.Name, 8, 0)
	if err == nil && !req.DryRun {
		err = state.run(ctx, req.Inputs.Create)
	}
	return infer.CreateResponse[State]{ID: id, Output: state}, err
}

// Update runs update, or else create.
func (Command) Update(ctx context.Context, req infer.UpdateRequest[Inputs, State]) (infer.UpdateResponse[State], error) {
	state := State{Inputs: req.Inputs, Outputs: req.State.Outputs}
	var err error
	if !req.DryRun {
		err = state.run(ctx, req.Inputs.ForUpdate())
	}
	return infer.UpdateResponse[State]{Output: state}, err
}

// Delete runs delete, if there is one.
func (Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, req.State.run(ctx, req.State.Delete)
}

// run runs a command, unless it is nil, and keeps its output.
func (s *State) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	if s.AssetPaths != nil || s.ArchivePaths != nil {
		return errors.New("the lab's command plugin knows neither assetPaths nor archivePaths; use the real plugin")
	}
	argv := []string{"/bin/sh", "-c"}
	if s.Interpreter != nil && len(*s.Interpreter) > 0 {
		argv = append([]string(nil), *s.Interpreter...)
	}
	argv = append(argv, *command)

	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if s.Dir != nil {
		cmd.Dir = *s.Dir
	}
	cmd.Env = os.Environ()
	for name, value := range s.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range s.Previous(s.Outputs) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if s.Stdin != nil && *s.Stdin != "" {
		cmd.Stdin = strings.NewReader(*s.Stdin)
	}
	out, err := script.Capture(ctx, *command, s.Logging, func(stdout, stderr io.Writer) error {
		cmd.Stdout, cmd.Stderr = stdout, stderr
		return cmd.Run()
	})
	if err == nil {
		s.Outputs = out
	}
	return err
}
