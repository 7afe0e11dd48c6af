package cluster

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cluster/kubernetes"
	"github.com/promwire/promwire/components/cluster/tunnel"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/wireproxy"
)

// prometheus runs promwire's own, unless there is another one. In a dark cluster its pod has the cluster's end of the tunnel too.
func (c *Cluster) prometheus(ctx *pulumi.Context) error {
	if c.Args.Existing != nil {
		return nil
	}
	const name = "prometheus"
	if err := c.space.ConfigMap(ctx, name, desired.RolePrometheus, pulumi.StringMap{
		desired.ConfigFile: pulumi.String(c.server().Render()), desired.RulesName: pulumi.String(desired.Rules()),
	}); err != nil {
		return err
	}
	if err := c.space.Account(ctx, name, desired.RolePrometheus, c.Args.Server.Scrapes.Rights()...); err != nil {
		return err
	}
	data, err := c.data(ctx, name)
	if err != nil {
		return err
	}
	pod := c.prometheusPod(name, data)
	wait := c.proved
	if c.Args.Dark {
		if err := c.end(ctx, desired.RolePrometheus, c.darkForwards()); err != nil {
			return err
		}
		pod = c.End.Beside(pod)
		wait = append(wait, c.End.Enrolled)
	} else if err := c.space.Service(ctx, name, desired.RolePrometheus, port("http", desired.PrometheusPort)); err != nil {
		return err
	}
	ready, err := c.space.Run(ctx, name, pod, wait...)
	if err != nil {
		return err
	}
	c.Ready = append(c.Ready, ready)
	return nil
}

// server is what Prometheus's configuration needs.
func (c *Cluster) server() desired.Server {
	s := c.Args.Server
	if c.Args.Reflect {
		s.Reflect = fmt.Sprintf("reflect.%s.svc:%d", c.Args.Namespace, desired.ReflectMetrics)
		if c.Args.Dark {
			s.Reflect = fmt.Sprintf("127.0.0.1:%d", desired.ReflectMetrics)
		}
	}
	if c.Pushgateway != nil {
		s.Pushgateway, s.PushgatewayAs = c.Pushgateway.At, pushgateway.Scraper
	}
	return s
}

// data is where Prometheus keeps its data: on the node's disk, gone with the pod, unless the settings ask for a volume.
func (c *Cluster) data(ctx *pulumi.Context, name string) (kubernetes.Volume, error) {
	volume := kubernetes.Volume{Name: "data"}
	if c.Args.Volume == nil {
		return volume, nil
	}
	claim, err := c.space.Claim(ctx, name, desired.RolePrometheus, c.Args.Volume.StorageClass, c.Args.Volume.Size)
	volume.Claim = claim
	return volume, err
}

// prometheusPod listens inside the cluster, or, in a dark one, on its loopback. It reads a changed configuration again by itself.
func (c *Cluster) prometheusPod(name string, data kubernetes.Volume) kubernetes.Pod {
	listen := ""
	if c.Args.Dark {
		listen = "127.0.0.1"
	}
	pod := kubernetes.Pod{
		Role: desired.RolePrometheus, Account: name,
		Containers: []kubernetes.Container{{
			Name: name, Image: c.Args.Images.Prometheus,
			Args: []string{
				"--config.file=" + desired.ConfigFolder + "/" + desired.ConfigFile,
				"--storage.tsdb.path=" + desired.DataFolder,
				fmt.Sprintf("--web.listen-address=%s:%d", listen, desired.PrometheusPort),
				"--enable-feature=auto-reload-config",
				"--config.auto-reload-interval=15s",
			},
			Mounts: map[string]string{desired.ConfigFolder: "config", desired.DataFolder: "data"},
			Ready:  ask("/-/ready"),
			Alive:  ask("/-/healthy"),
		}},
		Volumes: []kubernetes.Volume{{Name: "config", ConfigMap: name}, data},
	}
	if c.Args.Server.Scrapes.State {
		pod.Containers = append(pod.Containers, kubernetes.Container{
			Name: desired.JobState, Image: c.Args.Images.KubeStateMetrics, Args: desired.StateArgs(), Memory: stateMemory,
		})
	}
	if p := c.Pushgateway; p != nil {
		pod.Containers[0].Mounts[desired.PushgatewayFolder] = "pushgateway"
		pod.Volumes = append(pod.Volumes, kubernetes.Volume{Name: "pushgateway", Secret: p.Scrape})
	}
	return pod
}

// stateMemory is what kube-state-metrics has at most, so that a cluster that grows ends it alone, and not, by the node's need of memory, Prometheus with
// it. Its project counts on 250 MiB for 100 nodes, and one scrape by default admits what a few hundred say.
const stateMemory = "1Gi"

func ask(path string) []string {
	return []string{"/bin/wget", "-q", "-O", "/dev/null", fmt.Sprintf("http://127.0.0.1:%d%s", desired.PrometheusPort, path)}
}

func port(name string, number int) kubernetes.Port {
	return kubernetes.Port{Name: name, Number: number, Pods: number}
}

// forwards are the ports that an end of the tunnel forwards, and which other ends it connects to.
type forwards struct {
	listen, dial []wireproxy.Forward
	peers        []netip.Addr
}

func (c *Cluster) darkForwards() forwards {
	f := forwards{listen: []wireproxy.Forward{{Port: prometheus.Port, To: fmt.Sprintf("127.0.0.1:%d", desired.PrometheusPort)}}}
	if c.Args.Reflect {
		to := netip.AddrPortFrom(c.Args.ReflectAddress, desired.ReflectMetrics)
		f.dial = []wireproxy.Forward{{Port: desired.ReflectMetrics, To: to.String()}}
		f.peers = []netip.Addr{c.Args.ReflectAddress}
	}
	return f
}

// end makes the cluster's own end of the tunnel, in the pod of a role.
func (c *Cluster) end(ctx *pulumi.Context, role string, f forwards) error {
	var err error
	c.End, err = tunnel.New(ctx, c.monitor, c.space, tunnel.Args{
		Name: c.Args.Name, Role: role, Address: c.Args.Address, Key: c.Args.Key, Image: c.Args.Images.Wireproxy,
		Peers: f.peers, Listen: f.listen, Dial: f.dial,
		Federation: &prometheus.Federation{
			Cluster: c.Args.Name, Address: c.Args.Address, Match: c.Args.Match, Interval: c.Args.Interval,
		},
	}, pulumi.Parent(c))
	if err != nil {
		return err
	}
	c.Ready = append(c.Ready, c.End.Enrolled)
	return nil
}
