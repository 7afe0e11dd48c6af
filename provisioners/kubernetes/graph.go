package kubernetes

import (
	"net/netip"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// TCP ports of pods.
const (
	PrometheusPort = prometheus.Port
	ReflectPort    = 7000
	ReflectMetrics = 8080
)

// Ports of the canary: what may be reached, what the canary's side closes, and what the probe's side closes.
const (
	CanaryOpen    = 8081
	CanaryIngress = 8082 // open at the probe's side, closed at the canary's
	CanaryEgress  = 8083 // open at the canary's side, closed at the probe's
	CanaryDone    = 8084 // where the probe reports that it is done
)

// Values are what the graph of one cluster depends on.
type Values struct {
	Dark        bool
	TunnelPort  int              // UDP, of the monitor
	ByName      bool             // whether the monitor is dialled by a DNS name, whose address may be any
	APIServers  []netip.AddrPort // behind the Service kubernetes.default
	Resolvers   []Resolver       // beside KubeDNS
	API         bool             // whether the gateway leads to them
	Existing    *Service         // a Prometheus that is not promwire's
	Expose      []Exposed
	Dials       []Dial // of pods, through the gateway
	Reflect     bool
	Scrapes     Scrapes  // its Nodes are all of them
	Pushgateway int      // TCP port of its pods where others push; 0: there is none
	PushFrom    []string // namespaces whose pods push
}

// Graph is every edge that is open in promwire's namespace.
func Graph(v Values) []Edge {
	graph := v.tunnel()
	if v.Existing == nil {
		graph = append(graph, v.scrapes()...)
	}
	if !v.Dark {
		graph = append(graph, v.gateway()...)
	}
	if v.Pushgateway != 0 {
		graph = append(graph, v.pushes()...)
	}
	return graph
}

// tunnel has the edges by which each end of the tunnel dials the monitor.
func (v Values) tunnel() []Edge {
	holders := []string{RoleGateway}
	if v.Dark {
		holders = []string{RolePrometheus}
		if v.Reflect {
			holders = append(holders, RoleReflect)
		}
	}
	var edges []Edge
	for _, role := range holders {
		to := End{Monitor: true}
		if v.ByName {
			to = End{}
			edges = append(edges, v.dns(role)...)
		}
		edges = append(edges, Edge{End{Role: role}, to, UDP, v.TunnelPort})
	}
	return edges
}

// scrapes is what promwire's own Prometheus reads.
func (v Values) scrapes() []Edge {
	edges := append(v.dns(RolePrometheus), v.apiServers(RolePrometheus)...)
	if v.Reflect && !v.Dark {
		edges = append(edges, Edge{End{Role: RolePrometheus}, End{Role: RoleReflect}, TCP, ReflectMetrics})
	}
	return append(edges, v.Scrapes.edges()...)
}

// gateway is what the gateway leads to.
func (v Values) gateway() []Edge {
	from := End{Role: RoleGateway}
	edges := v.dns(RoleGateway)
	if v.Existing != nil {
		edges = append(edges, Edge{from, End{Namespace: v.Existing.Namespace}, TCP, v.Existing.PodPort})
	} else {
		edges = append(edges, Edge{from, End{Role: RolePrometheus}, TCP, PrometheusPort})
	}
	if v.Reflect {
		edges = append(edges, Edge{from, End{Role: RoleReflect}, TCP, ReflectPort})
	}
	for _, e := range v.Expose {
		edges = append(edges, Edge{from, End{Namespace: e.Namespace}, TCP, e.PodPort})
	}
	if v.API {
		edges = append(edges, v.apiServers(RoleGateway)...)
	}
	return append(edges, v.toGateway()...)
}

func (v Values) pushes() []Edge {
	to := End{Role: RolePushgateway}
	edges := []Edge{
		{End{Role: RolePrometheus}, to, TCP, v.Pushgateway},
	}
	for _, namespace := range v.PushFrom {
		edges = append(edges, Edge{End{Namespace: namespace}, to, TCP, v.Pushgateway})
	}
	return edges
}

// apiServers are the addresses behind the Service kubernetes.default: policies match a packet's real destination.
func (v Values) apiServers(role string) []Edge {
	var edges []Edge
	for _, server := range v.APIServers {
		edges = append(edges, Edge{End{Role: role}, End{Network: single(server.Addr())}, TCP, int(server.Port())})
	}
	return edges
}

func single(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// Canary are the policies of two pods that show whether policies are enforced. The probe may open one connection to the canary; each
// of two others is closed only at one side, to find a plugin that enforces only the other side.
func Canary() []Policy {
	probe, canary := End{Role: RoleProbe}, End{Role: RoleCanary}
	open, done := Edge{probe, canary, TCP, CanaryOpen}, Edge{probe, canary, TCP, CanaryDone}
	return []Policy{
		{Role: RoleCanary, Ingress: []Edge{open, done, {End{}, canary, TCP, CanaryEgress}}},
		{Role: RoleProbe, Egress: []Edge{open, done, {probe, canary, TCP, CanaryIngress}}},
	}
}
