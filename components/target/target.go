// Package target is one host that is scraped. It needs the monitor, and no other target needs it: one that fails blocks
// itself alone.
package target

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/provisioners/plan"
)

// Args are one target's. The plan's Monitor is filled in by New.
type Args struct {
	Host    host.Args
	Region  string
	Labels  map[string]string // more labels for its series
	Plan    plan.TargetValues
	Monitor *monitor.Monitor
}

// Target is a host whose exporter the monitor scrapes through the tunnel, and nobody else can.
type Target struct {
	pulumi.ResourceState
	Args    Args
	Host    *host.Host
	Receipt pulumi.StringOutput // JSON: what converge changed, versions, the firewall's digest
	Script  pulumi.StringOutput // what converge ran
	Ready   []pulumi.Resource   // enrolled, converged and confirmed
}

// New makes a target: bootstrap, then enrol (on the monitor) beside converge, then confirm.
func New(ctx *pulumi.Context, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Target, error) {
	t := &Target{Args: args}
	name := args.Host.Name
	if err := ctx.RegisterComponentResource("promwire:index:Target", name, t, opts...); err != nil {
		return nil, fmt.Errorf("target %s: %w", name, err)
	}
	var err error
	if t.Host, err = host.New(ctx, t, args.Host, dependsOn); err != nil {
		return nil, err
	}
	enrol, err := args.Monitor.Enrol(ctx, name, t.enrolScript(), pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	desired := t.plan()
	t.Script = text(desired, plan.Plan.Script)
	converge, err := t.Host.Converge(ctx, t.Script)
	if err != nil {
		return nil, err
	}
	t.Receipt = converge.Stdout
	confirm, err := t.Host.Confirm(ctx, text(desired, func(p plan.Plan) (string, error) {
		return plan.Confirm(plan.ConfirmValues{Host: name, Digest: p.FirewallDigest()}), nil
	}), converge.Resource)
	if err != nil {
		return nil, err
	}
	t.Ready = []pulumi.Resource{enrol.Resource, confirm.Resource}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"address": t.Host.Address, "publicKey": t.Host.PublicKey, "receipt": t.Receipt,
	})
}

// plan is what the target must be, as soon as the monitor has a key and an address. Without a key the monitor failed, the
// target will be skipped, and its plan is the zero one.
func (t *Target) plan() pulumi.Output {
	m := t.Args.Monitor
	return pulumi.All(m.PublicKey, m.Endpoint).ApplyT(func(known []any) (plan.Plan, error) {
		if known[0] == "" {
			return plan.Plan{}, nil
		}
		key, err := wgtypes.ParseKey(known[0].(string))
		if err != nil {
			return plan.Plan{}, fmt.Errorf("target %s: the monitor's WireGuard key: %w", t.Args.Host.Name, err)
		}
		values := t.Args.Plan
		values.Monitor = plan.Peer{PublicKey: key, Endpoint: known[1].(string), Addresses: m.Plan.Tunnel.Addresses}
		return plan.Target(values)
	})
}

// text renders one text of a plan that is not known yet; "" of the zero plan.
func text(desired pulumi.Output, render func(plan.Plan) (string, error)) pulumi.StringOutput {
	return desired.ApplyT(func(p any) (string, error) {
		if p.(plan.Plan).Empty() {
			return "", nil
		}
		return render(p.(plan.Plan))
	}).(pulumi.StringOutput)
}

func (t *Target) enrolScript() pulumi.StringOutput {
	return t.Host.PublicKey.ApplyT(func(text string) (string, error) {
		if text == "" { // bootstrap failed, and enrol will be skipped
			return "", nil
		}
		key, err := wgtypes.ParseKey(text)
		if err != nil {
			return "", fmt.Errorf("target %s: its WireGuard key: %w", t.Args.Host.Name, err)
		}
		return plan.Enrol(plan.EnrolValues{
			Host:      t.Args.Host.Name,
			Region:    t.Args.Region,
			Labels:    t.Args.Labels,
			PublicKey: key,
			Addresses: t.Args.Plan.Tunnel.Addresses,
		}), nil
	}).(pulumi.StringOutput)
}
