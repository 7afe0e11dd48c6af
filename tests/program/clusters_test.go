package program

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// clustered is a fleet with a cluster behind a gateway and a dark one. replace has pairs: each old text is replaced by the new one.
func clustered(t *testing.T, replace ...string) string {
	t.Helper()
	const text = `{
	"monitor": {"name": "monitor", "region": "tor1"},
	"targets": [{"name": "lon", "region": "lon1"}],
	"images": {"wireproxy": "w.test/w` + digest + `", "reflect": "r.test/r` + digest + `"},
	"clusters": [
		{"name": "a", "mode": "gateway", "kubeconfig": {"path": "KUBECONFIG", "context": "a"}, "api": true, "reflect": true,
		 "expose": [{"name": "grafana", "namespace": "tools", "port": 80, "podPort": 3000}],
		 "pushgateway": {"form": "proxy", "jobs": ["backup"], "from": ["batch"]}},
		{"name": "b", "mode": "dark", "kubeconfig": {"path": "KUBECONFIG", "context": "b"}, "reflect": true}
	]
}`
	fleet := text
	for i := 0; i < len(replace); i += 2 {
		require.Contains(t, fleet, replace[i])
		fleet = strings.Replace(fleet, replace[i], replace[i+1], 1)
	}
	return strings.ReplaceAll(fleet, "KUBECONFIG", kubeconfig(t))
}

// A resolver of the settings is admitted by the policies of every pod that asks for names.
func TestTheClustersResolver(t *testing.T) {
	const address = "169.254.20.10/32"
	before := mocks.MustRun(t, clustered(t), "")
	after := mocks.MustRun(t, clustered(t, `"mode": "gateway",`, `"mode": "gateway", "dns": [{"address": "169.254.20.10"}],`), "")
	admitted := 0
	for name, r := range after {
		if r.Type == "kubernetes:networking.k8s.io/v1:NetworkPolicy" && strings.Contains(fmt.Sprint(r.Inputs), address) {
			admitted++
			assert.NotContains(t, fmt.Sprint(before[name].Inputs), address, name)
		}
	}
	assert.Equal(t, 2, admitted, "the gateway's and Prometheus's policies")
}

// kubeconfig makes one for all runs of a test, so that they can be compared.
func kubeconfig(t *testing.T) string {
	t.Helper()
	if path, is := kubeconfigs[t.Name()]; is {
		return path
	}
	name := t.Name()
	kubeconfigs[name] = mocks.Kubeconfig(t)
	t.Cleanup(func() { delete(kubeconfigs, name) })
	return kubeconfigs[name]
}

var kubeconfigs = map[string]string{}

// run is one run of the program with the fleet.
func run(t *testing.T, replace ...string) map[string]mocks.Resource {
	t.Helper()
	return mocks.MustRun(t, clustered(t, replace...), "")
}

// above are a resource's parents, the next one first. The fleet's own parent is the stack, of the same name.
func above(resources map[string]mocks.Resource, name string) []string {
	var all []string
	for parent := resources[name].Parent; parent != "" && parent != name; parent = resources[name].Parent {
		all = append(all, parent)
		name = parent
	}
	return all
}

// owner is the host or cluster that a resource belongs to; "" if it belongs to the fleet.
func owner(resources map[string]mocks.Resource, name string) string {
	for _, candidate := range append([]string{name}, above(resources, name)...) {
		if slices.Contains([]string{"monitor", "lon", "a", "b"}, candidate) {
			return candidate
		}
	}
	return ""
}

// of are the resources of a cluster whose type ends with kind, by name.
func of(resources map[string]mocks.Resource, cluster, kind string) map[string]mocks.Resource {
	all := map[string]mocks.Resource{}
	for name, r := range resources {
		if owner(resources, name) == cluster && strings.HasSuffix(r.Type, kind) {
			all[name] = r
		}
	}
	return all
}

// at is a value in a property: objects by key, lists by their only element.
func at(v resource.PropertyValue, keys ...string) resource.PropertyValue {
	for _, key := range keys {
		v = plain(v)
		if v.IsArray() && len(v.ArrayValue()) == 1 {
			v = plain(v.ArrayValue()[0])
		}
		if !v.IsObject() {
			return resource.PropertyValue{}
		}
		v = v.ObjectValue()[resource.PropertyKey(key)]
	}
	return plain(v)
}

func inputs(r mocks.Resource) resource.PropertyValue { return resource.NewProperty(r.Inputs) }

func TestClustersHaveParentsAndClearNames(t *testing.T) {
	resources := run(t)
	for name, r := range resources {
		if cluster := owner(resources, name); cluster != "a" && cluster != "b" {
			continue
		}
		parent := resources[r.Parent]
		assert.True(t, strings.HasPrefix(name, r.Parent+"-") || parent.Type == "promwire:index:Fleet",
			"%s is not named after its parent %q", name, r.Parent)
	}
	for _, name := range []string{
		"a", "a-kubernetes", "a-namespace", "a-default-deny-policy", "a-gateway-policy", "a-canary", "a-probe", "a-gateway-deployment",
		"a-prometheus-deployment", "a-reflect-deployment", "a-pushgateway", "a-pushgateway-deployment", "a-tunnel", "a-tunnel-key-1", "a-tunnel-enrol", "b", "b-reflect-tunnel", "b-reflect-tunnel-enrol",
	} {
		assert.Contains(t, resources, name)
	}
}

// Each cluster has its own provider, so that nothing is made in kubectl's current context by accident.
func TestOneExplicitProviderACluster(t *testing.T) {
	resources := run(t)
	seen := map[string]int{}
	for name, r := range resources {
		if strings.HasPrefix(r.Type, "kubernetes:") {
			assert.Equal(t, owner(resources, name)+"-kubernetes", r.Provider, name)
			seen[r.Provider]++
		}
	}
	assert.ElementsMatch(t, []string{"a-kubernetes", "b-kubernetes"}, slices.Collect(maps.Keys(seen)))
	for _, cluster := range []string{"a", "b"} {
		provider := resources[cluster+"-kubernetes"]
		assert.Equal(t, "pulumi:providers:kubernetes", provider.Type)
		assert.Equal(t, cluster, provider.Inputs["context"].StringValue())
		assert.Equal(t, kubeconfig(t), provider.Inputs["kubeconfig"].StringValue())
	}
}

// The contents of a kubeconfig are a secret, whole.
func TestAKubeconfigIsASecret(t *testing.T) {
	text := `{"apiVersion": "v1", "kind": "Config", "current-context": "x"}`
	fleet := clustered(t, `"path": "KUBECONFIG", "context": "a"`, `"contents": `+quoted(t, text)+`, "context": "a"`)
	resources, err := mocks.Run(t, fleet, "")
	require.ErrorContains(t, err, "cluster a: the kubeconfig has no context")
	assert.NotContains(t, resources, "a")
	for name, r := range resources {
		assert.NotContains(t, clearText(inputs(r)), "current-context", name)
	}
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	said, err := json.Marshal(text)
	require.NoError(t, err)
	return string(said)
}

// A cluster that is refused is named, nothing is made in it, and everything else goes on.
func TestABadClusterDoesNotAffectOthers(t *testing.T) {
	before := run(t)
	for bad, other := range map[string]string{"a": "b", "b": "a"} {
		t.Run(bad, func(t *testing.T) {
			fleet := clustered(t, `"context": "`+bad+`"`, `"context": "gone"`)
			resources, err := mocks.Run(t, fleet, mocks.Ledger(t, before))
			require.ErrorContains(t, err, "cluster "+bad+": http://127.0.0.1:")
			assert.NotContains(t, err.Error(), "cluster "+other)
			for name := range before {
				if owner(before, name) == bad {
					assert.NotContains(t, resources, name)
				} else {
					assert.Contains(t, resources, name)
				}
			}
			gate := resources["promwire-test-verification-gate"].Inputs["stdin"].StringValue()
			assert.Contains(t, gate, "\n"+other+" 10.98.0.")
			assert.NotContains(t, gate, "\n"+bad+" 10.98.0.")
			assert.Equal(t, mocks.Ledger(t, before), mocks.Ledger(t, resources), "it keeps its address")
		})
	}
}

// No resource of a cluster depends on another cluster or on a target, or the other way round.
func TestClustersDependOnTheMonitorAlone(t *testing.T) {
	resources := run(t)
	for name, r := range resources {
		for _, dependency := range r.Dependencies {
			from, to := owner(resources, name), owner(resources, dependency)
			if from == "" || to == "" || from == to {
				continue
			}
			assert.Equal(t, "monitor", to, "%s depends on %s", name, dependency)
		}
	}
	gate := resources["promwire-test-verification-gate"].Dependencies
	for _, name := range []string{
		"a-gateway-deployment", "a-prometheus-deployment", "a-reflect-deployment", "a-pushgateway-deployment", "a-tunnel-enrol",
		"b-prometheus-deployment", "b-reflect-deployment", "b-tunnel-enrol", "b-reflect-tunnel-enrol",
	} {
		assert.Contains(t, gate, name)
	}
	for name, r := range resources {
		if strings.HasPrefix(r.Type, "kubernetes:core/v1:Namespace") {
			assert.Contains(t, r.Dependencies, "ledger", name)
		}
	}
}

// No pod runs before the namespace is closed and the policies are proved to be enforced.
func TestPodsWaitForPoliciesAndTheirProof(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		resources := run(t)
		if accepted {
			resources = run(t, `"api": true`, `"api": true, "acceptUnenforced": true`, `"mode": "dark"`, `"mode": "dark", "acceptUnenforced": true`)
		}
		for _, cluster := range []string{"a", "b"} {
			pods := of(resources, cluster, ":Deployment")
			maps.Copy(pods, of(resources, cluster, ":Job"))
			maps.Copy(pods, of(resources, cluster, ":Pod"))
			for name, r := range pods {
				for policy := range of(resources, cluster, ":NetworkPolicy") {
					if !strings.HasSuffix(policy, "-canary-policy") && !strings.HasSuffix(policy, "-probe-policy") {
						assert.Contains(t, waits(resources, r), policy, name)
					}
				}
				if name != cluster+"-canary" && name != cluster+"-probe" && !accepted {
					assert.Contains(t, r.Dependencies, cluster+"-probe", name)
				}
			}
			for name, r := range of(resources, cluster, "") {
				if strings.HasPrefix(r.Type, "kubernetes:") && name != cluster+"-namespace" {
					assert.Contains(t, r.Dependencies, cluster+"-namespace", name)
				}
				proof := strings.Contains(name, "-canary") || strings.Contains(name, "-probe")
				assert.False(t, accepted && proof, "%s: there is nothing to prove", name)
			}
			if !accepted {
				for _, policy := range []string{"-probe-policy", "-canary-policy"} {
					assert.Contains(t, waits(resources, resources[cluster+"-probe"]), cluster+policy)
				}
			}
		}
	}
}

// waits are what a resource waits for: its dependencies, and theirs.
func waits(resources map[string]mocks.Resource, r mocks.Resource) []string {
	var all []string
	for _, dependency := range r.Dependencies {
		all = append(append(all, dependency), waits(resources, resources[dependency])...)
	}
	return all
}

// Another text of verification.again runs the canary again, in another pod.
func TestPoliciesAreTriedAgain(t *testing.T) {
	before := run(t)
	after := mocks.RunAfter(t, clustered(t, `"targets": [`, `"verification": {"again": "2026"}, "targets": [`), mocks.After(t, before))
	changed := touched(before, after)
	assert.Contains(t, changed, "a-probe")
	assert.Contains(t, changed, "b-probe")
	assert.NotContains(t, changed, "a-prometheus-deployment")
}

// If the monitor's address changes, the ends of the tunnel and the policies that let them dial it change too.
func TestTheMonitorMoves(t *testing.T) {
	before := run(t)
	moved := clustered(t, `"region": "tor1"`, `"address": "203.0.113.9", "hostKey": "`+mocks.HostKey+`"`)
	after := mocks.RunAfter(t, moved, mocks.After(t, before))
	assert.Equal(t, mocks.Ledger(t, before), mocks.Ledger(t, after))
	var seen []string
	for name, old := range before {
		if cluster := owner(before, name); cluster != "a" && cluster != "b" {
			continue
		}
		if !assert.Contains(t, after, name) {
			continue
		}
		for _, path := range differences(inputs(old), inputs(after[name])) {
			if !slices.Contains(old.Ignored, path) {
				seen = append(seen, name+" "+path)
			}
		}
	}
	slices.Sort(seen)
	const digest = " spec.template.metadata.annotations.promwire/tunnel"
	const cidr = " spec.egress.to.ipBlock.cidr"
	assert.Equal(t, []string{
		"a-gateway-deployment" + digest,
		"a-gateway-policy" + cidr,
		"a-gateway-tunnel-secret stringData.config: Endpoint = 198.51.100.25:51820 -> Endpoint = 203.0.113.9:51820",
		"a-tunnel-enrol connection.host",
		"b-prometheus-deployment" + digest,
		"b-prometheus-policy" + cidr,
		"b-prometheus-tunnel-secret stringData.config: Endpoint = 198.51.100.25:51820 -> Endpoint = 203.0.113.9:51820",
		"b-reflect-deployment" + digest,
		"b-reflect-policy" + cidr,
		"b-reflect-tunnel-enrol connection.host",
		"b-reflect-tunnel-secret stringData.config: Endpoint = 198.51.100.25:51820 -> Endpoint = 203.0.113.9:51820",
		"b-tunnel-enrol connection.host",
	}, seen)
}

// differences are the paths, without the indexes of lists, at which two values differ; of texts with several lines also which lines.
func differences(a, b resource.PropertyValue) []string {
	a, b = plain(a), plain(b)
	var all []string
	switch {
	case a.IsObject() && b.IsObject():
		keys := slices.Collect(maps.Keys(a.ObjectValue()))
		for key := range b.ObjectValue() {
			if _, both := a.ObjectValue()[key]; !both {
				keys = append(keys, key)
			}
		}
		for _, key := range keys {
			for _, path := range differences(a.ObjectValue()[key], b.ObjectValue()[key]) {
				if path != "" && path[0] != ':' {
					path = "." + path
				}
				all = append(all, string(key)+path)
			}
		}
	case a.IsArray() && b.IsArray() && len(a.ArrayValue()) == len(b.ArrayValue()):
		for i, element := range a.ArrayValue() {
			all = append(all, differences(element, b.ArrayValue()[i])...)
		}
	case !a.DeepEquals(b):
		all = append(all, lines(a, b))
	}
	return all
}

// lines are those in which two texts differ; "" if both have one line.
func lines(a, b resource.PropertyValue) string {
	if !a.IsString() || !b.IsString() || !strings.Contains(a.StringValue(), "\n") {
		return ""
	}
	old, new := strings.Split(a.StringValue(), "\n"), strings.Split(b.StringValue(), "\n")
	only := func(these, those []string) string {
		these = slices.DeleteFunc(slices.Clone(these), func(line string) bool { return slices.Contains(those, line) })
		return strings.Join(these, "|")
	}
	return ": " + only(old, new) + " -> " + only(new, old)
}

// Addresses are given in the order of appearance, the clusters' after the targets', and never move.
func TestAddressesOfClusters(t *testing.T) {
	slots := func(ledger string) map[string]int {
		var l struct{ Hosts map[string]int }
		require.NoError(t, json.Unmarshal([]byte(ledger), &l))
		return l.Hosts
	}
	first := mocks.Ledger(t, run(t))
	assert.Equal(t, map[string]int{"monitor": 1, "lon": 2, "a": 3, "b": 4, "b-reflect": 5}, slots(first))
	more := `"clusters": [{"name": "c", "mode": "dark", "namespace": "c", "kubeconfig": {"path": "KUBECONFIG", "context": "a"}},`
	grown := clustered(t, `"clusters": [`, more, `"region": "lon1"}`, `"region": "lon1"}, {"name": "sfo", "region": "sfo3"}`)
	second := mocks.Ledger(t, mocks.MustRun(t, grown, first))
	assert.Equal(t, map[string]int{"monitor": 1, "lon": 2, "a": 3, "b": 4, "b-reflect": 5, "sfo": 6, "c": 7}, slots(second))
	third := mocks.Ledger(t, mocks.MustRun(t, clustered(t, `"reflect": true}`, `"reflect": false}`), second))
	assert.Equal(t, map[string]int{"monitor": 1, "lon": 2, "a": 3, "b": 4}, slots(third))
	fourth := mocks.Ledger(t, mocks.MustRun(t, clustered(t, `"clusters": [`, more), third))
	assert.Equal(t, 4, slots(fourth)["b"])
	assert.Equal(t, 3, slots(fourth)["a"])
}

// The monitor forwards what a dark cluster's Prometheus scrapes of reflect, and nothing else.
func TestTheMonitorForwardsNothingElse(t *testing.T) {
	forwards := func(resources map[string]mocks.Resource) []string {
		var rules []string
		for line := range strings.Lines(resources["monitor-converge"].Inputs["stdin"].StringValue()) {
			if strings.Contains(line, "oifname") && strings.Contains(line, "accept") {
				rules = append(rules, strings.TrimSpace(line))
			}
		}
		return rules
	}
	const within = `iifname "promwire0" oifname "promwire0" `
	resources := run(t)
	assert.Equal(t, []string{
		within + "ct state established,related accept",
		within + "ip saddr 10.98.0.4 ip daddr 10.98.0.5 tcp dport 8080 accept",
	}, forwards(resources))
	script := resources["monitor-converge"].Inputs["stdin"].StringValue()
	assert.Contains(t, script, "\nforwarding\n")
	assert.Contains(t, script, "PostUp = echo 1 >/proc/sys/net/ipv4/conf/%i/forwarding\n")
	without := run(t, `"reflect": true}`, `"reflect": false}`)
	assert.Empty(t, forwards(without))
	assert.NotContains(t, without["monitor-converge"].Inputs["stdin"].StringValue(), "\nforwarding\n")
}

// A change of a cluster touches only what it must, too.
func TestWhatAChangeOfAClusterTouches(t *testing.T) {
	before := run(t)
	const gate = "promwire-test-verification-gate"
	for name, c := range map[string]struct{ replace, touched []string }{
		"nothing":    {nil, nil},
		"a selector": {[]string{`"api": true`, `"api": true, "federate": {"match": ["up"]}`}, []string{"a-tunnel-enrol"}},
		"the API":    {[]string{`"api": true, `, ``}, []string{"a-gateway-deployment", "a-gateway-policy", "a-gateway-tunnel-secret", gate}},
		"another key of the dark cluster": {[]string{`"mode": "dark"`, `"mode": "dark", "key": "2"`}, []string{
			"-b-tunnel-key-1", "+b-tunnel-key-2", "b-prometheus-tunnel-secret", "b-prometheus-deployment", "b-tunnel-enrol",
			"-b-reflect-tunnel-key-1", "+b-reflect-tunnel-key-2", "b-reflect-tunnel-secret", "b-reflect-deployment", "b-reflect-tunnel-enrol",
			gate,
		}},
		"one more batch job": {[]string{`"jobs": ["backup"]`, `"jobs": ["backup", "report"]`}, []string{
			"+a-pushgateway-report-password-1", "a-pushgateway-secret", "a-pushgateway-deployment",
		}},
		"who pushes": {[]string{`"from": ["batch"]`, `"from": ["batch", "night"]`}, []string{"a-pushgateway-policy"}},
	} {
		t.Run(name, func(t *testing.T) {
			fleet := strings.ReplaceAll(clustered(t, c.replace...), kubeconfig(t), kubeconfigOf(before))
			after := mocks.RunAfter(t, fleet, mocks.After(t, before))
			assert.ElementsMatch(t, c.touched, touched(before, after))
		})
	}
}

func kubeconfigOf(resources map[string]mocks.Resource) string {
	return resources["a-kubernetes"].Inputs["kubeconfig"].StringValue()
}

// TestEndsOfTheTunnel: each end's configuration lists which addresses may connect, and where each port leads.
func TestEndsOfTheTunnel(t *testing.T) {
	resources := run(t)
	for name, c := range map[string]struct {
		enrol string
		has   []string // lines
		ports int      // that lead somewhere
	}{
		"a-gateway-tunnel-secret": {"a-tunnel-enrol", []string{
			"Address = 10.98.0.3/32", "AllowedIPs = 10.98.0.1/32", "ListenPort = 9090\nTarget = prometheus.promwire.svc:9090",
			"ListenPort = 7000\nTarget = reflect.promwire.svc:7000", "ListenPort = 6443\nTarget = kubernetes.default.svc:443",
			"ListenPort = 80\nTarget = grafana.tools.svc:80",
		}, 4},
		"b-prometheus-tunnel-secret": {"b-tunnel-enrol", []string{
			"Address = 10.98.0.4/32", "AllowedIPs = 10.98.0.1/32, 10.98.0.5/32", "ListenPort = 9090\nTarget = 127.0.0.1:9090",
			"BindAddress = 127.0.0.1:8080\nTarget = 10.98.0.5:8080",
		}, 2},
		"b-reflect-tunnel-secret": {"b-reflect-tunnel-enrol", []string{
			"Address = 10.98.0.5/32", "AllowedIPs = 10.98.0.1/32, 10.98.0.4/32", "ListenPort = 7000\nTarget = 127.0.0.1:7000",
			"ListenPort = 8080\nTarget = 127.0.0.1:8080",
		}, 2},
	} {
		config := at(inputs(resources[name]), "stringData", "config").StringValue()
		for _, text := range append(c.has, "PersistentKeepalive = 25") {
			assert.Contains(t, config, text+"\n", name)
		}
		assert.Equal(t, c.ports, strings.Count(config, "Target = "), name)
		assert.Equal(t, 1, strings.Count(config, "AllowedIPs"), name)
		own, _, _ := strings.Cut(strings.TrimPrefix(c.has[0], "Address = "), "\n")
		script := resources[c.enrol].Inputs["stdin"].StringValue()
		assert.Contains(t, script, "AllowedIPs = "+own+"\n", c.enrol)
		federated := strings.Contains(script, "\nfederate ")
		assert.Equal(t, c.enrol != "b-reflect-tunnel-enrol", federated, c.enrol)
		assert.Equal(t, federated, strings.Contains(script, "targets: ['"+strings.TrimSuffix(own, "/32")+":9090']"), c.enrol)
	}
}

// A cluster's API server may get another address. What is in the cluster, its keys too, is replaced only if the cluster is another one.
func TestAClusterIsKnownByWhatItKeeps(t *testing.T) {
	resources := run(t)
	for _, name := range []string{"a-kubernetes", "b-kubernetes"} {
		assert.Equal(t, mocks.ClusterID, resources[name].Inputs["clusterIdentifier"].StringValue(), name)
	}
}
