// Package verification is the end of every update: it waits until the fleet works, then proves that nobody else gets in. It
// runs again only when a host changed, or when the settings ask for it.
package verification

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/nodeexporter"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/proof"
	"github.com/promwire/promwire/provisioners/pushgateway"
)

// settleTime is what the slowest healthy fleet needs: Prometheus notices new targets within 5 s and scrapes them an interval
// later, a target's own probes run every 15 s, and wireguard may need its 25 s keepalive to find the way again.
const settleTime = 90 * time.Second

// Args are what is verified.
type Args struct {
	Monitor        *monitor.Monitor
	Targets        []*target.Target
	Clusters       []*cluster.Cluster
	ScrapeInterval time.Duration
	Again          string // any text; a new one proves anew
}

// Verification is the proof that a fleet works and is closed.
type Verification struct {
	pulumi.ResourceState
	Matrix pulumi.ArrayOutput  // of {from, to, address, port, expected, seen}
	Table  pulumi.StringOutput // the same for people
}

// New makes the gate and then the probes from outside. Both fail the update by what they see.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Verification, error) {
	v := &Verification{}
	if err := ctx.RegisterComponentResource("promwire:index:Verification", name, v, opts...); err != nil {
		return nil, fmt.Errorf("verification: %w", err)
	}
	gate, err := remote.New(ctx, name+"-gate", remote.Args{Connection: args.Monitor.Host.Connection, Script: gateScript(args)},
		append(args.Monitor.Host.DeletedWith(), pulumi.Parent(v), pulumi.DependsOn(everything(args)))...)
	if err != nil {
		return nil, err
	}
	outside, err := remote.Here(ctx, name+"-outside", outsideScript(args), pulumi.Parent(v), pulumi.DependsOn([]pulumi.Resource{gate.Resource}))
	if err != nil {
		return nil, err
	}
	rows := pulumi.All(outside.Stdout, gate.Stdout).ApplyT(func(printed []any) ([]proof.Row, error) {
		return proof.Matrix(printed[0].(string), printed[1].(string))
	})
	v.Table = rows.ApplyT(func(rows any) string { return proof.Table(rows.([]proof.Row)) }).(pulumi.StringOutput)
	v.Matrix = rows.ApplyT(func(rows any) []any { return maps(rows.([]proof.Row)) }).(pulumi.ArrayOutput)
	return v, ctx.RegisterResourceOutputs(v, pulumi.Map{"matrix": v.Matrix, "table": v.Table})
}

func everything(args Args) []pulumi.Resource {
	all := []pulumi.Resource{args.Monitor.Ready}
	for _, t := range args.Targets {
		all = append(all, t.Ready...)
	}
	for _, c := range args.Clusters {
		all = append(all, c.Ready...)
	}
	return all
}

// gateScript renders the gate once every host's key and plan are known.
func gateScript(args Args) pulumi.StringOutput {
	known := []any{args.Monitor.Script}
	for _, t := range args.Targets {
		known = append(known, t.Host.PublicKey, t.Script, t.Host.Address)
	}
	for _, c := range args.Clusters {
		known = append(known, c.End.PublicKey, c.End.Digest)
	}
	return pulumi.All(known...).ApplyT(func(known []any) string {
		values := proof.GateValues{
			Monitor: args.Monitor.Host.Name,
			Digest:  digest(known[0]),
			Wait:    settleTime + 5*args.ScrapeInterval,
			Again:   args.Again,
			Web:     args.Monitor.Plan.Web,
		}
		for i, t := range args.Targets {
			of := known[1+3*i : 4+3*i]
			values.Targets = append(values.Targets, scraped(t, of[0].(string), digest(of[1]), of[2].(string)))
		}
		for i, c := range args.Clusters {
			of := known[1+3*len(args.Targets)+2*i:]
			values.Clusters = append(values.Clusters, proof.Cluster{
				Name: c.Args.Name, Address: c.Args.Address.String(), PublicKey: of[0].(string), Digest: digest(of[1]), Dark: c.Args.Dark,
			})
		}
		return proof.Gate(values)
	}).(pulumi.StringOutput)
}

// scraped is a target as the gate must know it.
func scraped(t *target.Target, publicKey, digest, address string) proof.Target {
	exporter := nodeexporter.Exporter{TLS: t.Args.Plan.TLS.Enabled()}
	p := proof.Target{
		Name: t.Host.Name, Address: address, Port: exporter.Port(), TLS: exporter.TLS, Tunnel: !t.Args.Host.Direct,
		PublicKey: publicKey, Digest: digest,
	}
	if p.Tunnel {
		p.Address = t.Args.Plan.Tunnel.Addresses[0].String()
	}
	return p
}

// outsideScript renders the operator's probes of all hosts that can be reached from there without a bastion.
func outsideScript(args Args) pulumi.StringOutput {
	var hosts []*host.Host
	var ports []int
	var known []any
	add := func(h *host.Host, ssh plan.SSH, script pulumi.StringOutput) {
		if h.Reachable {
			hosts = append(hosts, h)
			ports = append(ports, ssh.Port)
			known = append(known, h.Address, script)
		}
	}
	add(args.Monitor.Host, args.Monitor.Plan.SSH, args.Monitor.Script)
	for _, t := range args.Targets {
		add(t.Host, t.Args.Plan.SSH, t.Script)
	}
	return pulumi.All(known...).ApplyT(func(known []any) string {
		values := proof.OutsideValues{Again: args.Again}
		for i, h := range hosts {
			values.Hosts = append(values.Hosts, proof.Outsider{
				Name:    h.Name,
				Address: known[2*i].(string),
				SSHPort: ports[i],
				Closed:  args.closed(h),
				Digest:  digest(known[2*i+1]),
			})
		}
		return proof.Outside(values)
	}).(pulumi.StringOutput)
}

// closed are the ports that a host alone has, and that must not answer outside.
func (a Args) closed(h *host.Host) []int {
	if h == a.Monitor.Host && len(a.Monitor.Plan.Jobs) > 0 {
		return []int{pushgateway.Port}
	}
	return nil
}

// digest is a short name of a text: 48 bits, enough to notice a change.
func digest(text any) string {
	sum := sha256.Sum256([]byte(text.(string)))
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
