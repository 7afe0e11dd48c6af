// Package fleet puts a monitor, its targets, its clusters and their verification together.
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
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/components/verification"
	"github.com/promwire/promwire/provisioners/proof"
)

// Args are what the settings say of a fleet.
type Args struct {
	Open     Open // of the cloud where machines are Made; nil: all machines exist
	Monitor  Monitor
	Hub      *Target // the end that all others dial, the monitor too; nil: they dial the monitor
	Targets  []Target
	Clusters []cluster.Args
	Again    string // any text; another one verifies the fleet again

	Edges []proof.Edge // that people allow, and that are proved
	Known proof.Known  // what the monitor may have beside Targets and Clusters
	State record.State // what the last update left; nil: nothing
}

// Monitor is the monitor and its machine.
type Monitor struct {
	Machine Machine
	monitor.Args
}

// Target is a target and its machine.
type Target struct {
	Machine Machine
	target.Args
}

// Fleet is one monitor and its targets.
type Fleet struct {
	pulumi.ResourceState
	Monitor      *monitor.Monitor
	Targets      []*target.Target // the hub, if there is one, is the first
	Clusters     []*cluster.Cluster
	Verification *verification.Verification
	Refused      error // the clusters where nothing was changed, and why. The others go on
}

// New makes a fleet. Every host depends on dependsOn.
func New(ctx *pulumi.Context, name string, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Fleet, error) {
	f := &Fleet{}
	if err := ctx.RegisterComponentResource("promwire:index:Fleet", name, f, opts...); err != nil {
		return nil, fmt.Errorf("fleet %s: %w", name, err)
	}
	var cloud Cloud
	var err error
	if args.Open != nil {
		if cloud, err = args.Open(ctx, name, f); err != nil {
			return nil, err
		}
	}
	if err := f.monitor(ctx, cloud, args.Monitor, dependsOn); err != nil {
		return nil, err
	}
	if args.Hub != nil {
		if err := f.target(ctx, cloud, *args.Hub, dependsOn); err != nil {
			return nil, err
		}
	}
	if err := f.targets(ctx, cloud, args.Targets, dependsOn); err != nil {
		return nil, err
	}
	if err := f.clusters(ctx, args.Clusters, dependsOn); err != nil {
		return nil, err
	}
	f.Verification, err = verification.New(ctx, name+"-verification", verification.Args{
		Monitor:        f.Monitor,
		Targets:        f.Targets,
		Clusters:       f.Clusters,
		ScrapeInterval: args.Monitor.Plan.ScrapeInterval,
		Again:          args.Again,
		Known:          args.Known,
		Edges:          args.Edges,
		State:          args.State,
	}, pulumi.Parent(f))
	if err != nil {
		return nil, err
	}
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{})
}

func (f *Fleet) monitor(ctx *pulumi.Context, cloud Cloud, m Monitor, dependsOn []pulumi.Resource) error {
	role := Cloud.Monitor
	if m.Plan.Hub != "" { // it dials, as a target does
		role = Cloud.Target
	}
	source, err := m.Machine.source(m.Host.Name, cloud, role)
	if err != nil {
		return err
	}
	f.Monitor, err = monitor.New(ctx, source, m.Args, dependsOn, pulumi.Parent(f))
	return err
}

func (f *Fleet) targets(ctx *pulumi.Context, cloud Cloud, list []Target, dependsOn []pulumi.Resource) error {
	if slices.ContainsFunc(list, madeDirect) && cloud != nil {
		if err := cloud.Admit(ctx, f.Monitor.Source, directPorts(list)); err != nil {
			return err
		}
	}
	for _, t := range list {
		if err := f.target(ctx, cloud, t, dependsOn); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fleet) target(ctx *pulumi.Context, cloud Cloud, t Target, dependsOn []pulumi.Resource) error {
	source, err := t.Machine.source(t.Host.Name, cloud, role(t))
	if err != nil {
		return err
	}
	made, err := target.New(ctx, f.Monitor, source, t.Args, dependsOn, pulumi.Parent(f))
	if err != nil {
		return err
	}
	f.Targets = append(f.Targets, made)
	return nil
}

// madeDirect says whether the cloud makes a target's machine and has to let the monitor through to it.
func madeDirect(t Target) bool { return t.Host.Direct && t.Machine.Made != nil }

// directPorts are the TCP ports at which the monitor scrapes direct targets.
func directPorts(list []Target) []int {
	var ports []int
	for _, t := range list {
		if madeDirect(t) {
			ports = append(ports, t.Plan.Scraped()...)
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// role is how the cloud makes a target's machine.
func role(t Target) func(Cloud, host.Spec) host.Source {
	switch {
	case t.Host.Direct:
		return Cloud.Direct
	case t.Plan.Hub != nil: // it is what others dial
		return Cloud.Monitor
	}
	return Cloud.Target
}

// clusters makes those that can be made.
func (f *Fleet) clusters(ctx *pulumi.Context, list []cluster.Args, dependsOn []pulumi.Resource) error {
	for _, args := range list {
		made, err := cluster.New(ctx, f.Monitor, args, dependsOn, pulumi.Parent(f))
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
