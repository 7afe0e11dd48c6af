// Package stacks turns one stack file into a program: settings, then addresses, then a fleet, then outputs.
package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// Run is the whole program, as a table of contents.
func Run(ctx *pulumi.Context) error {
	s, err := settings.Load(ctx)
	if err != nil {
		return err
	}
	for _, warning := range s.Warnings {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	if err := checkNames(name(ctx), s); err != nil {
		return err
	}
	addresses, err := assign(ctx, s)
	if err != nil {
		return err
	}
	recorded, err := record.Write(ctx, addresses)
	if err != nil {
		return err
	}
	made, err := fleet.New(ctx, name(ctx), fleetArgs(ctx, s, addresses), []pulumi.Resource{recorded})
	if err != nil {
		return err
	}
	export(ctx, s, addresses, made)
	return refused(made)
}

// refused ends the program, after all else is under way, if some clusters could not be made: an error keeps Pulumi from taking what
// was not asked for as something to delete.
func refused(f *fleet.Fleet) error {
	if f.Refused == nil {
		return nil
	}
	return fmt.Errorf("nothing was changed in these clusters, and all else went on:\n%w", f.Refused)
}

// name is the fleet's: the prefix of all that it makes in a cloud account, where several stacks may live.
func name(ctx *pulumi.Context) string { return ctx.Project() + "-" + ctx.Stack() }

// assign gives every host its tunnel address: the one that it has, or the next.
func assign(ctx *pulumi.Context, s *settings.Settings) (ledger.Ledger, error) {
	text, err := record.Read(ctx)
	if err != nil {
		return ledger.Ledger{}, err
	}
	before, err := ledger.Parse([]byte(text))
	if err != nil {
		return ledger.Ledger{}, fmt.Errorf("the ledger in the stack's state: %w", err)
	}
	var targets []string
	for _, t := range s.Targets {
		targets = append(targets, t.Name)
	}
	for _, c := range s.Clusters {
		targets = append(targets, c.TunnelNames()...)
	}
	now, err := before.Assign(s.Monitor.Name, targets, s.Network.V4)
	if err != nil {
		return ledger.Ledger{}, err
	}
	return now.Also(s.Network.V6)
}
