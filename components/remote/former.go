package remote

import (
	"context"
	"errors"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/record"
)

// Type is a Command's in the stack's state.
const Type = "command:remote:Command"

// Former are the commands with an undo that the last update left in the stack's state, by URN. Pulumi replaces a command by creating the new
// one first and deleting the former one last. Both deletes run the same script, so its host has to know how many of them are to do
// nothing. Only the program can tell it: a command that is created, although the state had it at the program's start, replaces that one.
type Former map[string]former

type former struct {
	hostKey string // of its machine
	counts  bool   // whether its undo asks if it was replaced
}

// ReadFormer finds the commands in the state of the last update.
func ReadFormer(state record.State) Former {
	all := Former{}
	for urn, r := range state {
		fields, _ := r.(map[string]any)
		outputs, _ := fields["outputs"].(map[string]any)
		if fields["type"] != Type || outputs["delete"] == nil {
			continue
		}
		connection, _ := outputs["connection"].(map[string]any)
		hostKey, _ := connection["hostKey"].(string)
		all[urn] = former{hostKey: hostKey, counts: outputs["update"] != nil}
	}
	return all
}

var errNotCounted = errors.New("an earlier version of promwire made what it is to replace, and the undo of that would remove both; " +
	"run `pulumi up` first, without --replace and with every host in its former role")

// moves refuses a host that becomes the monitor, or a target, while the undo of the former one knows only its name.
func (all Former) moves(to pulumi.URN) error {
	for urn, was := range all {
		if !was.counts && urn[strings.LastIndex(urn, "::"):] == string(to)[strings.LastIndex(string(to), "::"):] {
			return errNotCounted
		}
	}
	return nil
}

// replaces tells the machine if the command is created to replace a former one there. One on another machine is undone there.
func (all Former) replaces(ctx context.Context, line string) before {
	return func(args *pulumi.ResourceHookArgs) error {
		if len(args.OldInputs) > 0 { // an update
			return nil
		}
		was, there := all[string(args.URN)]
		if !there {
			return all.moves(args.URN)
		}
		to, script, err := read(args.NewInputs)
		if err != nil {
			return err
		}
		switch {
		case to.HostKey != was.hostKey:
			return nil
		case !was.counts:
			return errNotCounted
		}
		return to.run(ctx, line, script)
	}
}
