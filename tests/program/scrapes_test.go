package program

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/mocks"
)

// scraped is a dark cluster b whose Prometheus has these settings, too.
func scraped(t *testing.T, prometheus string) map[string]mocks.Resource {
	t.Helper()
	return run(t, `"mode": "dark",`, `"mode": "dark", "prometheus": {`+prometheus+`},`,
		`"images": {`, `"images": {"kubeStateMetrics": "k.test/k`+digest+`",`)
}

// rights are all that the roles of a cluster grant, as text.
func rights(resources map[string]mocks.Resource, cluster string) string {
	var all strings.Builder
	for _, kind := range []string{":ClusterRole", ":Role"} {
		for _, r := range of(resources, cluster, kind) {
			fmt.Fprintln(&all, r.Type, r.Inputs["metadata"].ObjectValue()["namespace"], r.Inputs["rules"])
		}
	}
	return all.String()
}

// What is turned on gets its rights and edges in that cluster. What is not, and every other cluster, gets none.
func TestWhatIsScrapedIsGrantedAndOpened(t *testing.T) {
	for name, c := range map[string]struct {
		prometheus    string
		rights, edges []string // of all that are possible
	}{
		"nothing":            {`"scrapeInterval": "15s"`, nil, nil},
		"kubelet":            {`"kubelet": true`, []string{"{nodes}", "{nodes/metrics}"}, []string{mocks.Node + "/32"}},
		"cadvisor":           {`"cadvisor": true, "nodes": ["10.0.0.0/8"]`, []string{"{nodes}", "{nodes/metrics}"}, []string{"10.0.0.0/8"}},
		"kube-state-metrics": {`"kubeStateMetrics": true`, []string{"{nodes}", "{pods}", "{deployments}"}, nil},
		"pods":               {`"pods": [{"job": "x", "namespace": "shop", "labels": {"app": "till"}, "port": 8087}]`, []string{"{pods}", "rbac.authorization.k8s.io/v1:Role"}, []string{"8087", "{till}"}},
	} {
		t.Run(name, func(t *testing.T) {
			resources := scraped(t, c.prometheus)
			granted := rights(resources, "b")
			opened := fmt.Sprint(of(resources, "b", ":NetworkPolicy")["b-prometheus-policy"].Inputs)
			for _, right := range []string{"{nodes}", "{nodes/metrics}", "{pods}", "{deployments}", "rbac.authorization.k8s.io/v1:Role "} {
				want := false
				for _, w := range c.rights {
					want = want || strings.HasPrefix(right, w)
				}
				assert.Equal(t, want, strings.Contains(granted, right), "%s in %s", right, granted)
			}
			for _, edge := range []string{mocks.Node + "/32", "10.0.0.0/8", "8087", "{till}"} {
				want := false
				for _, w := range c.edges {
					want = want || w == edge
				}
				assert.Equal(t, want, strings.Contains(opened, edge), "%s in %s", edge, opened)
			}
			assert.NotContains(t, rights(resources, "a"), "nodes")
			assert.Contains(t, rights(resources, "a"), "/metrics")
		})
	}
}

// kube-state-metrics listens on the loopback of Prometheus's pod, in a dark cluster too, where nothing listens on the cluster's network.
func TestKubeStateMetricsIsBesidePrometheus(t *testing.T) {
	for _, on := range []bool{false, true} {
		pod := fmt.Sprint(of(scraped(t, fmt.Sprintf(`"kubeStateMetrics": %v`, on)), "b", ":Deployment")["b-prometheus-deployment"].Inputs)
		assert.Equal(t, on, strings.Contains(pod, "k.test/k"+digest))
		assert.Equal(t, on, strings.Contains(pod, "--host=127.0.0.1"))
	}
}

// A crash of kube-state-metrics makes Prometheus's pod unready. The way to Prometheus stays open, and what kube-state-metrics needs of the node's memory
// has a limit.
func TestKubeStateMetricsTakesNothingAlong(t *testing.T) {
	resources := run(t, `"mode": "gateway",`, `"mode": "gateway", "prometheus": {"kubeStateMetrics": true},`,
		`"images": {`, `"images": {"kubeStateMetrics": "k.test/k`+digest+`",`)
	service := of(resources, "a", ":Service")["a-prometheus-service"].Inputs["spec"].ObjectValue()
	assert.True(t, service["publishNotReadyAddresses"].IsBool() && service["publishNotReadyAddresses"].BoolValue(), "%v", service)
	deployment := of(resources, "a", ":Deployment")["a-prometheus-deployment"].Inputs["spec"].ObjectValue()
	limits := map[string]string{}
	for _, c := range deployment["template"].ObjectValue()["spec"].ObjectValue()["containers"].ArrayValue() {
		limits[c.ObjectValue()["name"].StringValue()] = fmt.Sprint(c.ObjectValue()["resources"])
	}
	assert.Contains(t, limits["kube-state-metrics"], "memory", "%v", limits)
}

// Prometheus's data are on the node's disk, or, if the settings say so, on a volume, whose name Pulumi chooses: a new one is there before the
// former one goes.
func TestPrometheusData(t *testing.T) {
	assert.Empty(t, of(scraped(t, `"scrapeInterval": "15s"`), "b", ":PersistentVolumeClaim"))
	resources := scraped(t, `"volume": {"storageClass": "fast", "size": "10Gi"}`)
	claim, is := of(resources, "b", ":PersistentVolumeClaim")["b-prometheus-claim"]
	require.True(t, is)
	spec := fmt.Sprint(claim.Inputs["spec"])
	assert.Contains(t, spec, "10Gi")
	assert.Contains(t, spec, "fast")
	assert.True(t, claim.Inputs["metadata"].ObjectValue()["name"].IsNull(), "Pulumi chooses its name")
	deployment := of(resources, "b", ":Deployment")["b-prometheus-deployment"]
	assert.Contains(t, fmt.Sprint(deployment.Inputs), "persistentVolumeClaim")
	assert.Contains(t, deployment.Dependencies, "b-prometheus-claim")
}
