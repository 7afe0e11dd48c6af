package cluster

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireproxy"
)

// gateway runs the pod that has the cluster's end of the tunnel and leads to what listens inside the cluster.
func (c *Cluster) gateway(ctx *pulumi.Context) error {
	if c.Args.Dark {
		return nil
	}
	const name = "gateway"
	if err := c.end(ctx, desired.RoleGateway, c.gatewayForwards()); err != nil {
		return err
	}
	if err := c.dials(ctx); err != nil {
		return err
	}
	ready, err := c.space.Run(ctx, name, c.End.Beside(kubernetes.Pod{Role: desired.RoleGateway}), append(c.proved, c.End.Enrolled)...)
	if err != nil {
		return err
	}
	c.Ready = append(c.Ready, ready)
	return nil
}

func (c *Cluster) gatewayForwards() forwards {
	own := desired.Service{Name: "prometheus", Namespace: c.Args.Namespace, Port: desired.PrometheusPort}
	if c.Args.Existing != nil {
		own = *c.Args.Existing
	}
	f := forwards{listen: []wireproxy.Forward{{Port: prometheus.Port, To: own.At()}}}
	if c.Args.Reflect {
		to := desired.Service{Name: "reflect", Namespace: c.Args.Namespace, Port: desired.ReflectPort}
		f.listen = append(f.listen, wireproxy.Forward{Port: desired.ReflectPort, To: to.At()})
	}
	if c.Args.API {
		f.listen = append(f.listen, wireproxy.Forward{Port: desired.APIPort, To: desired.Service{Name: "kubernetes", Namespace: "default", Port: 443}.At()})
	}
	for _, e := range c.Args.Expose {
		f.listen = append(f.listen, wireproxy.Forward{Port: e.TunnelPort, To: e.At()})
	}
	for to, number := range desired.DialPorts(c.Args.Dials) {
		f.dial = append(f.dial, wireproxy.Forward{Port: number, To: to.String(), Pods: true})
		if address := to.Addr(); !slices.Contains(f.peers, address) && !slices.Contains(c.monitor.Plan.Tunnel.Addresses, address) {
			f.peers = append(f.peers, address)
		}
	}
	return f
}

// dials makes a Service for each host that pods may reach.
func (c *Cluster) dials(ctx *pulumi.Context) error {
	numbers, services := desired.DialPorts(c.Args.Dials), map[string][]kubernetes.Port{}
	for _, d := range c.Args.Dials {
		p := kubernetes.Port{Name: fmt.Sprintf("tcp-%d", d.To.Port()), Number: int(d.To.Port()), Pods: numbers[d.To]}
		if !slices.Contains(services[d.Service()], p) { // of several namespaces
			services[d.Service()] = append(services[d.Service()], p)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if err := c.space.Service(ctx, name, desired.RoleGateway, services[name]...); err != nil {
			return err
		}
	}
	return nil
}

// Kubectl is the way to the Kubernetes API through the tunnel: a line that opens it, and what to add to kubectl. "" where there is none.
func (c *Cluster) Kubectl(login pulumi.StringOutput) pulumi.StringOutput {
	if !c.Args.API {
		return pulumi.String("").ToStringOutput()
	}
	return pulumi.Sprintf("ssh -L %d:%s:%d%s; kubectl --server https://127.0.0.1:%d --tls-server-name kubernetes.default.svc",
		desired.APIPort, c.Args.Address.String(), desired.APIPort, login, desired.APIPort)
}

// listenAt is a process's listen flag: in a dark cluster, its pod's loopback.
func listenAt(dark bool, number int) string {
	if dark {
		return fmt.Sprintf("127.0.0.1:%d", number)
	}
	return fmt.Sprintf(":%d", number)
}
