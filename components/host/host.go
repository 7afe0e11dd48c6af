// Package host is one machine and the phases that make it part of the fleet. Whether a cloud made the machine a minute ago or it
// already existed does not matter after this: both have an address, a host key and an SSH connection, see Machine.
//
// A host is not a component of its own: its resources are children of the Target or Monitor that it is.
package host

import (
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
)

// Args are what the settings say of a host.
type Args struct {
	Name     string
	Fleet    string // its name, which no other fleet has: a machine is in one fleet
	Login    remote.Login
	Networks []netip.Prefix // of the tunnel; a host whose own networks overlap them is refused
	Direct   bool           // scraped at its public address, outside the tunnel; needs certificates
}

// Host is a machine that answered, proved its identity and has its WireGuard key.
type Host struct {
	Name       string
	Address    pulumi.StringOutput         // public, where SSH and the tunnel's endpoint are
	Facts      pulumix.Output[facts.Facts] // what bootstrap found; zero if it failed
	PublicKey  pulumi.StringOutput         // of WireGuard, base64; "" if bootstrap failed
	Reachable  bool                        // whether the operator's machine reaches Address without a bastion
	Connection remote.Connection           // pinned to the host's own key
	Bootstrap  pulumi.Resource             // what later phases depend on

	parent pulumi.Resource
	gone   []pulumi.ResourceOption // DeletedWith its machine; empty where that outlives the fleet
}

// New finds or makes the machine and bootstraps it, below parent. The role is what the host is in its fleet, as prometheus.RoleMonitor.
func New(ctx *pulumi.Context, parent pulumi.Resource, source Source, role string, args Args, dependsOn []pulumi.Resource) (*Host, error) {
	machine, err := source(ctx, args.Name, parent, dependsOn)
	if err != nil {
		return nil, err
	}
	first := machine.First
	first.Login = args.Login
	bootstrap, err := remote.New(ctx, args.Name+"-bootstrap", remote.Args{
		Connection: first,
		Script: pulumi.String(plan.Bootstrap(plan.BootstrapValues{
			Host:               args.Name,
			Fleet:              args.Fleet,
			Role:               role,
			Networks:           args.Networks,
			RetireTemporaryKey: machine.Retire,
			Direct:             args.Direct,
			Undo:               machine.Undo,
		})),
		Undo:     machine.Undo,
		Identity: machine.Identity,
		Unknown:  machine.Undo,
	}, append(machine.Options, pulumi.Parent(parent), pulumi.DependsOn(dependsOn))...)
	if err != nil {
		return nil, err
	}
	found := pulumix.ApplyErr(bootstrap.Stdout, parse)
	h := &Host{
		Name:       args.Name,
		Address:    machine.Address,
		Facts:      found,
		PublicKey:  pulumix.Cast[pulumi.StringOutput](pulumix.Apply(found, publicKey)),
		Reachable:  machine.Lasting.Bastion == nil,
		Connection: machine.Lasting,
		Bootstrap:  bootstrap.Resource,
		parent:     parent,
		gone:       machine.Gone,
	}
	h.Connection.Login = args.Login
	if h.Connection.HostKey == nil {
		h.Connection.HostKey = pulumix.Cast[pulumi.StringOutput](pulumix.Apply(found, func(f facts.Facts) string { return f.HostKey }))
	}
	return h, nil
}

// parse reads the facts that bootstrap printed; zero facts if it failed. With --continue-on-error a failed resource's outputs
// are zero values, and what depends on it is skipped: an error here would end the program for the other hosts too.
func parse(stdout string) (facts.Facts, error) {
	if stdout == "" {
		return facts.Facts{}, nil
	}
	return facts.Parse(stdout)
}

func publicKey(f facts.Facts) string {
	if f == (facts.Facts{}) {
		return ""
	}
	return f.PublicKey.String()
}

// Converge makes the host what the script says, and confirms it over a second connection: only one that the new firewall lets in makes
// that permanent. The script is the whole plan: what changes in it is what changes there. Library and check are as in remote.Args. It comes
// after bootstrap, and after these.
func (h *Host) Converge(ctx *pulumi.Context, script pulumi.StringInput, library string, check func() error, after ...pulumi.Resource) (*remote.Command, error) {
	args := remote.Args{Connection: h.Connection, Script: script, Library: library, Check: check}
	opts := append([]pulumi.ResourceOption{pulumi.Parent(h.parent), pulumi.DependsOn(append([]pulumi.Resource{h.Bootstrap}, after...))}, h.gone...)
	return remote.New(ctx, h.Name+"-converge", args, opts...)
}

// DeletedWith are the options of a resource that lives on this host and needs no undoing when the host itself goes.
func (h *Host) DeletedWith() []pulumi.ResourceOption { return h.gone }
