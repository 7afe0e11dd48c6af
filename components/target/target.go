// Package target is one host that is scraped. It needs the monitor, and no other target needs it: if one fails, the
// others go on.
package target

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// Args are what the settings say of a target.
type Args struct {
	Host   host.Args
	Region string
	Labels map[string]string // more labels for its series
	Plan   plan.TargetSpec
	Listen netip.Addr // of a direct target: its own address, if that is not the public one; the zero value: the public one
	Period int64      // see plan.TLS.Period
	// Endpoint is where the others dial a hub, which has a plan.Hub: address or DNS name; "": the host's public address.
	Endpoint string
}

// Target is a host whose exporter the monitor scrapes, through the tunnel or by certificates, and nobody else can.
type Target struct {
	pulumi.ResourceState
	Args    Args
	Host    *host.Host
	Receipt pulumi.StringOutput // JSON: what converge changed, versions, the firewall's digest
	Script  pulumi.StringOutput // what converge ran
	Ready   []pulumi.Resource   // enrolled and converged

	monitor *monitor.Monitor
}

// Type is a Target's in the stack's state.
const Type = "promwire:index:Target"

// New makes a target of the monitor, on the source's machine: bootstrap, then enrol (on the monitor) and converge, in parallel unless
// converge waits for the certificate that enrol signs.
func New(ctx *pulumi.Context, m *monitor.Monitor, source host.Source, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Target, error) {
	t := &Target{Args: args, monitor: m}
	name := args.Host.Name
	if err := record.Short(func() error {
		return ctx.RegisterComponentResource(Type, name, t, opts...)
	}); err != nil {
		return nil, fmt.Errorf("target %s: %w", name, err)
	}
	var err error
	if t.Host, err = host.New(ctx, t, source, prometheus.RoleTarget, args.Host, dependsOn); err != nil {
		return nil, err
	}
	known, err := t.enrolPeer(ctx)
	if err != nil {
		return nil, err
	}
	enrol, err := m.Enrol(ctx, name, t.enrolScript(), pulumi.Parent(t), pulumi.DependsOn(known))
	if err != nil {
		return nil, err
	}
	desired := t.plan(enrol)
	t.Script = text(desired, plan.Plan.Script)
	// One machine under two names must not become the other host: the check is the same as that of enrol.
	converge, err := t.Host.Converge(ctx, t.Script, plan.Library(), func() error { return m.Keys.Clone(name) }, known...)
	if err != nil {
		return nil, err
	}
	t.Receipt = converge.Stdout
	t.Ready = []pulumi.Resource{enrol.Resource, converge.Resource}
	if t.hub() {
		if err := m.Meet(ctx, t.Host, args.Endpoint, t.Script, t.Ready); err != nil {
			return nil, err
		}
	}
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"address": t.Host.Address, "publicKey": t.Host.PublicKey,
	})
}

// hub says whether this is the fleet's.
func (t *Target) hub() bool { return t.Args.Plan.Hub != nil }

// enrolPeer makes the target known at the hub, if there is one, before it dials and before the monitor loses the peer that it may have had.
func (t *Target) enrolPeer(ctx *pulumi.Context) ([]pulumi.Resource, error) {
	if t.monitor.Hub == nil || t.hub() {
		return nil, nil
	}
	end := plan.EnrolPeerValues{Host: t.Args.Host.Name, Addresses: t.Args.Plan.Tunnel.Addresses}
	peer, err := t.monitor.Hub.Enrol(ctx, end, t.Host.Facts, &t.monitor.Keys, pulumi.Parent(t))
	if err != nil {
		return nil, err
	}
	return []pulumi.Resource{peer.Resource}, nil
}

// plan is what the target must be, as soon as all that depends on other resources is known: the monitor as its peer, and, if there are
// any, a certificate and the addresses outside the tunnel. If one of these failed, the target will be skipped, and its plan is zero.
func (t *Target) plan(enrol *remote.Command) pulumix.Output[plan.Plan] {
	certificate, direct := pulumix.Val(facts.Certificate{}), pulumix.Val[*plan.Direct](nil) // not waited for
	if t.Args.Plan.TLS.Enabled() {
		certificate = pulumix.ApplyErr(enrol.Stdout, parse)
	}
	if t.Args.Host.Direct {
		direct = pulumix.Apply2Err(t.monitor.Source, t.Host.Address, t.direct)
	}
	return pulumix.Apply3Err(t.monitor.Peer, certificate, direct, t.render)
}

func (t *Target) render(monitor plan.Peer, certificate facts.Certificate, direct *plan.Direct) (plan.Plan, error) {
	failed := monitor.Addresses == nil || (monitor.Endpoint == "" && !t.hub()) ||
		(t.Args.Plan.TLS.Enabled() && certificate == (facts.Certificate{})) ||
		(t.Args.Host.Direct && direct == nil)
	if failed {
		return plan.Plan{}, nil
	}
	desired, err := plan.Target(plan.TargetValues{TargetSpec: t.Args.Plan, Monitor: monitor, Certificate: certificate, Direct: direct})
	if err != nil {
		return plan.Plan{}, fmt.Errorf("target %s: %w", t.Args.Host.Name, err)
	}
	return desired, nil
}

// parse reads the certificate that enrol printed; a zero one if enrol failed.
func parse(enrolled string) (facts.Certificate, error) {
	if enrolled == "" {
		return facts.Certificate{}, nil
	}
	return facts.ParseCertificate(enrolled)
}

// direct is where the target is scraped outside the tunnel, and by whom; nil if one of the two hosts failed.
func (t *Target) direct(monitor, own string) (*plan.Direct, error) {
	if monitor == "" || own == "" {
		return nil, nil
	}
	source, err := netip.ParseAddr(monitor)
	if err != nil {
		return nil, fmt.Errorf("target %s: the monitor's address: %w; say in the stack file where it comes from, monitor.source", t.Args.Host.Name, err)
	}
	listen := t.Args.Listen
	if !listen.IsValid() {
		if listen, err = netip.ParseAddr(own); err != nil {
			return nil, fmt.Errorf("target %s: its own address: %w; say in the stack file where its exporter listens, listen", t.Args.Host.Name, err)
		}
	}
	return &plan.Direct{Listen: listen, Monitor: source}, nil
}

// text renders one text of a plan that is not known yet; "" if the plan is zero.
func text(desired pulumix.Output[plan.Plan], render func(plan.Plan) (string, error)) pulumi.StringOutput {
	return pulumix.Cast[pulumi.StringOutput](pulumix.ApplyErr(desired, func(p plan.Plan) (string, error) {
		if p.Empty() {
			return "", nil
		}
		return render(p)
	}))
}

// Endpoints are what the monitor scrapes on the target.
func (t *Target) Endpoints() []exporter.Endpoint {
	p := t.Args.Plan
	return exporter.Endpoints(p.Exporters, p.Scrape, p.TLS.Enabled())
}

func (t *Target) enrolScript() pulumi.StringOutput {
	return pulumix.Cast[pulumi.StringOutput](pulumix.Apply3(t.Host.Facts, t.Host.Address, t.monitor.HubEndpoint(t.Host, t.Args.Endpoint), func(found facts.Facts, address, endpoint string) string {
		if found == (facts.Facts{}) { // bootstrap failed, and enrol will be skipped
			return ""
		}
		t.monitor.Keys.Add(t.Args.Host.Name, found.PublicKey.String())
		values := plan.EnrolValues{
			Host:      t.Args.Host.Name,
			Region:    t.Args.Region,
			Labels:    t.Args.Labels,
			PublicKey: found.PublicKey,
			Addresses: t.Args.Plan.Tunnel.Addresses,
			Endpoints: t.Endpoints(),
			TLS:       t.Args.Plan.TLS,
			Request:   found.Request,
			Period:    t.Args.Period,
		}
		switch {
		case t.Args.Host.Direct:
			values.Direct = address
		case t.hub():
			values.Meets = &plan.Meeting{Endpoint: endpoint, Networks: t.Args.Plan.Tunnel.Networks}
		case t.monitor.Hub != nil:
			values.Elsewhere = true
		}
		return plan.Enrol(values)
	}))
}
