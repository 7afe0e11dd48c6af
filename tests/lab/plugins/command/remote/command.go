// Package remote is the resource command:remote:Command: a command on a machine that is reached by SSH.
package remote

import (
	"context"
	"fmt"
	"io"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"

	"github.com/promwire/promwire/tests/lab/plugins/command/script"
)

// Command is the resource.
type Command struct{}

// Inputs are what a program says of a command. Of all of them only the connection is secret in the state.
type Inputs struct {
	script.Inputs
	Connection *Connection `pulumi:"connection" provider:"secret"`
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

// Delete runs delete, if there is one, over the connection that the state holds.
func (Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, req.State.run(ctx, req.State.Delete)
}

// run runs a command, unless it is nil, and keeps its output. Every run dials again and leaves its connection open until
// the plugin exits, as the real one does. Once begun, the command cannot be cancelled.
func (s *State) run(ctx context.Context, command *string) error {
	if command == nil {
		return nil
	}
	client, err := s.Connection.dial(ctx)
	if err != nil {
		return err
	}
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer session.Close()
	if err := s.setEnvironment(ctx, session); err != nil {
		return err
	}
	if s.Stdin != nil && *s.Stdin != "" {
		session.Stdin = strings.NewReader(*s.Stdin)
	}
	out, err := script.Capture(ctx, *command, s.Logging, func(stdout, stderr io.Writer) error {
		session.Stdout, session.Stderr = stdout, stderr
		return session.Run(*command)
	})
	if err == nil {
		s.Outputs = out
	}
	return err
}

// setEnvironment asks the server to set variables, which it does for those of its AcceptEnv only. A refusal is an error
// for variables that the program set, and a warning for the previous output, which nobody may have asked for.
func (s *State) setEnvironment(ctx context.Context, session *ssh.Session) error {
	for name, value := range s.Environment {
		if err := session.Setenv(name, value); err != nil {
			p.GetLogger(ctx).Error(refused(name))
			return fmt.Errorf("could not set environment variable %q: %w", name, err)
		}
	}
	for name, value := range s.Previous(s.Outputs) {
		if err := session.Setenv(name, value); err != nil {
			p.GetLogger(ctx).Warning(refused(name))
		}
	}
	return nil
}

func refused(name string) string {
	return fmt.Sprintf("Unable to set '%s'. The SSH server must be configured to accept the variable: see AcceptEnv.", name)
}
