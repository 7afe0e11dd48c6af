// Package host is one machine and the phases that make it part of the fleet. Whether it is a droplet made a minute ago or a
// machine that was already there ends here: both have an address, an identity and an SSH connection.
//
// A host is no component of its own: its resources are children of the Target or Monitor that it is.
package host

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
)

// Args are one host's: a name and either a Droplet to make or a Machine that is there.
type Args struct {
	Name     string
	Droplet  *Droplet
	Machine  *Machine
	Login    remote.Login
	Networks []netip.Prefix // of the tunnel; a host whose own networks overlap them is refused
	Direct   bool           // scraped at its public address, outside the tunnel; takes certificates
}

// Host is a machine that answered, proved itself and has its WireGuard key.
type Host struct {
	Name       string
	Address    pulumi.StringOutput // public, where SSH and the tunnel's endpoint are
	PublicKey  pulumi.StringOutput // of WireGuard, base64
	Request    pulumi.StringOutput // for a certificate: PKCS #10, base64 of DER
	Reachable  bool                // whether the operator's machine reaches Address without a bastion
	Connection remote.Connection   // pinned to the host's own key
	Bootstrap  pulumi.Resource     // what later phases depend on

	parent pulumi.Resource
	gone   []pulumi.ResourceOption // DeletedWith its droplet; empty for an existing machine
}

// access is what droplet and machine differ in.
type access struct {
	address    pulumi.StringOutput
	connection remote.Connection
	args       remote.Args // of bootstrap, but for the script
	opts       []pulumi.ResourceOption
	gone       []pulumi.ResourceOption
}

// New finds or makes the machine and bootstraps it, below parent.
func New(ctx *pulumi.Context, parent pulumi.Resource, args Args, dependsOn []pulumi.Resource) (*Host, error) {
	via, err := reach(ctx, parent, args, dependsOn)
	if err != nil {
		return nil, err
	}
	via.args.Script = pulumi.String(plan.Bootstrap(plan.BootstrapValues{
		Host:               args.Name,
		Networks:           args.Networks,
		RetireTemporaryKey: args.Droplet != nil,
		Direct:             args.Direct,
	}))
	via.args.Undo = args.Machine != nil
	opts := append(via.opts, pulumi.Parent(parent), pulumi.DependsOn(dependsOn))
	bootstrap, err := remote.New(ctx, args.Name+"-bootstrap", via.args, opts...)
	if err != nil {
		return nil, err
	}
	h := &Host{
		Name:      args.Name,
		Address:   via.address,
		PublicKey: fact(bootstrap, func(f facts.Facts) string { return f.PublicKey.String() }),
		Request:   fact(bootstrap, func(f facts.Facts) string { return f.Request }),
		Reachable: args.Droplet != nil || args.Machine.Bastion == nil,
		Bootstrap: bootstrap.Resource,
		parent:    parent,
		gone:      via.gone,
	}
	h.Connection = via.connection
	if args.Droplet != nil {
		h.Connection.HostKey = fact(bootstrap, func(f facts.Facts) string { return f.HostKey })
	}
	return h, nil
}

func reach(ctx *pulumi.Context, parent pulumi.Resource, args Args, dependsOn []pulumi.Resource) (access, error) {
	switch {
	case args.Droplet != nil && args.Machine == nil:
		return newDroplet(ctx, parent, args, dependsOn)
	case args.Machine != nil && args.Droplet == nil:
		return existing(args), nil
	}
	return access{}, fmt.Errorf("%s: a host is either a droplet or an existing machine", args.Name)
}

// fact is one of the facts that bootstrap printed; "" of a bootstrap that failed. With --continue-on-error a failed resource's
// outputs are zero values, and what depends on it is skipped: an error here would end the program for the other hosts too.
func fact(bootstrap *remote.Command, pick func(facts.Facts) string) pulumi.StringOutput {
	return bootstrap.Stdout.ApplyT(func(stdout string) (string, error) {
		if stdout == "" {
			return "", nil
		}
		f, err := facts.Parse(stdout)
		if err != nil {
			return "", err
		}
		return pick(f), nil
	}).(pulumi.StringOutput)
}

// Converge makes the host what the script says. The script is the whole plan: what changes in it is what changes there.
func (h *Host) Converge(ctx *pulumi.Context, script pulumi.StringInput, dependsOn ...pulumi.Resource) (*remote.Command, error) {
	return h.run(ctx, "-converge", remote.Args{Script: script}, dependsOn...)
}

// Confirm proves by a fresh connection that the new firewall lets the operator in, and only then makes it permanent.
func (h *Host) Confirm(ctx *pulumi.Context, script pulumi.StringInput, converge pulumi.Resource) (*remote.Command, error) {
	return h.run(ctx, "-confirm", remote.Args{Script: script}, converge)
}

func (h *Host) run(ctx *pulumi.Context, role string, args remote.Args, dependsOn ...pulumi.Resource) (*remote.Command, error) {
	args.Connection = h.Connection
	opts := append([]pulumi.ResourceOption{pulumi.Parent(h.parent), pulumi.DependsOn(append(dependsOn, h.Bootstrap))}, h.gone...)
	return remote.New(ctx, h.Name+role, args, opts...)
}

// DeletedWith are the options of a resource that lives on this host and needs no undoing when the host itself goes.
func (h *Host) DeletedWith() []pulumi.ResourceOption { return h.gone }
