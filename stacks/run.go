// Package stacks turns one stack file into a program: settings, then addresses, then a fleet, then outputs.
package stacks

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/provisioners/version"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// Run is the whole program, as a table of contents.
func Run(ctx *pulumi.Context) error {
	f, err := New(ctx)
	if err != nil {
		return err
	}
	export(ctx, f)
	return refused(f.Fleet)
}

// Fleet is the fleet of a stack.
type Fleet struct {
	*fleet.Fleet
	Name     string // the prefix of all names that it makes in a cloud account
	Settings *settings.Settings

	addresses ledger.Ledger
}

// Address is the tunnel address, IPv4, of a host, a cluster or one of New's ends.
func (f *Fleet) Address(name string) netip.Addr {
	return ledger.Address(f.Settings.Network.V4, f.addresses.Hosts[name])
}

// New makes the fleet that the stack's configuration describes: promwire:fleet, and promwire:sshPrivateKey. A program of your own can
// make it beside other resources; a stack has one fleet. ends are the names of pods that the program gives an end of the tunnel:
// each has an Address and keeps it; a fleet with a hub can have none. A program must end with the error Refused, if there is one.
func New(ctx *pulumi.Context, ends ...string) (*Fleet, error) {
	if err := ctx.Log.Info("promwire "+version.String(), nil); err != nil {
		return nil, err
	}
	s, err := settings.Load(ctx)
	if err != nil {
		return nil, err
	}
	for _, warning := range s.Warnings {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(checkNames(name(ctx), s), checkEnds(s, ends)); err != nil {
		return nil, err
	}
	state, err := record.Read(ctx)
	if err != nil {
		return nil, err
	}
	s.Stay(regions(state))
	if err := checkRemovals(state, s); err != nil {
		return nil, err
	}
	addresses, err := assign(state, s, ends)
	if err != nil {
		return nil, err
	}
	seen, err := newPreview(ctx, state)
	if err != nil {
		return nil, err
	}
	recorded, err := record.Write(ctx, addresses)
	if err != nil {
		return nil, err
	}
	protected, err := record.Protect(ctx, state, protectedHosts(s))
	if err != nil {
		return nil, err
	}
	args := fleetArgs(ctx, s, addresses, ends, state)
	made, err := fleet.New(ctx, name(ctx), args, []pulumi.Resource{recorded})
	if err != nil {
		return nil, err
	}
	if err := guard(ctx, state, s, made, protected); err != nil {
		return nil, err
	}
	f := &Fleet{Fleet: made, Name: name(ctx), Settings: s, addresses: addresses}
	return f, seen.log(ctx, f, len(args.Known.Leaving))
}

// checkEnds refuses pods of the program's own in a fleet with a hub, which would not pass on what they say.
func checkEnds(s *settings.Settings, ends []string) error {
	if s.Hub == nil || len(ends) == 0 {
		return nil
	}
	return fmt.Errorf("a fleet with a hub can't have ends of the tunnel in pods, because they dial the monitor: leave out hub in the stack file, or %s in the program",
		strings.Join(ends, ", "))
}

// refused ends the program with an error, after everything else is registered, if some clusters could not be made: after an error,
// Pulumi deletes nothing that was not registered.
func refused(f *fleet.Fleet) error {
	if f.Refused == nil {
		return nil
	}
	return fmt.Errorf("nothing was changed in these clusters, and all else went on:\n%w", f.Refused)
}

// name is the fleet's: the prefix of all names in a cloud account, which several stacks may share.
func name(ctx *pulumi.Context) string { return ctx.Project() + "-" + ctx.Stack() }

// assign gives every host, cluster and other end its tunnel address: the one that it has, or the next.
func assign(state record.State, s *settings.Settings, ends []string) (ledger.Ledger, error) {
	text, err := state.Ledger()
	if err != nil {
		return ledger.Ledger{}, err
	}
	before, err := ledger.Parse([]byte(text))
	if err != nil {
		return ledger.Ledger{}, fmt.Errorf("the ledger in the stack's state: %w", err)
	}
	var targets []string
	for _, h := range s.Hosts()[1:] { // but the monitor
		targets = append(targets, h.Name)
	}
	for _, c := range s.Clusters {
		targets = append(targets, c.TunnelNames()...)
	}
	now, err := before.Assign(s.Monitor.Name, append(targets, ends...), s.Network.V4)
	if err != nil {
		return ledger.Ledger{}, err
	}
	return now.Also(s.Network.V6)
}
