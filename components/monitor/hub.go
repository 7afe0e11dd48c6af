package monitor

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
)

// Hub is the host where the ends of the tunnel meet, if that is not the monitor.
type Hub struct {
	Host   *host.Host
	Script pulumi.StringOutput // what converge ran
	Peer   pulumi.Resource     // the monitor is known there

	ready []pulumi.Resource // converged, and known to the monitor
}

// HubEndpoint is where all others dial a hub: host:port. other is its address or DNS name, if that is not the host's public address.
func (m *Monitor) HubEndpoint(hub *host.Host, other string) pulumi.StringOutput {
	return endpoint(hub.Address, other, m.Plan.Tunnel.Port)
}

// Meet makes a host the hub: the monitor becomes a peer there, and what is enrolled from now on does too. ready are the hub's own resources.
func (m *Monitor) Meet(ctx *pulumi.Context, h *host.Host, other string, script pulumi.StringOutput, ready []pulumi.Resource) error {
	m.Hub = &Hub{Host: h, Script: script, ready: ready}
	m.Endpoint = m.HubEndpoint(h, other)
	m.Peer = pulumix.Apply3(m.Peer, h.Facts, m.Endpoint, func(own plan.Peer, hub facts.Facts, endpoint string) plan.Peer {
		if hub == (facts.Facts{}) || own.Addresses == nil { // one of them failed, and what depends on it will be skipped
			return plan.Peer{}
		}
		return plan.Peer{Name: "the hub", PublicKey: hub.PublicKey, Endpoint: endpoint, Addresses: own.Addresses}
	})
	own := plan.EnrolPeerValues{Host: m.Host.Name, Addresses: m.Plan.Tunnel.Addresses}
	peer, err := m.Hub.Enrol(ctx, own, m.Host.Facts, &m.Keys, pulumi.Parent(m))
	if err != nil {
		return err
	}
	m.Hub.Peer = peer.Resource
	return nil
}

// Enrol lets an end of the tunnel dial the hub, with the key among its facts. Deleting the result removes it there.
func (h *Hub) Enrol(ctx *pulumi.Context, end plan.EnrolPeerValues, found pulumix.Input[facts.Facts], keys *Keys, opts ...pulumi.ResourceOption) (*remote.Command, error) {
	script := pulumix.Apply(found, func(f facts.Facts) string {
		if f == (facts.Facts{}) { // bootstrap failed, and this will be skipped
			return ""
		}
		values := end
		values.PublicKey = f.PublicKey
		keys.Add(end.Host, f.PublicKey.String())
		return plan.EnrolPeer(values)
	})
	args := remote.Args{
		Connection: h.Host.Connection, Script: pulumix.Cast[pulumi.StringOutput](script), Undo: true, Unknown: true,
		Check: func() error { return keys.Clone(end.Host) },
	}
	opts = append(append([]pulumi.ResourceOption{pulumi.DependsOn(h.ready)}, h.Host.DeletedWith()...), opts...)
	return remote.New(ctx, end.Host+peer, args, opts...)
}
