// Command pod is a Pulumi program of your own that makes a fleet, and gives a pod of yours an end of its tunnel: the monitor reaches the
// pod, and nobody else does. Its stack file describes the fleet, like promwire's own (docs/settings.md).
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/cluster/tunnel"
	policies "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/wireproxy"
	"github.com/promwire/promwire/stacks"
)

const (
	shop           = "shop" // the name of the pod, of its namespace, and of its end of the tunnel
	image          = "registry.example.com/shop@sha256:2222222222222222222222222222222222222222222222222222222222222222"
	wireproxyImage = "registry.example.com/wireproxy@sha256:1111111111111111111111111111111111111111111111111111111111111111" // https://github.com/windtf/wireproxy
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	fleet, err := stacks.New(ctx, shop)
	if err != nil {
		return err
	}
	space, err := kubernetes.NewSpace(ctx, kubernetes.Space{Cluster: shop, Fleet: fleet.Name, Namespace: shop}, policies.Kubeconfig{}, fleet, nil)
	if err != nil {
		return err
	}
	closed, err := space.Close(ctx) // the namespace, except for the edge to the monitor
	if err != nil {
		return err
	}
	open, err := space.Open(ctx, policies.Policies([]policies.Edge{{
		From: policies.End{Role: shop}, To: policies.End{Monitor: true}, Protocol: policies.UDP, Port: fleet.Settings.Network.Port,
	}}), fleet.Monitor.Endpoint)
	if err != nil {
		return err
	}
	end, err := tunnel.New(ctx, fleet.Monitor, space, tunnel.Args{
		Name: shop, Role: shop, Address: fleet.Address(shop), Key: "1", Image: wireproxyImage,
		Listen: []wireproxy.Forward{{Port: 8080, To: "127.0.0.1:8080"}},
	}, pulumi.Parent(fleet))
	if err != nil {
		return err
	}
	pod := kubernetes.Pod{Role: shop, Containers: []kubernetes.Container{{
		Name: shop, Image: image, Args: []string{"--listen", "127.0.0.1:8080"},
	}}}
	if _, err := space.Run(ctx, shop, end.Beside(pod), append(open, closed, end.Enrolled)...); err != nil {
		return err
	}
	ctx.Export(shop, pulumi.Sprintf("http://%s:8080", fleet.Address(shop).String()))
	return fleet.Refused
}
