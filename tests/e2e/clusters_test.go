package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
)

// TestClusters is the life of a central Prometheus and two real clusters: a behind a gateway, b dark.
func TestClusters(t *testing.T) {
	s := newStory(t, "clusters")
	require.NoError(t, s.lab.Place(t.Context(), s.stack))
	s.edit(withTarget())
	s.edit(withScrapes())
	s.edit(set("allow", []any{map[string]any{"from": "a/batch", "to": "monitor-1:9090"}}))
	before := map[string]string{} // the ports of clusters' nodes that are open
	s.step("other tenants are there before", func(s *story) {
		otherTenants(s)
		before["a"], before["b"] = s.openPorts("a"), s.openPorts("b")
	})
	s.step("from nothing to both federated", clustersFromNothing)
	s.step("what a cluster says of itself", scrapesOfCluster)
	s.step("dashboards show a cluster", func(s *story) {
		s.dashboard("cluster", map[string]string{"cluster": "a"}, "Alerts that fire", "Volumes (needs kubelet)") // the lab's kubelets have no volumes
	})
	s.step("a second up changes nothing", func(s *story) {
		s.noMissedScrape(func() { assertUnchanged(s.t, s.up()) })
	})
	s.step("reflect is used over the tunnel, and its count rises", useReflect)
	s.step("nothing listens in the dark cluster", darkCluster)
	s.step("every edge of the graph, and no other", edges)
	s.step("a relabelled pod is refused", relabelled)
	s.step("an unauthorised peer is refused", otherPeer)
	s.step("the API through the tunnel, and not otherwise", func(s *story) { kubernetesAPI(s, before) })
	s.step("pods that may watch the monitor do", podsWatch)
	s.step("Pushgateway", pushes)
	s.step("the monitor's own Pushgateway, and a cluster's other configuration", func(s *story) {
		readAgain := otherInterval(s) // comes with the next update
		monitorPushgateway(s)
		readAgain()
	})
	s.step("keys and passwords are secrets", clusterSecrets)
	s.step("a killed gateway comes back", killedGateway)
	s.step("rotated keys come into effect", rotatedKeys)
	s.step("bad clusters are refused, the others go on", badClusters)
	s.step("the central server moves", centralMoves)
	s.step("destroy leaves what others have", tenantsStay)
}

// withTarget is a target beside the clusters: a peer of the tunnel that has no business with them.
func withTarget() operator.Edit {
	return set("targets", []any{map[string]any{"name": "node-1", "region": "lon1"}})
}

// otherTenants are what a cluster has beside promwire: it must stay.
func otherTenants(s *story) {
	for _, name := range []string{"a", "b"} {
		c := s.cluster(name)
		for _, namespace := range []string{"batch", "shop"} {
			c.must("create", "namespace", namespace)
			c.must("-n", namespace, "create", "configmap", "theirs", "--from-literal=kept=yes")
		}
		c.volume()
	}
}

func clustersFromNothing(s *story) {
	start := time.Now()
	s.up()
	s.federated("a", "b")
	s.t.Logf("from nothing to federated series: %s", time.Since(start).Round(time.Second))
	assert.Equal(s.t, "10.98.0.2", s.tunnels()["node-1"])
	assert.Equal(s.t, []string{"10.98.0.3", "10.98.0.4", "10.98.0.5"}, []string{s.tunnels()["a"], s.tunnels()["b"], s.tunnels()["b-reflect"]})
	for _, row := range s.output("matrix").([]any) {
		row := row.(map[string]any)
		assert.Equal(s.t, row["expected"], row["seen"], row)
	}
	for _, job := range []string{"prometheus", "reflect", "kubernetes-apiservers"} {
		for _, name := range []string{"a", "b"} {
			s.eventually(func() error {
				up, err := s.value(fmt.Sprintf(`job:up:sum{cluster="%s", job="%s"}`, name, job))
				if err == nil && up != 1 {
					err = fmt.Errorf("%s of %s: %v", job, name, up)
				}
				return err
			})
		}
	}
	for _, name := range []string{"a", "b"} {
		out := s.cluster(name).ours("logs", "-l", desired.RoleLabel+"="+desired.RoleProbe)
		assert.Contains(s.t, out, "enforces NetworkPolicies", "cluster %s's canary", name)
	}
}

// reflectAt is where the monitor reaches reflect: behind cluster a's gateway, and at an end of the tunnel of its own in b.
func (s *story) reflectAt() map[string]string {
	return map[string]string{"a": s.tunnels()["a"], "b": s.tunnels()["b-reflect"]}
}

func useReflect(s *story) {
	for name, address := range s.reflectAt() {
		query := fmt.Sprintf(`job:reflect_connections_total:sum{cluster="%s"}`, name)
		before, err := s.value(query)
		require.NoError(s.t, err)
		heard := s.mustOn("monitor-1", fmt.Sprintf(`for n in 1 2 3; do exec 3<>/dev/tcp/%s/7000; echo hello >&3; timeout 5 head -n 1 <&3; exec 3>&-; done`, address))
		assert.Equal(s.t, strings.Repeat("you sent me: hello\n", 3), heard+"\n")
		s.eventually(func() error {
			after, err := s.value(query)
			if err == nil && after != before+3 {
				err = fmt.Errorf("cluster %s: %v connections after %v and three more", name, after, before)
			}
			return err
		})
	}
}

func darkCluster(s *story) {
	c := s.cluster("b")
	assert.Empty(s.t, c.ours("get", "services", "-o", "name"))
	for _, role := range []string{desired.RolePrometheus, desired.RoleReflect} {
		assert.Empty(s.t, s.listening(c.onNode, c.role(role)), "%s, scanned from the node", role)
	}
	// The scan would have found something: a's Prometheus listens inside its cluster.
	a := s.cluster("a")
	assert.Equal(s.t, "9090", s.listening(a.onNode, a.role(desired.RolePrometheus)))
	probes := c.ours("get", "pods", "-o", "jsonpath={.items[*].spec.containers[*]['livenessProbe','readinessProbe']}")
	assert.Contains(s.t, probes, `"exec"`)
	assert.NotContains(s.t, probes, "httpGet")
	assert.NotContains(s.t, probes, "tcpSocket")
	assert.Empty(s.t, c.ours("get", "pods", "-o", "jsonpath={.items[*].spec.containers[*].ports}{.items[*].spec.hostNetwork}"))
}

// source is a pod from which others are tried, of promwire's namespace by its role, or of another one, where it may have the label app.
type source struct{ role, namespace, app string }

func (s source) end() desired.End {
	if s.app == "" {
		return desired.End{Role: s.role, Namespace: s.namespace}
	}
	return desired.End{Namespace: s.namespace, Labels: map[string]string{"app": s.app}}
}

// place is what is tried.
type place struct {
	end      desired.End
	protocol string
	at       netip.AddrPort
}

func (p place) tried() end {
	if p.protocol == desired.UDP {
		return udp(p.at.Addr().String(), int(p.at.Port()))
	}
	return tcp(p.at.Addr().String(), int(p.at.Port()))
}

// edges tries every pair of pods and ports, in both clusters, and what pods may reach outside, and compares with the declared graph.
// Everything that is tried is there and answers whom no policy keeps from it: where no program of a pod listens, the test does.
func edges(s *story) {
	var checks []func() error
	for name, values := range map[string]desired.Values{
		"a": {TunnelPort: 51820, API: true, Reflect: true, Pushgateway: 8443, PushFrom: []string{"batch"}, Scrapes: desired.Scrapes{
			Kubelet: true, CAdvisor: true, State: true, Pods: shopPods, Nodes: []netip.Prefix{network(s.cluster("a").node()).Network},
		}, Dials: []desired.Dial{{Host: "monitor-1", To: watched, Namespace: "batch"}}},
		"b": {TunnelPort: 51820, Dark: true, Reflect: true},
	} {
		c := s.cluster(name)
		servers := c.must("-n", "default", "get", "endpointslices", "-l", "kubernetes.io/service-name=kubernetes",
			"-o", "jsonpath={.items[0].endpoints[0].addresses[0]}:{.items[0].ports[0].port}")
		api, err := netip.ParseAddrPort(servers)
		require.NoError(s.t, err, servers)
		values.APIServers = []netip.AddrPort{api}
		graph := desired.Graph(values)
		sources := c.sources()
		places := slices.Concat(c.podPlaces(sources), c.nodePlaces(api), c.outsidePlaces())
		for from, address := range sources {
			var all, want []end
			for _, p := range places {
				if p.at.Addr() == address { // itself: no policy is asked
					continue
				}
				all = append(all, p.tried())
				if declared(graph, from, p) {
					want = append(want, p.tried())
				}
			}
			checks = append(checks, func() error {
				seen, err := s.sees(fmt.Sprintf("cluster %s: %+v", name, from), c.inside(address), all, want)
				return cmp.Or(err, seen.err())
			})
		}
	}
	s.eventually(func() error { return together(checks) })
}

// sources are the pods from which others are tried: all of promwire's, and strangers in its namespace and in others.
func (c cluster) sources() map[source]netip.Addr {
	c.t.Helper()
	sources := map[source]netip.Addr{
		{role: "stranger"}:   c.stranger("promwire", "stranger", nil),
		{namespace: "batch"}: c.stranger("batch", "job", nil),
		{namespace: "shop"}:  c.stranger("shop", "job", nil),

		{namespace: "shop", app: "till"}: c.stranger("shop", "till", map[string]string{"app": "till"}),
	}
	roles := []string{desired.RolePrometheus, desired.RoleReflect}
	if c.name == "a" {
		roles = append(roles, desired.RoleGateway, desired.RolePushgateway)
	}
	for _, role := range roles {
		sources[source{role: role}] = c.role(role)
	}
	return sources
}

// podPlaces are the ports of pods: promwire's, those of a pod of others, and the DNS's. The node reaches all of them.
func (c cluster) podPlaces(sources map[source]netip.Addr) []place {
	c.t.Helper()
	var places []place
	for of, address := range sources {
		var served []end
		for _, port := range []uint16{desired.PrometheusPort, pushgateway.Port, pushgateway.ProxyPort, desired.ReflectPort, desired.ReflectMetrics, tillPort, askPort, dialPort} {
			for _, protocol := range []string{desired.TCP, desired.UDP} {
				p := place{of.end(), protocol, netip.AddrPortFrom(address, port)}
				places, served = append(places, p), append(served, p.tried())
			}
		}
		c.serve(c.inside(address), served)
		c.reaches("the node", c.onNode, served, served)
	}
	dns := netip.AddrPortFrom(c.pod("kube-system", "k8s-app=kube-dns"), 53)
	resolver := desired.End{Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}}
	return append(places, place{resolver, desired.TCP, dns}, place{resolver, desired.UDP, dns})
}

// watched is where pods may reach the monitor, and dialPort the gateway's port for it.
var (
	watched  = netip.MustParseAddrPort("10.98.0.1:9090")
	dialPort = uint16(desired.DialPorts([]desired.Dial{{To: watched}})[watched])
)

// nodePlaces are ports of the cluster's node: the API server's, the kubelet's, and some that the test serves.
func (c cluster) nodePlaces(api netip.AddrPort) []place {
	c.t.Helper()
	var places []place
	var served []end
	for protocol, ports := range map[string][]uint16{desired.TCP: {api.Port(), 10250, 51820}, desired.UDP: {api.Port(), 53, 51820}} {
		for _, port := range ports {
			p := place{network(api.Addr()), protocol, netip.AddrPortFrom(api.Addr(), port)}
			places, served = append(places, p), append(served, p.tried())
		}
	}
	c.serve(c.onNode, served)
	return places
}

// outsidePlaces are ports of a machine elsewhere and of the monitor. The lab's router answers for both: the monitor's firewall would
// drop what no policy did.
func (c cluster) outsidePlaces() []place {
	c.t.Helper()
	elsewhere, monitor := c.lab.Machines.Network().OperatorV4.Next(), netip.MustParseAddr(c.address("monitor-1"))
	var places []place
	var served []end
	var rules strings.Builder
	for protocol, ports := range map[string][]uint16{desired.TCP: {443, 51820}, desired.UDP: {53, 51820}} {
		for _, port := range ports {
			p := place{network(elsewhere), protocol, netip.AddrPortFrom(elsewhere, port)}
			places = append(places, p, place{desired.End{Monitor: true}, protocol, netip.AddrPortFrom(monitor, port)})
			served = append(served, p.tried())
			fmt.Fprintf(&rules, "ip saddr %s ip daddr %s %s dport %d dnat to %s\n", c.node(), monitor, strings.ToLower(protocol), port, elsewhere)
		}
	}
	c.serve(c.router, served)
	table := "ip e2e_" + c.name
	c.t.Cleanup(func() {
		_, err := c.router(context.WithoutCancel(c.t.Context()), "nft", "delete table "+table)
		assert.NoError(c.t, err)
	})
	_, err := c.router(c.t.Context(), "nft", "table "+table+" {\nchain prerouting {\ntype nat hook prerouting priority dstnat\n"+rules.String()+"}\n}")
	require.NoError(c.t, err)
	return places
}

// network is a machine outside the cluster's network of pods.
func network(address netip.Addr) desired.End {
	return desired.End{Network: netip.PrefixFrom(address, address.BitLen())}
}

// declared says whether the graph has a way open. Pods of other namespaces are in no policy of promwire's: they reach what is not its.
func declared(graph []desired.Edge, from source, to place) bool {
	if from.namespace != "" && to.end.Role == "" {
		return true
	}
	return slices.ContainsFunc(graph, func(e desired.Edge) bool {
		leaves := e.From.Role == from.role && e.From.Namespace == from.namespace
		arrives := e.To.Role == to.end.Role && e.To.Namespace == to.end.Namespace && e.To.Network == to.end.Network && e.To.Monitor == to.end.Monitor &&
			within(e.To.Labels, to.end.Labels)
		return leaves && arrives && e.Protocol == to.protocol && e.Port == int(to.at.Port())
	})
}

func relabelled(s *story) {
	c := s.cluster("a")
	prometheus := []end{tcp(c.role(desired.RolePrometheus).String(), desired.PrometheusPort)}
	pod := c.stranger("promwire", "mask", map[string]string{desired.NameLabel: desired.Name, desired.RoleLabel: desired.RoleGateway})
	answers := func(want bool) {
		s.t.Helper()
		c.eventually(func() error {
			answered, err := s.answering(c.inside(pod), prometheus)
			if err == nil && (len(answered) == 1) != want {
				err = fmt.Errorf("Prometheus answers: %v, wanted %v", !want, want)
			}
			return err
		})
	}
	answers(true)
	c.ours("label", "pod", "mask", "--overwrite", desired.RoleLabel+"=other")
	answers(false)
	c.ours("label", "pod", "mask", "--overwrite", desired.RoleLabel+"="+desired.RoleGateway)
	answers(true)
	c.ours("delete", "pod", "mask", "stranger", "--now")
}

// otherPeer: a target is a peer of the monitor's, and gets no further. The monitor itself reaches what is listed, no more.
func otherPeer(s *story) {
	var all []end
	for name, address := range s.tunnels() {
		if name == "monitor-1" || name == "node-1" {
			continue
		}
		for _, port := range []int{6443, 7000, 8080, 9090, 9091} {
			all = append(all, tcp(address, port))
		}
	}
	a, b, reflect := s.tunnels()["a"], s.tunnels()["b"], s.tunnels()["b-reflect"]
	s.reaches("the monitor", s.host("monitor-1"), all, []end{
		tcp(a, 6443), tcp(a, 7000), tcp(a, 9090), tcp(b, 9090), tcp(reflect, 7000), tcp(reflect, 8080),
	})
	for _, allowed := range []string{"10.98.0.1/32", "10.98.0.0/24", "10.98.0.1/32"} { // as it is, as a rogue has it, and back
		s.mustOn("node-1", "wg set promwire0 peer $(wg show promwire0 peers) allowed-ips "+allowed)
		s.mustOn("node-1", "ping -c 1 -W 5 -I promwire0 10.98.0.1")
		s.reaches("node-1", s.host("node-1"), all, nil)
	}
	forward := s.mustOn("monitor-1", "nft list chain inet promwire forward")
	assert.Contains(s.t, forward, fmt.Sprintf("ip saddr %s ip daddr %s tcp dport 8080 accept", s.tunnels()["b"], s.tunnels()["b-reflect"]))
	assert.Equal(s.t, 2, strings.Count(forward, "accept")-strings.Count(forward, "policy accept"), forward)
}

// openPorts are the TCP ports of a cluster's node that answer the lab's router, which no cloud firewall keeps from them.
func (s *story) openPorts(name string) string {
	s.t.Helper()
	return s.listening(s.router, s.cluster(name).node())
}

// kubernetesAPI is what the tunnel leads to where the settings say so. promwire opens no port of a node for it, or for anything else:
// what is open there is the cluster's own, as it was before.
func kubernetesAPI(s *story, before map[string]string) {
	assert.Equal(s.t, "200", s.code("monitor-1", "https://"+s.tunnels()["a"]+":6443/version", "--insecure"))
	assert.Equal(s.t, "node/a", s.throughTunnel("a", "get nodes -o name"))
	for name, ports := range before {
		assert.Contains(s.t, strings.Fields(ports), "6443", "the scan of cluster %s's node finds what is open", name)
		assert.Equal(s.t, ports, s.openPorts(name), "cluster %s's node", name)
	}
}

// otherInterval has the clusters scrape at another interval. What it returns sees, after the next update, that their Prometheus does so,
// and did not start again.
func otherInterval(s *story) func() {
	s.edit(clustersEdit(func(c map[string]any) { c["prometheus"].(map[string]any)["scrapeInterval"] = "4s" }))
	processes := func(name string) string {
		return s.cluster(name).ours("get", "pods", "-l", desired.RoleLabel+"="+desired.RolePrometheus,
			"-o", "jsonpath={range .items[*]}{.metadata.uid} {.status.containerStatuses[*].containerID}{end}")
	}
	before := map[string]string{"a": processes("a"), "b": processes("b")}
	return func() {
		for name, process := range before {
			targets := fmt.Sprintf("curl --silent --fail 'http://%s:9090/api/v1/targets?state=active'", s.tunnels()[name])
			s.eventually(func() error {
				out, err := s.on("monitor-1", targets)
				if err == nil && (!strings.Contains(out, `"scrapeInterval":"4s"`) || strings.Contains(out, `"scrapeInterval":"5s"`)) {
					err = fmt.Errorf("cluster %s: %s", name, out)
				}
				return err
			})
			assert.Equal(s.t, process, processes(name), "cluster %s", name)
		}
	}
}

func clusterSecrets(s *story) {
	state := s.state()
	for name, of := range map[string]string{"a": "gateway-tunnel", "b": "prometheus-tunnel"} {
		config := s.cluster(name).ours("get", "secret", of, "-o", "go-template={{index .data \"config\" | base64decode}}")
		_, key, found := strings.Cut(config, "PrivateKey = ")
		require.True(s.t, found, config)
		key, _, _ = strings.Cut(key, "\n")
		assert.NotContains(s.t, state, key, "cluster %s's key in the state", name)
		for _, kind := range []string{"pods", "configmaps", "deployments"} {
			assert.NotContains(s.t, s.cluster(name).ours("get", kind, "-o", "yaml"), key, "cluster %s's key in its %s", name, kind)
		}
		assert.NotContains(s.t, s.cluster(name).ours("logs", "-l", desired.NameLabel+"="+desired.Name, "--all-containers", "--tail", "-1", "--prefix"), key)
	}
	for user, password := range s.passwords() {
		assert.NotContains(s.t, state, password, user)
		assert.NotContains(s.t, s.cluster("a").ours("get", "pods,configmaps,deployments", "-o", "yaml"), password, user)
	}
}

func killedGateway(s *story) {
	c := s.cluster("a")
	gateway := func() string {
		return c.ours("get", "pods", "-l", desired.RoleLabel+"="+desired.RoleGateway, "-o", "name")
	}
	before := gateway()
	s.fault("a killed gateway", "at rest", healed, func() {
		c.ours("delete", "pod", "-l", desired.RoleLabel+"="+desired.RoleGateway, "--now")
	}, func() {
		c.eventually(func() error {
			if now := gateway(); now == before || now == "" {
				return fmt.Errorf("gateway: %q", now)
			}
			return nil
		})
		s.federated("a", "b")
	})
}

func rotatedKeys(s *story) {
	former := s.mustOn("monitor-1", "wg show promwire0 peers")
	passwords := s.passwords()
	s.edit(clustersEdit(func(c map[string]any) { c["key"] = "second" }))
	s.up()
	s.federated("a", "b")
	now := s.mustOn("monitor-1", "wg show promwire0 peers")
	kept := 0
	for key := range strings.FieldsSeq(former) {
		if strings.Contains(now, key) {
			kept++
		}
	}
	assert.Equal(s.t, 1, kept, "of all peers only node-1 has its former key")
	assert.NotEqual(s.t, passwords["backup"], s.passwords()["backup"])
	assertUnchanged(s.t, s.up())
}

// clustersEdit changes each cluster's settings.
func clustersEdit(change func(cluster map[string]any)) operator.Edit {
	return func(fleet map[string]any) {
		for _, c := range fleet["clusters"].([]any) {
			change(c.(map[string]any))
		}
	}
}

// centralMoves: the central server is another machine at another address, and nothing else is said to anybody.
func centralMoves(s *story) {
	before, ledger := s.address("monitor-1"), s.tunnels()
	assert.Contains(s.t, s.cluster("b").ours("get", "networkpolicy", "prometheus", "-o", "yaml"), before+"/32")
	elsewhere, err := s.lab.Machines.AddExisting(s.t.Context(), machines.ExistingSpec{
		Name: "elsewhere", Region: "lon1", User: "root", Keys: []string{s.lab.Operator.AuthorizedKey},
	})
	require.NoError(s.t, err)
	s.edit(func(fleet map[string]any) {
		monitor := fleet["monitor"].(map[string]any)
		monitor["address"], monitor["hostKey"] = elsewhere.V4.String(), pinned(elsewhere)
		delete(monitor, "image") // is a droplet's
	})
	s.fault("the central server replaced", "an update", "well after that up", nothing, func() {
		s.up()
		s.moved["monitor-1"] = elsewhere.Name
		s.federated("a", "b")
	})
	assert.NotEqual(s.t, before, s.address("monitor-1"))
	assert.Equal(s.t, ledger, s.tunnels())
	assert.NotContains(s.t, s.cluster("b").ours("get", "networkpolicy", "prometheus", "-o", "yaml"), before+"/32")
	assert.NotContains(s.t, s.cloud("droplets"), "promwire-clusters-monitor-1")
	assertUnchanged(s.t, s.up())
}

// pinned is the host key that a stack file has of a machine.
func pinned(m machines.Machine) string {
	i := slices.IndexFunc(m.HostKeys, func(key string) bool { return strings.HasPrefix(key, "ssh-ed25519 ") })
	return m.HostKeys[i]
}

func tenantsStay(s *story) {
	s.destroy()
	for _, name := range []string{"a", "b"} {
		c := s.cluster(name)
		assert.NotContains(s.t, c.must("get", "namespaces", "-o", "name"), "namespace/promwire")
		all := c.must("get", "clusterroles,clusterrolebindings", "-o", "name")
		assert.NotContains(s.t, all, "promwire")
		for _, namespace := range []string{"batch", "shop"} {
			assert.Equal(s.t, "yes", c.must("-n", namespace, "get", "configmap", "theirs", "-o", "jsonpath={.data.kept}"))
		}
	}
	assert.NotContains(s.t, s.cloud("droplets"), "promwire-clusters")
	var left struct{ Resources []json.RawMessage }
	require.NoError(s.t, json.Unmarshal([]byte(s.state()), &left))
	assert.LessOrEqual(s.t, len(left.Resources), 1, "more than the stack itself is left")
}
