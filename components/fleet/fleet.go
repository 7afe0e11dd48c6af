// Package fleet puts a monitor, its targets and their verification together, and gives droplets what all droplets of a fleet
// share: the operator's key, tags, the cloud's firewalls and the seed of their temporary host keys.
package fleet

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster"
	"github.com/promwire/promwire/components/cluster/preflight"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/components/verification"
)

// Args are a fleet's. Droplets in Monitor and Targets need no Tags, SSHKey and Seed: the fleet fills them in.
type Args struct {
	Cloud    *Cloud // nil: no host is a droplet
	Monitor  monitor.Args
	Targets  []target.Args  // their Monitor is filled in too
	Clusters []cluster.Args // theirs too
	Again    string         // any text; a new one proves the fleet anew
}

// Fleet is one monitor and its targets.
type Fleet struct {
	pulumi.ResourceState
	Monitor      *monitor.Monitor
	Targets      []*target.Target
	Clusters     []*cluster.Cluster
	Verification *verification.Verification
	Refused      error // clusters of which nothing was made, and why; what is there of them stays as it is. The others go on
}

// New makes a fleet. Every host depends on dependsOn.
func New(ctx *pulumi.Context, name string, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Fleet, error) {
	f := &Fleet{}
	if err := ctx.RegisterComponentResource("promwire:index:Fleet", name, f, opts...); err != nil {
		return nil, fmt.Errorf("fleet %s: %w", name, err)
	}
	shared, err := newShared(ctx, name, args.Cloud, f)
	if err != nil {
		return nil, err
	}
	shared.lend(args.Monitor.Host.Droplet, roleMonitor)
	if f.Monitor, err = monitor.New(ctx, args.Monitor, shared.before(dependsOn, args.Monitor.Host), pulumi.Parent(f)); err != nil {
		return nil, err
	}
	if shared != nil && slices.ContainsFunc(args.Targets, directDroplet) {
		if err := shared.scraped(ctx, name, f.Monitor, f); err != nil {
			return nil, err
		}
	}
	for _, t := range args.Targets {
		shared.lend(t.Host.Droplet, role(t))
		t.Monitor = f.Monitor
		made, err := target.New(ctx, t, shared.before(dependsOn, t.Host), pulumi.Parent(f))
		if err != nil {
			return nil, err
		}
		f.Targets = append(f.Targets, made)
	}
	if err := f.clusters(ctx, args.Clusters, dependsOn); err != nil {
		return nil, err
	}
	f.Verification, err = verification.New(ctx, name+"-verification", verification.Args{
		Monitor:        f.Monitor,
		Targets:        f.Targets,
		Clusters:       f.Clusters,
		SSHPorts:       sshPorts(args),
		ScrapeInterval: args.Monitor.Plan.ScrapeInterval,
		Again:          args.Again,
	}, pulumi.Parent(f))
	if err != nil {
		return nil, err
	}
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"verification": f.Verification.Table})
}

// clusters makes those that can be made.
func (f *Fleet) clusters(ctx *pulumi.Context, list []cluster.Args, dependsOn []pulumi.Resource) error {
	for _, args := range list {
		args.Monitor = f.Monitor
		made, err := cluster.New(ctx, args, dependsOn, pulumi.Parent(f))
		var refused *preflight.Error
		switch {
		case errors.As(err, &refused):
			f.Refused = errors.Join(f.Refused, err)
		case err != nil:
			return err
		default:
			f.Clusters = append(f.Clusters, made)
		}
	}
	return nil
}

func directDroplet(t target.Args) bool { return t.Host.Direct && t.Host.Droplet != nil }

// role says by which tags the cloud's firewalls know a target's droplet.
func role(t target.Args) string {
	if t.Host.Direct {
		return roleDirect
	}
	return roleTarget
}

func sshPorts(args Args) map[string]int {
	ports := map[string]int{}
	hosts := []host.Args{args.Monitor.Host}
	for _, t := range args.Targets {
		hosts = append(hosts, t.Host)
	}
	for _, h := range hosts {
		ports[h.Name] = 22
		if h.Machine != nil && h.Machine.Port != 0 {
			ports[h.Name] = h.Machine.Port
		}
	}
	return ports
}
