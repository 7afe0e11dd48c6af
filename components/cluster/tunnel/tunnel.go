// Package tunnel gives a pod an end of the fleet's tunnel: a container beside the pod's own, without privileges, that dials the monitor and
// forwards ports of the tunnel address to the pod's loopback or to other addresses. The workload needs to know nothing about it. Any
// pod can have one: make an End, and run the pod that Beside returns for yours.
package tunnel

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireguard"
	"github.com/promwire/promwire/provisioners/wireproxy"
)

// volume is the end's own volume in its pod.
const volume = "tunnel"

// Args describe one end.
type Args struct {
	Name       string       // in the ledger
	Role       string       // of its pod; its Secret is called ROLE-tunnel
	Address    netip.Addr   // its own
	Key        string       // any text; another one makes another key
	Image      string       // of wireproxy
	Peers      []netip.Addr // other ends that it connects to, through the monitor; the monitor itself is always one
	Listen     []wireproxy.Forward
	Dial       []wireproxy.Forward
	Federation *prometheus.Federation // of the Prometheus behind it; nil: there is none
}

// Type is an End's in the stack's state.
const Type = "promwire:index:TunnelEnd"

const suffix = "-tunnel"

// Named is the name in the Args of the End that has this name in the stack's state.
func Named(inState string) string { return strings.TrimSuffix(inState, suffix) }

// End is an end of the tunnel for one pod.
type End struct {
	pulumi.ResourceState
	Args      Args
	PublicKey pulumi.StringOutput // base64
	Container kubernetes.Container
	Volume    kubernetes.Volume
	Digest    pulumi.StringOutput // of its configuration
	Enrolled  pulumi.Resource     // the monitor knows it

	monitor *monitor.Monitor
}

// New makes the key and the Secret with the configuration, and enrols the end with the monitor.
func New(ctx *pulumi.Context, m *monitor.Monitor, space *kubernetes.Space, args Args, opts ...pulumi.ResourceOption) (*End, error) {
	e := &End{Args: args, monitor: m}
	name := args.Name + suffix
	if err := ctx.RegisterComponentResource(Type, name, e, opts...); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	key, err := record.Keep(ctx, name+"-key-"+args.Key, newKey, e)
	if err != nil {
		return nil, err
	}
	e.PublicKey = pulumi.Unsecret(key.ApplyT(public)).(pulumi.StringOutput)
	text := e.text(key)
	secret := args.Role + "-tunnel"
	if err := space.Secret(ctx, secret, args.Role, pulumi.StringMap{"config": text}); err != nil {
		return nil, err
	}
	e.Digest = kubernetes.Digest(text)
	e.Volume = kubernetes.Volume{Name: volume, Secret: secret}
	e.Container = kubernetes.Container{
		Name: volume, Image: args.Image, Args: []string{"--config", wireproxy.Config}, Memory: "96Mi",
		Mounts: map[string]string{wireproxy.Folder: volume},
	}
	enrolled, err := m.Enrol(ctx, name, e.enrol(), pulumi.Parent(e))
	if err != nil {
		return nil, err
	}
	e.Enrolled = enrolled.Resource
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"address": pulumi.String(args.Address.String()), "publicKey": e.PublicKey})
}

// Beside returns the pod with the end in it, beside its own containers. It starts again when the end's configuration changes.
func (e *End) Beside(pod kubernetes.Pod) kubernetes.Pod {
	pod.Containers = append(slices.Clone(pod.Containers), e.Container)
	pod.Volumes = append(slices.Clone(pod.Volumes), e.Volume)
	digests := map[string]pulumi.StringOutput{"tunnel": e.Digest}
	maps.Copy(digests, pod.Digests)
	pod.Digests = digests
	return pod
}

func newKey() (string, error) {
	key, err := wgtypes.GeneratePrivateKey()
	return key.String(), err
}

func public(private string) (string, error) {
	key, err := wgtypes.ParseKey(private)
	if err != nil {
		return "", err
	}
	return key.PublicKey().String(), nil
}

// text is the configuration, with the private key in it: a secret.
func (e *End) text(key pulumi.StringOutput) pulumi.StringOutput {
	return pulumix.Cast[pulumi.StringOutput](pulumix.Apply2(key, e.monitor.Peer, func(key string, monitor plan.Peer) string {
		if monitor.Endpoint == "" { // the monitor failed, and what depends on it will be skipped
			return ""
		}
		end := wireproxy.End{
			Address: e.Args.Address, Listen: e.Args.Listen, Dial: e.Args.Dial,
			Monitor: wireguard.Peer{
				Name: "the monitor", PublicKey: monitor.PublicKey, Endpoint: monitor.Endpoint, Keepalive: wireguard.Keepalive,
				AllowedIPs: wireguard.Hosts(append([]netip.Addr{monitor.Addresses[0]}, e.Args.Peers...)),
			},
		}
		return end.Render(key)
	}))
}

func (e *End) enrol() pulumi.StringOutput {
	return e.PublicKey.ApplyT(func(text string) (string, error) {
		key, err := wgtypes.ParseKey(text)
		if err != nil {
			return "", fmt.Errorf("%s: its WireGuard key: %w", e.Args.Name, err)
		}
		return plan.EnrolCluster(plan.EnrolClusterValues{
			Name: e.Args.Name, PublicKey: key, Address: e.Args.Address, Federation: e.Args.Federation,
		}), nil
	}).(pulumi.StringOutput)
}
