package stacks

import (
	"net/netip"

	"github.com/promwire/promwire/components/cluster"
	"github.com/promwire/promwire/components/cluster/pushgateway"
	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// cluster translates the settings of a cluster into the component's Args.
func (t translation) cluster(c settings.Cluster) cluster.Args {
	images := t.settings.Images
	args := cluster.Args{
		Name: c.Name, Fleet: t.fleet, Namespace: c.Namespace,
		Kubeconfig: c.Kubeconfig, Images: images,
		Address: t.at(c.Name), Key: c.Key, Dark: c.Mode == settings.Dark,
		Server: c.Server, Volume: c.Volume, Existing: c.Existing, Expose: c.Expose, Resolvers: c.Resolvers,
		API: c.API, Reflect: c.Reflect, ReflectName: c.ReflectName(),
		Match: c.Match, Interval: t.settings.Monitor.Prometheus.ScrapeInterval,
		AcceptUnenforced: c.AcceptUnenforced, Again: t.settings.Verification.Again,
		TunnelPort: t.settings.Network.Port, ByName: t.byName(), Dials: t.podsDial(c.Name),
	}
	if args.ReflectName != "" {
		args.ReflectAddress = t.at(args.ReflectName)
	}
	if p := c.Pushgateway; p != nil {
		args.Pushgateway = &pushgateway.Args{Image: images.Pushgateway, Jobs: p.Jobs, From: p.From, Key: c.Key}
		if p.Form == settings.Proxied {
			args.Pushgateway.Nginx = images.Nginx
		}
	}
	return args
}

// at is the tunnel address, IPv4, of whoever has this name in the ledger.
func (t translation) at(name string) netip.Addr {
	return ledger.Address(t.settings.Network.V4, t.addresses.Hosts[name])
}

// byName says whether the monitor is dialled by a DNS name. By default a droplet's endpoint is its address.
func (t translation) byName() bool {
	endpoint := t.settings.Monitor.Endpoint
	_, err := netip.ParseAddr(endpoint)
	return endpoint != "" && err != nil
}

// forward are the edges from one end of the tunnel to another, through the monitor: what people allow, unless the ends meet at a hub; and a dark
// cluster's Prometheus scrapes reflect.
func (t translation) forward() []nftables.Edge {
	var edges []nftables.Edge
	if t.settings.Hub == nil {
		for _, e := range t.edges() {
			if e.To != t.settings.Monitor.Name {
				edges = append(edges, e.Edge)
			}
		}
	}
	for _, c := range t.settings.Clusters {
		if name := c.ReflectName(); name != "" {
			edges = append(edges, nftables.Edge{From: t.at(c.Name), To: t.at(name), Port: desired.ReflectMetrics})
		}
	}
	return edges
}
