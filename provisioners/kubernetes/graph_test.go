package kubernetes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

var servers = []netip.AddrPort{netip.MustParseAddrPort("172.18.0.2:6443"), netip.MustParseAddrPort("[fd00::2]:6443")}

// dns and api are edges that several graphs have.
var (
	dnsOf = func(role string) []string {
		return []string{role + " -> namespace kube-system k8s-app=kube-dns 53/TCP", role + " -> namespace kube-system k8s-app=kube-dns 53/UDP"}
	}
	apiOf = func(role string) []string {
		return []string{role + " -> 172.18.0.2/32 6443/TCP", role + " -> fd00::2/128 6443/TCP"}
	}
)

// TestGraph: every edge that is open, and no other.
func TestGraph(t *testing.T) {
	base := Values{TunnelPort: 51820, APIServers: servers}
	db, monitor := netip.MustParseAddrPort("10.98.0.3:5432"), netip.MustParseAddrPort("10.98.0.1:9090")
	of := DialPorts([]Dial{{To: db}, {To: monitor}})
	with := func(change func(*Values)) Values {
		v := base
		change(&v)
		return v
	}
	for _, c := range []struct {
		name string
		v    Values
		want [][]string
	}{
		{"gateway", base, [][]string{
			dnsOf("gateway"), dnsOf("prometheus"), apiOf("prometheus"),
			{"gateway -> prometheus 9090/TCP", "gateway -> the monitor 51820/UDP"},
		}},
		{"gateway with everything", with(func(v *Values) {
			v.API, v.Reflect, v.Pushgateway, v.PushFrom = true, true, 8443, []string{"batch", "night"}
			v.Expose = []Exposed{
				{Service{Name: "grafana", Namespace: "tools", Port: 80, PodPort: 3000}, 8080},
				{Service{Name: "loki", Namespace: "logs", Port: 3100, PodPort: 3100}, 3100},
			}
			v.Dials = []Dial{{"db-1", db, "shop"}, {"monitor-1", monitor, "monitoring"}, {"db-1", db, "till"}}
		}), [][]string{
			dnsOf("gateway"), dnsOf("prometheus"), apiOf("prometheus"), apiOf("gateway"),
			{
				fmt.Sprintf("namespace monitoring -> gateway %d/TCP", of[monitor]), fmt.Sprintf("namespace shop -> gateway %d/TCP", of[db]), fmt.Sprintf("namespace till -> gateway %d/TCP", of[db]),
				"gateway -> prometheus 9090/TCP", "gateway -> reflect 7000/TCP", "gateway -> the monitor 51820/UDP",
				"gateway -> namespace logs 3100/TCP", "gateway -> namespace tools 3000/TCP",
				"prometheus -> reflect 8080/TCP", "prometheus -> pushgateway 8443/TCP",
				"namespace batch -> pushgateway 8443/TCP", "namespace night -> pushgateway 8443/TCP",
			},
		}},
		{"gateway to an existing Prometheus", with(func(v *Values) {
			v.Existing = &Service{Name: "prometheus-operated", Namespace: "monitoring", Port: 9090, PodPort: 9091}
		}), [][]string{
			dnsOf("gateway"), {"gateway -> namespace monitoring 9091/TCP", "gateway -> the monitor 51820/UDP"},
		}},
		{"dark, with other resolvers", with(func(v *Values) {
			v.Dark, v.APIServers = true, nil
			v.Resolvers = append(NodeLocal(netip.MustParseAddr("10.96.0.10")), OpenShiftDNS, Resolver{Namespace: "names", Port: 1053})
		}), [][]string{dnsOf("prometheus"), {
			"prometheus -> the monitor 51820/UDP",
			"prometheus -> namespace kube-system k8s-app=node-local-dns 53/TCP", "prometheus -> namespace kube-system k8s-app=node-local-dns 53/UDP",
			"prometheus -> 169.254.20.10/32 53/TCP", "prometheus -> 169.254.20.10/32 53/UDP",
			"prometheus -> 10.96.0.10/32 53/TCP", "prometheus -> 10.96.0.10/32 53/UDP",
			"prometheus -> namespace openshift-dns dns.operator.openshift.io/daemonset-dns=default 5353/TCP",
			"prometheus -> namespace openshift-dns dns.operator.openshift.io/daemonset-dns=default 5353/UDP",
			"prometheus -> namespace names 1053/TCP", "prometheus -> namespace names 1053/UDP",
		}}},
		{"gateway by name", with(func(v *Values) { v.ByName, v.TunnelPort = true, 443 }), [][]string{
			dnsOf("gateway"), dnsOf("prometheus"), apiOf("prometheus"), {"gateway -> prometheus 9090/TCP", "gateway -> everybody 443/UDP"},
		}},
		{"dark", with(func(v *Values) { v.Dark = true }), [][]string{
			dnsOf("prometheus"), apiOf("prometheus"), {"prometheus -> the monitor 51820/UDP"},
		}},
		{"everything of the cluster", with(func(v *Values) { v.Dark, v.Scrapes = true, everything }), [][]string{
			dnsOf("prometheus"), apiOf("prometheus"), {
				"prometheus -> the monitor 51820/UDP", "prometheus -> 10.0.0.0/24 10250/TCP", "prometheus -> fd00::7/128 10250/TCP",
				"prometheus -> namespace shop app=till tier=web 8080/TCP", "prometheus -> namespace tools 9100/TCP",
			},
		}},
		{"everything of the cluster, which has a Prometheus", with(func(v *Values) {
			v.Scrapes, v.Existing = everything, &Service{Name: "prometheus-operated", Namespace: "monitoring", Port: 9090, PodPort: 9091}
		}), [][]string{dnsOf("gateway"), {"gateway -> namespace monitoring 9091/TCP", "gateway -> the monitor 51820/UDP"}}},
		{"dark with reflect", with(func(v *Values) { v.Dark, v.Reflect = true, true }), [][]string{
			dnsOf("prometheus"), apiOf("prometheus"), {"prometheus -> the monitor 51820/UDP", "reflect -> the monitor 51820/UDP"},
		}},
		{"dark with reflect by name", with(func(v *Values) { v.Dark, v.Reflect, v.ByName = true, true, true }), [][]string{
			dnsOf("prometheus"), dnsOf("reflect"), apiOf("prometheus"), {"prometheus -> everybody 51820/UDP", "reflect -> everybody 51820/UDP"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, edge := range Graph(c.v) {
				got = append(got, edge.String())
			}
			slices.Sort(got)
			want := slices.Sorted(slices.Values(slices.Concat(c.want...)))
			for _, edge := range want {
				if !slices.Contains(got, edge) {
					t.Errorf("closed: %s", edge)
				}
			}
			for _, edge := range got {
				if !slices.Contains(want, edge) {
					t.Errorf("open: %s", edge)
				}
			}
		})
	}
}

// TestPolicies: each edge is in one policy for either end that is promwire's, whatever the order of the graph.
func TestPolicies(t *testing.T) {
	v := Values{TunnelPort: 51820, APIServers: servers, API: true, Reflect: true, ByName: true, Pushgateway: 8443, PushFrom: []string{"batch", "batch"}}
	graph := Graph(v)
	want := Policies(graph)
	for range 50 {
		rand.Shuffle(len(graph), func(i, j int) { graph[i], graph[j] = graph[j], graph[i] })
		if got := Policies(append(graph, graph[0])); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	var roles []string
	for _, p := range want {
		roles = append(roles, p.Role)
		for _, edge := range p.Ingress {
			if edge.To.Role != p.Role {
				t.Errorf("the policy of %s opens inbound: %s", p.Role, edge)
			}
		}
		for _, edge := range p.Egress {
			if edge.From.Role != p.Role {
				t.Errorf("the policy of %s opens outbound: %s", p.Role, edge)
			}
		}
	}
	if want := []string{RoleGateway, RolePrometheus, RolePushgateway, RoleReflect}; !slices.Equal(roles, want) {
		t.Errorf("roles %v, want %v", roles, want)
	}
	for _, edge := range graph {
		count := 0
		for _, p := range want {
			for _, other := range slices.Concat(p.Ingress, p.Egress) {
				if other.String() == edge.String() {
					count++
				}
			}
		}
		ends := 0
		for _, end := range []End{edge.From, edge.To} {
			if end.Role != "" {
				ends++
			}
		}
		if count != ends {
			t.Errorf("%s is in %d policies, and %d of its ends are promwire's", edge, count, ends)
		}
	}
	if got := Policies(nil); got != nil {
		t.Errorf("no graph has policies: %v", got)
	}
}

// TestCanary: one port is open at both ends; the others only at one, to find a plugin that enforces only one direction.
func TestCanary(t *testing.T) {
	open := map[int][2]bool{} // out of the probe, into the canary
	for _, p := range Canary() {
		for _, edge := range p.Egress {
			if p.Role != RoleProbe || edge.To.Role != RoleCanary {
				t.Errorf("%s opens outbound: %s", p.Role, edge)
			}
			open[edge.Port] = [2]bool{true, open[edge.Port][1]}
		}
		for _, edge := range p.Ingress {
			if p.Role != RoleCanary || edge.From.Role != RoleProbe && edge.From.String() != "everybody" {
				t.Errorf("%s opens inbound: %s", p.Role, edge)
			}
			open[edge.Port] = [2]bool{open[edge.Port][0], true}
		}
	}
	want := map[int][2]bool{CanaryOpen: {true, true}, CanaryDone: {true, true}, CanaryIngress: {true, false}, CanaryEgress: {false, true}}
	if !reflect.DeepEqual(open, want) {
		t.Errorf("got %v, want %v", open, want)
	}
}

func TestEnds(t *testing.T) {
	for want, end := range map[string]End{
		"everybody":           {},
		"gateway":             {Role: RoleGateway},
		"namespace x":         {Namespace: "x"},
		"namespace x a=1 b=2": {Namespace: "x", Labels: map[string]string{"b": "2", "a": "1"}},
		"the monitor":         {Monitor: true},
		"198.51.100.0/24":     {Network: netip.MustParsePrefix("198.51.100.0/24")},
	} {
		if got := end.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestDialPorts: a place has one port, whatever else there is, and no two have the same.
func TestDialPorts(t *testing.T) {
	all := []Dial{}
	for i := range 500 {
		all = append(all, Dial{To: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 98, byte(i / 200), byte(i % 200)}), 5432)})
	}
	ports, seen := DialPorts(all), map[int]bool{}
	same := 0
	for _, d := range all {
		port := ports[d.To]
		if port < firstDial || port >= firstDial+dialPorts || seen[port] {
			t.Fatalf("%s has port %d, which is another's or none of the gateway's", d.To, port)
		}
		seen[port] = true
		if DialPorts([]Dial{d})[d.To] == port {
			same++
		}
	}
	if same < 450 { // hashes of 500 places meet a dozen times
		t.Errorf("%d of 500 places have the port that they have alone", same)
	}
}
