package e2e

import (
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
	s.step("other tenants are there before", otherTenants)
	s.step("from nothing to both federated", clustersFromNothing)
	s.step("a second up changes nothing", func(s *story) { assertUnchanged(s.t, s.up()) })
	s.step("reflect is used over the tunnel, and its count rises", useReflect)
	s.step("nothing listens in the dark cluster", darkCluster)
	s.step("every edge of the graph, and no other", edges)
	s.step("a relabelled pod is refused", relabelled)
	s.step("an unauthorised peer is refused", otherPeer)
	s.step("the API through the tunnel, and not otherwise", kubernetesAPI)
	s.step("Pushgateway", pushes)
	s.step("the monitor's own Pushgateway", monitorPushgateway)
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
		assert.Empty(s.t, c.listening(c.role(role)), "%s, scanned from the node", role)
	}
	// The scan would have found something: a's Prometheus listens inside its cluster.
	a := s.cluster("a")
	assert.Equal(s.t, "9090", a.listening(a.role(desired.RolePrometheus)))
	probes := c.ours("get", "pods", "-o", "jsonpath={.items[*].spec.containers[*]['livenessProbe','readinessProbe']}")
	assert.Contains(s.t, probes, `"exec"`)
	assert.NotContains(s.t, probes, "httpGet")
	assert.NotContains(s.t, probes, "tcpSocket")
	assert.Empty(s.t, c.ours("get", "pods", "-o", "jsonpath={.items[*].spec.containers[*].ports}{.items[*].spec.hostNetwork}"))
}

// source is a pod whence others are tried, of promwire's namespace by its role, or of another one.
type source struct{ role, namespace string }

// place is what is tried.
type place struct {
	end  desired.End
	name string
	at   netip.AddrPort
}

// edges tries every pair of pods and ports, in both clusters, and compares with the declared graph.
func edges(s *story) {
	for name, values := range map[string]desired.Values{
		"a": {TunnelPort: 51820, API: true, Reflect: true, Pushgateway: 8443, PushFrom: []string{"batch"}},
		"b": {TunnelPort: 51820, Dark: true, Reflect: true},
	} {
		c := s.cluster(name)
		servers := c.must("-n", "default", "get", "endpointslices", "-l", "kubernetes.io/service-name=kubernetes",
			"-o", "jsonpath={.items[0].endpoints[0].addresses[0]}:{.items[0].ports[0].port}")
		api, err := netip.ParseAddrPort(servers)
		require.NoError(s.t, err, servers)
		values.APIServers = []netip.AddrPort{api}
		graph := desired.Graph(values)
		sources, places := c.places(api)
		for from, address := range sources {
			c.eventually(func() error {
				var all []netip.AddrPort
				for _, p := range places {
					all = append(all, p.at)
				}
				answered, err := c.reach(address, all...)
				if err != nil {
					return err
				}
				for _, p := range places {
					if p.at.Addr() == address { // itself: no policy is asked
						continue
					}
					if want := declared(graph, from, p); answered[p.at] != want {
						return fmt.Errorf("cluster %s: %+v to %s: answers %v, the graph says %v", name, from, p.name, answered[p.at], want)
					}
				}
				return nil
			})
		}
	}
}

// places are the pods of a cluster, whence others are tried, and what is tried.
func (c cluster) places(api netip.AddrPort) (map[source]netip.Addr, []place) {
	c.t.Helper()
	roles := []string{desired.RolePrometheus, desired.RoleReflect}
	if c.name == "a" {
		roles = append(roles, desired.RoleGateway, desired.RolePushgateway)
	}
	sources := map[source]netip.Addr{
		{role: "stranger"}:   c.stranger("promwire", "stranger", nil),
		{namespace: "batch"}: c.stranger("batch", "job", nil),
		{namespace: "shop"}:  c.stranger("shop", "job", nil),
	}
	dns := c.pod("kube-system", "k8s-app=kube-dns")
	places := []place{
		{desired.End{Network: netip.PrefixFrom(api.Addr(), 32)}, "the API server", api},
		{desired.End{Namespace: "kube-system"}, "DNS", netip.AddrPortFrom(dns, 53)},
	}
	for _, role := range roles {
		address := c.role(role)
		sources[source{role: role}] = address
		for _, port := range []uint16{desired.PrometheusPort, pushgateway.Port, pushgateway.ProxyPort, desired.ReflectPort, desired.ReflectMetrics} {
			places = append(places, place{desired.End{Role: role}, fmt.Sprintf("%s %d", role, port), netip.AddrPortFrom(address, port)})
		}
	}
	return sources, places
}

// declared says whether the graph has a way open. Pods of other namespaces are in no policy of promwire's: they reach what is not its.
func declared(graph []desired.Edge, source source, to place) bool {
	if source.namespace != "" && to.end.Role == "" {
		return true
	}
	for _, e := range graph {
		same := e.To.Role == to.end.Role && e.To.Namespace == to.end.Namespace && e.To.Network == to.end.Network
		if same && e.From.Role == source.role && e.From.Namespace == source.namespace && e.Protocol == desired.TCP && e.Port == int(to.at.Port()) {
			return true
		}
	}
	return false
}

func relabelled(s *story) {
	c := s.cluster("a")
	prometheus := netip.AddrPortFrom(c.role(desired.RolePrometheus), desired.PrometheusPort)
	pod := c.stranger("promwire", "mask", map[string]string{desired.NameLabel: desired.Name, desired.RoleLabel: desired.RoleGateway})
	answers := func(want bool) {
		s.t.Helper()
		c.eventually(func() error {
			answered, err := c.reach(pod, prometheus)
			if err == nil && answered[prometheus] != want {
				err = fmt.Errorf("Prometheus answers: %v, wanted %v", answered[prometheus], want)
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

// otherPeer: a target is a peer of the monitor's, and gets no further.
func otherPeer(s *story) {
	for name, address := range s.tunnels() {
		if name == "monitor-1" || name == "node-1" {
			continue
		}
		for _, port := range []int{9090, 6443, 7000, 8080} {
			status := s.curlOn("node-1", fmt.Sprintf("http://%s:%d/", address, port), "--interface", "promwire0")
			assert.True(s.t, refused(status), "node-1 to %s:%d: curl says %d", name, port, status)
		}
	}
	// And the monitor itself reaches what is listed, no more.
	for _, closed := range []string{s.tunnels()["a"] + ":8080", s.tunnels()["a"] + ":9091", s.tunnels()["b"] + ":7000", s.tunnels()["b-reflect"] + ":9090"} {
		assert.True(s.t, refused(s.curlOn("monitor-1", "http://"+closed+"/")), "the monitor to %s", closed)
	}
	forward := s.mustOn("monitor-1", "nft list chain inet promwire forward")
	assert.Contains(s.t, forward, fmt.Sprintf("ip saddr %s ip daddr %s tcp dport 8080 accept", s.tunnels()["b"], s.tunnels()["b-reflect"]))
	assert.Equal(s.t, 2, strings.Count(forward, "accept")-strings.Count(forward, "policy accept"), forward)
}

func kubernetesAPI(s *story) {
	url := "https://" + s.tunnels()["a"] + ":6443/version"
	assert.Equal(s.t, "200", s.code("monitor-1", url, "--insecure"))
	assert.Contains(s.t, s.output("clusters").([]any)[0].(map[string]any)["kubectl"], "ssh -L 6443:"+s.tunnels()["a"]+":6443")
	nodes, err := s.throughTunnel("a", "get", "nodes", "-o", "name")
	require.NoError(s.t, err, nodes)
	assert.Equal(s.t, "node/a", nodes)
	// By its node's own address nobody of the cloud gets there, nor to the kubelet.
	for _, host := range []string{"monitor-1", "node-1"} {
		for _, name := range []string{"a", "b"} {
			for _, port := range []int{6443, 10250} {
				status := s.curlOn(host, fmt.Sprintf("https://%s:%d/version", s.cluster(name).node(), port), "--insecure")
				assert.True(s.t, refused(status), "%s to cluster %s's node, port %d: curl says %d", host, name, port, status)
			}
		}
	}
	assert.True(s.t, refused(s.curlOn("monitor-1", "https://"+s.tunnels()["b"]+":6443/version", "--insecure")))
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
	before := c.ours("get", "pods", "-l", desired.RoleLabel+"="+desired.RoleGateway, "-o", "name")
	c.ours("delete", "pod", "-l", desired.RoleLabel+"="+desired.RoleGateway, "--now")
	c.eventually(func() error {
		if now := c.ours("get", "pods", "-l", desired.RoleLabel+"="+desired.RoleGateway, "-o", "name"); now == before || now == "" {
			return fmt.Errorf("gateway: %q", now)
		}
		return nil
	})
	s.federated("a", "b")
}

func rotatedKeys(s *story) {
	former := s.mustOn("monitor-1", "wg show promwire0 peers")
	passwords := s.passwords()
	s.edit(clustersEdit(func(c map[string]any) { c["key"] = "second" }))
	s.up()
	s.federated("a", "b")
	now := s.mustOn("monitor-1", "wg show promwire0 peers")
	kept := 0
	for _, key := range strings.Fields(former) {
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
	})
	s.up()
	s.moved["monitor-1"] = elsewhere.Name
	s.federated("a", "b")
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
