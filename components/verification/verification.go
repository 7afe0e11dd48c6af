// Package verification is the end of every update: it waits until the fleet works, then proves that nobody else gets in. It
// runs again only when a host changed, or when the settings ask for it.
package verification

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/cluster"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/proof"
)

// settleTime is what the slowest healthy fleet needs: Prometheus notices new targets within 5 s and scrapes them an interval
// later, and WireGuard may need its 25 s keepalive to reconnect. The rest is for slow hosts.
const settleTime = 90 * time.Second

const kind = "promwire:index:Verification"

// Args are what is verified.
type Args struct {
	Monitor        *monitor.Monitor
	Targets        []*target.Target
	Clusters       []*cluster.Cluster
	ScrapeInterval time.Duration
	Again          string       // any text; a new one runs all probes again
	Edges          []proof.Edge // that people allow
	Known          proof.Known
	State          record.State // what the last update left
}

// Verification is the proof that a fleet works and is closed.
type Verification struct {
	pulumi.ResourceState
	Matrix pulumi.ArrayOutput  // of {from, to, address, port, expected, seen}
	Table  pulumi.StringOutput // the same for people
	// Summary is how many probes there were, in a line.
	Summary pulumi.StringOutput
	Ready   pulumi.Resource // depend on it to wait for the proof; to depend on the component may wait for nothing
}

// New makes the gate and then the probes from outside: they must not be older than what somebody did after a gate that failed. Either fails
// the update if a probe does not see what it should.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Verification, error) {
	v := &Verification{}
	if err := ctx.RegisterComponentResource(kind, name, v, opts...); err != nil {
		return nil, fmt.Errorf("verification: %w", err)
	}
	after := everything(args)
	passed := pulumi.String("").ToStringOutput()
	if hub := args.Monitor.Hub; hub != nil {
		gate, err := v.gate(ctx, name+"-hub", hub.Host, hubScript(args, former(args.State, name+"-hub")), after)
		if err != nil {
			return nil, err
		}
		passed, after = gate.Stdout, append(after, gate.Resource)
	}
	gate, err := v.gate(ctx, name+"-gate", args.Monitor.Host, gateScript(args, former(args.State, name+"-gate")), after)
	if err != nil {
		return nil, err
	}
	outside, err := remote.Here(ctx, name+"-outside", outsideScript(args), pulumi.Parent(v), pulumi.DependsOn([]pulumi.Resource{gate.Resource}))
	if err != nil {
		return nil, err
	}
	rows := pulumix.Apply3Err(outside.Stdout, gate.Stdout, passed, func(outside, gate, passed string) ([]proof.Row, error) {
		return proof.Matrix(outside, gate, passed)
	})
	v.Ready = outside.Resource
	v.Table = pulumix.Cast[pulumi.StringOutput](pulumix.Apply(rows, proof.Table))
	v.Summary = pulumix.Cast[pulumi.StringOutput](pulumix.Apply(rows, proof.Summary))
	v.Matrix = pulumix.Cast[pulumi.ArrayOutput](pulumix.Apply(rows, maps))
	return v, ctx.RegisterResourceOutputs(v, pulumi.Map{}) // the stack has them, and the state need not twice
}

// gate is the command of a gate on a host.
func (v *Verification) gate(ctx *pulumi.Context, name string, on *host.Host, script pulumi.StringOutput, after []pulumi.Resource) (*remote.Command, error) {
	args := remote.Args{Connection: on.Connection, Script: script, Unknown: true}
	return remote.New(ctx, name, args, append(on.DeletedWith(), pulumi.Parent(v), pulumi.DependsOn(after))...)
}

func everything(args Args) []pulumi.Resource {
	all := []pulumi.Resource{args.Monitor.Ready}
	if args.Monitor.Plan.Agent { // samples arrive only with the secrets
		all = append(all, args.Monitor.Secrets...)
	}
	for _, t := range args.Targets {
		all = append(all, t.Ready...)
	}
	if hub := args.Monitor.Hub; hub != nil {
		all = append(all, hub.Peer)
	}
	for _, c := range args.Clusters {
		all = append(all, c.Ready...)
	}
	return all
}

// former is a gate of the last update; "" if there was none.
func former(state record.State, name string) string {
	script, _ := state.Of(kind + "$" + remote.Type)[name]["stdin"].(string)
	return script
}

// gateScript renders the gate once every host's key and plan are known.
func gateScript(args Args, former string) pulumi.StringOutput {
	return rendered(args, proof.Gate, former)
}

// hubScript is that of the hub.
func hubScript(args Args, former string) pulumi.StringOutput {
	return rendered(args, proof.HubGate, former)
}

func rendered(args Args, gate func(proof.GateValues) string, former string) pulumi.StringOutput {
	var targets pulumix.Array[proof.Target]
	for _, t := range args.Targets {
		targets = append(targets, scraped(t))
	}
	var clusters pulumix.Array[proof.Cluster]
	for _, c := range args.Clusters {
		clusters = append(clusters, federated(c))
	}
	return pulumix.Cast[pulumi.StringOutput](pulumix.Apply4(args.Monitor.Script, targets, clusters, hub(args.Monitor),
		func(script string, targets []proof.Target, clusters []proof.Cluster, hub proof.Hub) string {
			return proof.LikeFormer(gate, proof.GateValues{
				Monitor:  args.Monitor.Host.Name,
				Digest:   digest(script),
				Targets:  targets,
				Clusters: clusters,
				Wait:     settleTime + 5*args.ScrapeInterval,
				Again:    args.Again,
				Web:      args.Monitor.Plan.Web,
				Known:    args.Known,
				Hub:      hub,
				Agent:    args.Monitor.Plan.Agent,
				Edges:    args.Edges,
			}, former)
		}))
}

// hub is the hub as the gate must know it; zero if there is none.
func hub(m *monitor.Monitor) pulumix.Output[proof.Hub] {
	if m.Hub == nil {
		return pulumix.Val(proof.Hub{})
	}
	return pulumix.Apply(m.Hub.Script, func(script string) proof.Hub {
		return proof.Hub{Name: m.Hub.Host.Name, Monitor: m.Plan.Tunnel.Addresses[0].String(), Digest: digest(script)}
	})
}

// scraped is a target as the gate must know it.
func scraped(t *target.Target) pulumix.Output[proof.Target] {
	return pulumix.Apply3(t.Host.PublicKey, t.Script, t.Host.Address, func(publicKey, script, address string) proof.Target {
		p := proof.Target{
			Name: t.Host.Name, Address: address, Endpoints: t.Endpoints(), Tunnel: !t.Args.Host.Direct,
			PublicKey: publicKey, Digest: digest(script),
		}
		if p.Tunnel {
			p.Address = t.Args.Plan.Tunnel.Addresses[0].String()
		}
		return p
	})
}

// federated is a cluster as the gate must know it.
func federated(c *cluster.Cluster) pulumix.Output[proof.Cluster] {
	return pulumix.Apply2(c.End.PublicKey, c.End.Digest, func(publicKey, configuration string) proof.Cluster {
		return proof.Cluster{
			Name: c.Args.Name, Address: c.Args.Address.String(), PublicKey: publicKey, Digest: digest(configuration), Dark: c.Args.Dark,
		}
	})
}

// outsideScript renders the operator's probes of all hosts that can be reached from there without a bastion.
func outsideScript(args Args) pulumi.StringOutput {
	var hosts pulumix.Array[proof.Outsider]
	add := func(h *host.Host, ssh plan.SSH, closed []int, script pulumi.StringOutput) {
		if !h.Reachable {
			return
		}
		hosts = append(hosts, pulumix.Apply2(h.Address, script, func(address, script string) proof.Outsider {
			return proof.Outsider{Name: h.Name, Address: address, SSHPort: ssh.Port, Closed: closed, Digest: digest(script)}
		}))
	}
	m := args.Monitor
	add(m.Host, m.Plan.SSH, m.Plan.Closed(), m.Script)
	for _, t := range args.Targets {
		add(t.Host, t.Args.Plan.SSH, t.Args.Plan.Closed(), t.Script)
	}
	return pulumix.Cast[pulumi.StringOutput](pulumix.Apply(hosts, func(hosts []proof.Outsider) string {
		return proof.Outside(proof.OutsideValues{Hosts: hosts, Again: args.Again})
	}))
}

// digest is a short name of a text: 48 bits, enough to notice a change.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func maps(rows []proof.Row) []any {
	var all []any
	for _, r := range rows {
		all = append(all, map[string]any{
			"from": r.From, "to": r.To, "address": r.Address, "port": r.Port, "expected": r.Expected, "seen": r.Seen,
		})
	}
	return all
}
