package remote

import (
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/components/record"
)

const (
	urn     = "urn:pulumi:prod::promwire::promwire:index:Target$command:remote:Command::web-1-enrol"
	replace = "bash -s -- replace"
)

// inputs are those of a command on the machine.
func (m *machine) commandInputs() resource.PropertyMap {
	return resource.NewPropertyMapFromMap(map[string]any{
		"connection": map[string]any{
			"host": m.Host, "port": float64(m.Port), "user": m.User, "hostKey": m.HostKey, "privateKey": m.PrivateKey, "dialErrorLimit": 0.0,
		},
		"stdin": "its script",
	})
}

// state is what the last update left of the command.
func (m *machine) state(more map[string]any) record.State {
	outputs := map[string]any{"delete": "bash -s -- undo", "update": "bash -s -- update", "connection": map[string]any{"hostKey": m.HostKey}}
	maps.Copy(outputs, more)
	return record.State{urn: map[string]any{"type": Type, "outputs": outputs}}
}

func TestAReplacementTellsTheMachine(t *testing.T) {
	created := func(m *machine) *pulumi.ResourceHookArgs {
		return &pulumi.ResourceHookArgs{URN: urn, NewInputs: m.commandInputs()}
	}
	updated := func(m *machine) *pulumi.ResourceHookArgs {
		return &pulumi.ResourceHookArgs{URN: urn, NewInputs: m.commandInputs(), OldInputs: m.commandInputs()}
	}
	for name, c := range map[string]struct {
		state func(m *machine) record.State
		args  func(m *machine) *pulumi.ResourceHookArgs
		told  bool
	}{
		"replaced":                      {func(m *machine) record.State { return m.state(nil) }, created, true},
		"updated":                       {func(m *machine) record.State { return m.state(nil) }, updated, false},
		"new":                           {func(*machine) record.State { return nil }, created, false},
		"without undo":                  {func(m *machine) record.State { return m.state(map[string]any{"delete": nil}) }, created, false},
		"the former on another machine": {func(*machine) record.State { return newMachine(t).state(nil) }, created, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			require.NoError(t, ReadFormer(c.state(m)).replaces(t.Context(), replace)(c.args(m)))
			lines, inputs, connections := m.ran()
			if !c.told {
				assert.Zero(t, connections)
				return
			}
			assert.Equal(t, []string{replace}, lines)
			assert.Equal(t, []string{hello + "its script"}, inputs)
		})
	}
}

func TestAReplacementThatTheMachineDoesNotCountFails(t *testing.T) {
	m := newMachine(t, func(m *machine) { m.status = 1 })
	args := &pulumi.ResourceHookArgs{URN: urn, NewInputs: m.commandInputs()}
	require.ErrorContains(t, ReadFormer(m.state(nil)).replaces(t.Context(), replace)(args), "exited with status 1")
	earlier := m.state(map[string]any{"update": nil})
	moved := &pulumi.ResourceHookArgs{URN: pulumi.URN(strings.Replace(urn, "Target", "Monitor", 1)), NewInputs: m.commandInputs()}
	require.ErrorIs(t, ReadFormer(earlier).replaces(t.Context(), replace)(moved), errNotCounted)
	require.NoError(t, ReadFormer(m.state(nil)).replaces(t.Context(), replace)(moved))
	require.ErrorIs(t, ReadFormer(earlier).replaces(t.Context(), replace)(args), errNotCounted)
}
