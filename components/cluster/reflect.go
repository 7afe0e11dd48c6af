package cluster

import (
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/cluster/tunnel"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/wireproxy"
)

// reflect runs the demonstration service. In a dark cluster it listens on its pod's loopback, and its own end of the tunnel
// forwards to it: an example for any workload.
func (c *Cluster) reflect(ctx *pulumi.Context) error {
	if !c.Args.Reflect {
		return nil
	}
	const name = "reflect"
	pod := kubernetes.Pod{
		Role: desired.RoleReflect,
		Containers: []kubernetes.Container{{
			Name: name, Image: c.Args.Images.Reflect, Memory: "64Mi",
			Args: []string{"--listen", listenAt(c.Args.Dark, desired.ReflectPort), "--metrics", listenAt(c.Args.Dark, desired.ReflectMetrics)},
		}},
	}
	wait := c.proved
	if c.Args.Dark {
		end, err := c.reflectEnd(ctx)
		if err != nil {
			return err
		}
		pod = end.Beside(pod)
		wait = append(wait, end.Enrolled)
	} else if err := c.space.Service(ctx, name, desired.RoleReflect, port("tcp", desired.ReflectPort), port("metrics", desired.ReflectMetrics)); err != nil {
		return err
	}
	ready, err := c.space.Run(ctx, name, pod, wait...)
	if err != nil {
		return err
	}
	c.Ready = append(c.Ready, ready)
	return nil
}

// reflectEnd admits the monitor, and the cluster's Prometheus.
func (c *Cluster) reflectEnd(ctx *pulumi.Context) (*tunnel.End, error) {
	var listen []wireproxy.Forward
	for _, number := range []int{desired.ReflectPort, desired.ReflectMetrics} {
		listen = append(listen, wireproxy.Forward{Port: number, To: listenAt(true, number)})
	}
	end, err := tunnel.New(ctx, c.monitor, c.space, tunnel.Args{
		Name: c.Args.ReflectName, Role: desired.RoleReflect, Address: c.Args.ReflectAddress, Key: c.Args.Key, Image: c.Args.Images.Wireproxy,
		Peers: []netip.Addr{c.Args.Address}, Listen: listen,
	}, pulumi.Parent(c))
	if err != nil {
		return nil, err
	}
	c.Ready = append(c.Ready, end.Enrolled)
	return end, nil
}
