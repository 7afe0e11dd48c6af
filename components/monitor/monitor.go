// Package monitor is the one Prometheus host of a fleet. Nothing of it depends on how many targets there are or whether they work:
// each target enrols itself.
package monitor

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
)

// Args are what the settings say of the monitor.
type Args struct {
	Host        host.Args
	Plan        plan.MonitorValues
	Endpoint    string            // address or DNS name that targets dial, at the tunnel's port; "": the host's public address
	Alerting    *Alerting         // what its Alertmanager needs beside its plan; nil: it has none
	RemoteWrite map[string]string // secrets that the plan's RemoteWrite reads, by name
	Source      string            // IP address that direct targets see the monitor come from; "": the host's public address
}

// Alerting is how alerts reach people.
type Alerting struct {
	Secrets map[string]string // of the receivers, by name
	Test    bool              // whether each update that changes it raises an alert, which must arrive
}

// Monitor is a host that runs Prometheus, and the end of the tunnel that all targets dial.
type Monitor struct {
	pulumi.ResourceState
	Host     *host.Host
	Plan     plan.MonitorValues
	Endpoint pulumi.StringOutput       // host:port
	Source   pulumi.StringOutput       // IP address that direct targets see it come from
	Peer     pulumix.Output[plan.Peer] // as the other ends of the tunnel know it; zero if it failed
	Receipt  pulumi.StringOutput       // JSON: what converge changed, versions, the firewall's digest
	Script   pulumi.StringOutput       // what converge ran
	Ready    pulumi.Resource           // converged
	Secrets  []pulumi.Resource         // commands that bring secrets to its services, after Ready
	Keys     Keys                      // of all hosts, its own included
	Hub      *Hub                      // where the ends of the tunnel meet; nil: here
}

// Type is a Monitor's in the stack's state.
const Type = "promwire:index:Monitor"

// New makes the monitor on the source's machine: bootstrap, converge.
func New(ctx *pulumi.Context, source host.Source, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Monitor, error) {
	m := &Monitor{Plan: args.Plan}
	name := args.Host.Name
	if err := record.Short(func() error {
		return ctx.RegisterComponentResource(Type, name, m, opts...)
	}); err != nil {
		return nil, fmt.Errorf("monitor %s: %w", name, err)
	}
	desired, err := plan.Monitor(args.Plan)
	if err != nil {
		return nil, fmt.Errorf("monitor %s: %w", name, err)
	}
	script, err := desired.Script()
	if err != nil {
		return nil, fmt.Errorf("monitor %s: %w", name, err)
	}
	if m.Host, err = host.New(ctx, m, source, prometheus.RoleMonitor, args.Host, dependsOn); err != nil {
		return nil, err
	}
	m.Endpoint = pulumi.String("").ToStringOutput()
	if args.Plan.Hub == "" {
		m.Endpoint = endpoint(m.Host.Address, args.Endpoint, args.Plan.Tunnel.Port)
	}
	m.Peer = pulumix.Apply2(m.Host.Facts, m.Endpoint, m.peer)
	m.Source = m.Host.Address
	if args.Source != "" {
		m.Source = pulumi.String(args.Source).ToStringOutput()
	}
	m.Script = pulumi.String(script).ToStringOutput()
	converge, err := m.Host.Converge(ctx, m.Script, plan.MonitorLibrary(), nil)
	if err != nil {
		return nil, err
	}
	m.Receipt = converge.Stdout
	m.Ready = converge.Resource
	if err := m.alerting(ctx, args.Alerting); err != nil {
		return nil, err
	}
	if err := m.remoteWrite(ctx, args.RemoteWrite); err != nil {
		return nil, err
	}
	return m, ctx.RegisterResourceOutputs(m, pulumi.Map{
		"address": m.Host.Address, "endpoint": m.Endpoint, "publicKey": m.Host.PublicKey,
	})
}

// alerting gives Alertmanager the secrets of its receivers.
func (m *Monitor) alerting(ctx *pulumi.Context, a *Alerting) error {
	if a == nil || m.Plan.Alertmanager == nil {
		return nil
	}
	return m.secret(ctx, "alerting", plan.Alerting(plan.AlertingValues{
		Host: m.Plan.Host, Configuration: *m.Plan.Alertmanager, Secrets: a.Secrets, Test: a.Test,
	}))
}

// remoteWrite gives Prometheus the secrets of those that it writes to.
func (m *Monitor) remoteWrite(ctx *pulumi.Context, secrets map[string]string) error {
	names := m.Plan.RemoteWrite.Secrets
	if len(names) == 0 {
		return nil
	}
	return m.secret(ctx, "remote-write", plan.RemoteWrite(plan.RemoteWriteValues{Host: m.Plan.Host, Names: names, Secrets: secrets}))
}

// secret runs a script with secrets, by a command of its own: it is a secret too, and shows in no preview.
func (m *Monitor) secret(ctx *pulumi.Context, name, script string) error {
	args := remote.Args{Connection: m.Host.Connection, Script: pulumi.String(script), Secret: true, Unknown: true}
	opts := append([]pulumi.ResourceOption{pulumi.Parent(m), pulumi.DependsOn([]pulumi.Resource{m.Ready})}, m.Host.DeletedWith()...)
	command, err := remote.New(ctx, m.Host.Name+"-"+name, args, opts...)
	if err != nil {
		return err
	}
	m.Secrets = append(m.Secrets, command.Resource)
	return nil
}

// endpoint is where the other ends dial a host, at other if that is not "": an IPv6 address needs the brackets that JoinHostPort puts. It is
// empty if the machine failed.
func endpoint(address pulumi.StringOutput, other string, port int) pulumi.StringOutput {
	if other != "" {
		address = pulumi.String(other).ToStringOutput()
	}
	return address.ApplyT(func(a string) string {
		if a == "" {
			return ""
		}
		return net.JoinHostPort(a, strconv.Itoa(port))
	}).(pulumi.StringOutput)
}

func (m *Monitor) peer(found facts.Facts, endpoint string) plan.Peer {
	if found == (facts.Facts{}) { // bootstrap failed, and what depends on it will be skipped
		return plan.Peer{}
	}
	m.Keys.Add(m.Host.Name, found.PublicKey.String())
	return plan.Peer{PublicKey: found.PublicKey, Endpoint: endpoint, Addresses: m.Plan.Tunnel.Addresses}
}

// Enrolled are the names of what the last update left enrolled, by the type of the component that enrolled it, such as
// promwire:index:Target.
func Enrolled(state record.State, by string) []string { return named(state, by, enrol) }

// AtHub are the names of the ends that the last update left known to a hub, by the type of the component that they are, such as Type.
func AtHub(state record.State, by string) []string { return named(state, by, peer) }

// named are the names of hosts with a command.
func named(state record.State, by, suffix string) []string {
	var names []string
	for name := range state.Of(by + "$" + remote.Type) {
		if host, is := strings.CutSuffix(name, suffix); is {
			names = append(names, host)
		}
	}
	return names
}

// Ends of the names of commands.
const (
	enrol = "-enrol" // on the monitor
	peer  = "-peer"  // on the hub
)

// Enrol adds a target to the monitor: its peer and what to scrape. Deleting the result removes them.
func (m *Monitor) Enrol(ctx *pulumi.Context, target string, script pulumi.StringInput, opts ...pulumi.ResourceOption) (*remote.Command, error) {
	args := remote.Args{
		Connection: m.Host.Connection, Script: script, Undo: true, Unknown: true,
		Check: func() error { return m.Keys.Clone(target) },
	}
	opts = append(append([]pulumi.ResourceOption{pulumi.DependsOn([]pulumi.Resource{m.Ready})}, m.Host.DeletedWith()...), opts...)
	return remote.New(ctx, target+enrol, args, opts...)
}
