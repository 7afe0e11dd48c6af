// Package cluster is a Kubernetes cluster that the monitor federates: a Prometheus of its own, reached only through the tunnel. Behind a
// gateway, Prometheus listens inside the cluster; in a dark cluster nothing listens on the cluster's network at all.
package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/cluster/preflight"
	"github.com/promwire/promwire/components/cluster/pushgateway"
	"github.com/promwire/promwire/components/cluster/tunnel"
	"github.com/promwire/promwire/components/monitor"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Args are what the settings say of a cluster.
type Args struct {
	Name, Fleet, Namespace string
	Kubeconfig             desired.Kubeconfig
	Images                 desired.Images
	Address                netip.Addr // in the tunnel
	Key                    string     // any text; another one makes other keys
	Dark                   bool       // nothing listens on the cluster's network; otherwise a gateway leads to what does
	Server                 desired.Server
	Volume                 *desired.Volume  // of Server's data; nil: the node's disk, gone with the pod
	Existing               *desired.Service // a Prometheus that exists already; nil: promwire runs one
	API                    bool             // whether the gateway leads to the Kubernetes API
	Expose                 []desired.Exposed
	Dials                  []desired.Dial     // of pods, to hosts in the tunnel, through the gateway
	Resolvers              []desired.Resolver // of names, beside those that the cluster shows
	Reflect                bool
	ReflectName            string     // its own end of the tunnel; "": it has none
	ReflectAddress         netip.Addr // of that
	Pushgateway            *pushgateway.Args
	Match                  []string      // selectors of the series that the monitor takes
	Interval               time.Duration // between two federations
	AcceptUnenforced       bool          // whether to go on where policies are not enforced
	Again                  string        // any text; a new one checks again that policies are enforced
	TunnelPort             int           // UDP, of the monitor
	ByName                 bool          // whether the monitor is dialled by a DNS name
}

// Cluster is one that the monitor federates.
type Cluster struct {
	pulumi.ResourceState
	Args        Args
	End         *tunnel.End
	Pushgateway *pushgateway.Pushgateway // nil: none
	Ready       []pulumi.Resource        // all that has to be there before it can be federated

	monitor *monitor.Monitor
	space   *kubernetes.Space
	found   preflight.Found
	proved  []pulumi.Resource // the policies and the proof that they are enforced: all pods wait for these
}

// New makes what a monitor needs in a cluster. It asks the cluster first whether that is possible, and makes nothing if not. Then: the
// namespace, closed; the policies that open edges; the proof that both are enforced; and what runs there.
func New(ctx *pulumi.Context, m *monitor.Monitor, args Args, dependsOn []pulumi.Resource, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{Args: args, monitor: m}
	var err error
	if c.found, err = preflight.Check(ctx.Context(), c.questions()); err != nil {
		return nil, err
	}
	if err := ctx.RegisterComponentResource("promwire:index:Cluster", args.Name, c, opts...); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", args.Name, err)
	}
	space := kubernetes.Space{Cluster: args.Name, ID: c.found.ID, Fleet: args.Fleet, Namespace: args.Namespace}
	if c.space, err = kubernetes.NewSpace(ctx, space, args.Kubeconfig, c, dependsOn); err != nil {
		return nil, err
	}
	for _, part := range []func(*pulumi.Context) error{c.policies, c.canary, c.pushgateway, c.prometheus, c.reflect, c.gateway} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"address": pulumi.String(args.Address.String()), "publicKey": c.End.PublicKey})
}

// questions are what the cluster is asked first.
func (c *Cluster) questions() preflight.Values {
	v := preflight.Values{
		Cluster: c.Args.Name, Kubeconfig: c.Args.Kubeconfig, Namespace: c.Args.Namespace, Fleet: c.Args.Fleet,
	}
	var rights []desired.Right
	if c.Args.Existing == nil {
		scrapes := c.Args.Server.Scrapes
		rights = scrapes.Rights()
		v.Nodes, v.Others = scrapes.OfNodes() && len(scrapes.Nodes) == 0, scrapes.Namespaces()
	}
	v.Needs = preflight.Needs(rights, c.Args.Volume != nil)
	return v
}

// policies close the namespace and open the edges of the graph.
func (c *Cluster) policies(ctx *pulumi.Context) error {
	closed, err := c.space.Close(ctx)
	if err != nil {
		return err
	}
	open, err := c.space.Open(ctx, desired.Policies(desired.Graph(c.graph())), c.monitorAddress())
	if err != nil {
		return err
	}
	c.proved = slices.Concat(open, []pulumi.Resource{closed})
	return nil
}

// monitorAddress is the address in policies, unless they open the tunnel's port to everybody.
func (c *Cluster) monitorAddress() pulumi.StringInput {
	if c.Args.ByName {
		return pulumi.String("")
	}
	return c.monitor.Endpoint
}

func (c *Cluster) graph() desired.Values {
	v := desired.Values{
		Dark: c.Args.Dark, TunnelPort: c.Args.TunnelPort, ByName: c.Args.ByName, APIServers: c.found.APIServers,
		API: c.Args.API, Reflect: c.Args.Reflect,
		Existing: c.Args.Existing, Expose: c.Args.Expose, Dials: c.Args.Dials, Scrapes: c.Args.Server.Scrapes,
		Resolvers: slices.Concat(c.found.Resolvers, c.Args.Resolvers),
	}
	if len(v.Scrapes.Nodes) == 0 {
		v.Scrapes.Nodes = c.found.Nodes
	}
	if p := c.Args.Pushgateway; p != nil {
		v.Pushgateway, v.PushFrom = p.Port(), p.From
	}
	return v
}

func (c *Cluster) pushgateway(ctx *pulumi.Context) error {
	if c.Args.Pushgateway == nil {
		return nil
	}
	var err error
	if c.Pushgateway, err = pushgateway.New(ctx, c.space, *c.Args.Pushgateway, c.proved, pulumi.Parent(c)); err != nil {
		return err
	}
	c.Ready = append(c.Ready, c.Pushgateway.Ready)
	return nil
}
