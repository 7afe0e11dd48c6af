// Package target is one host that is scraped. It needs the monitor, and no other target needs it: one that fails blocks
// itself alone.
package target

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
)

// Args are one target's. The plan's Monitor is filled in by New.
type Args struct {
	Host   host.Args
	Region string
	Labels map[string]string // more labels for its series
	Plan   plan.TargetValues
	Listen netip.Addr // of a host outside the tunnel: its own address, where that's not the public one; the zero value: the public one
	Period int64      // see plan.TLS.Period
}

// Target is a host whose exporter the monitor scrapes, through the tunnel or by certificates, and nobody else can.
type Target struct {
	pulumi.ResourceState
	Args    Args
	Host    *host.Host
	Receipt pulumi.StringOutput // JSON: what converge changed, versions, the firewall's digest
	Script  pulumi.StringOutput // what converge ran
	Ready   []pulumi.Resource   // enrolled, converged and confirmed

	monitor *monitor.Monitor
}

// New makes a target of the monitor, on the source's machine: bootstrap, then enrol (on the monitor) and converge, side by side unless converge waits for the certificate that
// enrol signs, then confirm.
func New(ctx *pulumi.Context, m *monitor.Monitor, source host.Source, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Target, error) {
	t := &Target{Args: args, monitor: m}
	name := args.Host.Name
	if err := ctx.RegisterComponentResource("promwire:index:Target", name, t, opts...); err != nil {
		return nil, fmt.Errorf("target %s: %w", name, err)
	}
	var err error
	if t.Host, err = host.New(ctx, t, source, args.Host, dependsOn); err != nil {
		return nil, err
	}
	enrol, err := m.Enrol(ctx, name, t.enrolScript(), pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	desired := t.plan(enrol.Stdout)
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

// plan is what the target must be, as soon as the monitor has a key, an address and, where there are any, a certificate for it. If
// the monitor failed there is none of these, the target will be skipped, and its plan is the zero one.
func (t *Target) plan(enrolled pulumi.StringOutput) pulumi.Output {
	m := t.monitor
	if !t.Args.Plan.TLS.Enabled() {
		enrolled = pulumi.String("").ToStringOutput() // not waited for
	}
	return pulumi.All(m.PublicKey, m.Endpoint, enrolled, m.Source, t.Host.Address).ApplyT(func(known []any) (plan.Plan, error) {
		values := t.Args.Plan
		if known[0] == "" || (values.TLS.Enabled() && known[2] == "") {
			return plan.Plan{}, nil
		}
		desired, err := t.render(values, known)
		if err != nil {
			return plan.Plan{}, fmt.Errorf("target %s: %w", t.Args.Host.Name, err)
		}
		return desired, nil
	})
}

// render fills in what only a run finds out: the monitor's key and endpoint, enrol's answer, the monitor's source, the host's address.
func (t *Target) render(values plan.TargetValues, known []any) (plan.Plan, error) {
	key, err := wgtypes.ParseKey(known[0].(string))
	if err != nil {
		return plan.Plan{}, fmt.Errorf("the monitor's WireGuard key: %w", err)
	}
	values.Monitor = plan.Peer{PublicKey: key, Endpoint: known[1].(string), Addresses: t.monitor.Plan.Tunnel.Addresses}
	if values.TLS.Enabled() {
		if values.Certificate, err = facts.ParseCertificate(known[2].(string)); err != nil {
			return plan.Plan{}, err
		}
	}
	if t.Args.Host.Direct {
		if values.Direct, err = t.direct(known[3].(string), known[4].(string)); err != nil {
			return plan.Plan{}, err
		}
	}
	return plan.Target(values)
}

func (t *Target) direct(monitor, own string) (*plan.Direct, error) {
	source, err := netip.ParseAddr(monitor)
	if err != nil {
		return nil, fmt.Errorf("the monitor's address: %w; say in the stack file where it comes from, monitor.source", err)
	}
	listen := t.Args.Listen
	if !listen.IsValid() {
		if listen, err = netip.ParseAddr(own); err != nil {
			return nil, fmt.Errorf("its own address: %w; say in the stack file where its exporter listens, listen", err)
		}
	}
	return &plan.Direct{Listen: listen, Monitor: source}, nil
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
	return pulumi.All(t.Host.PublicKey, t.Host.Request, t.Host.Address).ApplyT(func(known []any) (string, error) {
		if known[0] == "" { // bootstrap failed, and enrol will be skipped
			return "", nil
		}
		values := plan.EnrolValues{
			Host:      t.Args.Host.Name,
			Region:    t.Args.Region,
			Labels:    t.Args.Labels,
			Addresses: t.Args.Plan.Tunnel.Addresses,
			TLS:       t.Args.Plan.TLS,
			Request:   known[1].(string),
			Period:    t.Args.Period,
		}
		var err error
		if values.PublicKey, err = wgtypes.ParseKey(known[0].(string)); err != nil {
			return "", fmt.Errorf("target %s: its WireGuard key: %w", t.Args.Host.Name, err)
		}
		if t.Args.Host.Direct {
			values.Direct = known[2].(string)
		}
		return plan.Enrol(values), nil
	}).(pulumi.StringOutput)
}
