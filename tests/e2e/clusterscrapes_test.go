package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/tests/lab/operator"
)

// Ports at which pods of the namespace shop are scraped: those with the label app=till, and those whose annotation asks.
const (
	tillPort = 8087
	askPort  = 8088
)

// shopPods are the pods that cluster a's Prometheus reads; cluster b's reads nothing of its cluster.
var shopPods = []desired.Pods{
	{Job: "till", Namespace: "shop", Labels: map[string]string{"app": "till"}, Port: tillPort},
	{Job: "any", Namespace: "shop", Port: askPort, Annotated: true},
}

// withScrapes has cluster a's Prometheus read pods of others, and keep its data on a volume. (The stack file has all of the rest.)
func withScrapes() operator.Edit {
	return clustersEdit(func(c map[string]any) {
		if c["name"] != "a" {
			return
		}
		prometheus := c["prometheus"].(map[string]any)
		prometheus["volume"] = map[string]any{"storageClass": "theirs", "size": "2Gi"}
		prometheus["pods"] = []any{
			map[string]any{"job": "till", "namespace": "shop", "labels": map[string]any{"app": "till"}, "port": tillPort},
			map[string]any{"job": "any", "namespace": "shop", "port": askPort, "annotated": true},
		}
	})
}

// theirVolume is a folder of the node. (The lab's kubelet serves no kubelet_volume_stats: tests/golden tries what the rules make of them.)
const theirVolume = `{"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "theirs"}, "spec": {
	"capacity": {"storage": "3Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "theirs", "local": {"path": "/node/theirs"},
	"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["%s"]}]}]}}}}`

// volume is there before promwire asks for one.
func (c cluster) volume() {
	c.t.Helper()
	_, err := c.onNode(c.t.Context(), "mkdir", "-p", "/node/theirs")
	require.NoError(c.t, err)
	c.apply(fmt.Sprintf(theirVolume, c.name))
}

// scrapesOfCluster: cluster a's own metrics arrive, from a real kubelet and the stand-in for kube-state-metrics, and what the alerts read of them is
// at the central server. In cluster b nothing is turned on.
func scrapesOfCluster(s *story) {
	s.values(map[string]float64{
		`cluster:kubelet_up:min{cluster="a", node="a"}`:                            1,
		`cluster:node_ready:min{cluster="a", node="a"}`:                            1,
		`cluster:pod_crashing:max5m{cluster="a", namespace="shop"}`:                1,
		`cluster:deployment_replicas_missing:max{cluster="a", namespace="shop"}`:   1,
		`cluster:statefulset_replicas_missing:max{cluster="a", namespace="shop"}`:  2,
		`cluster:daemonset_replicas_missing:max{cluster="a", namespace="shop"}`:    1,
		`cluster:job_failed:max{cluster="a", namespace="shop", job_name="report"}`: 1,
		`job:up:sum{cluster="a", job="cadvisor"}`:                                  1,
		`ALERTS{alertname="ClusterPodCrashing", cluster="a", namespace="shop"}`:    1,
	})
	out, err := s.query(`{__name__=~"cluster:.+", cluster!="a"}`)
	require.NoError(s.t, err)
	assert.Empty(s.t, out, "of what is not turned on")
	for right, want := range map[string]string{
		"get nodes/metrics": "yes", "list nodes": "yes", "list pods": "yes", "watch deployments.apps": "yes", "list jobs.batch": "yes",
		"get nodes/proxy": "no", "list secrets": "no", "list configmaps": "no", "create pods": "no", "list persistentvolumeclaims": "no",
	} {
		assert.Equal(s.t, want, s.cluster("a").prometheusMay(right), "cluster a: %s", right)
		assert.Equal(s.t, "no", s.cluster("b").prometheusMay(right), "cluster b: %s", right)
	}
	podsOfOthers(s)
	dataStay(s)
	lostDiscovery(s)
}

// values waits until each query has this one value.
func (s *story) values(all map[string]float64) {
	s.t.Helper()
	for query, want := range all {
		s.eventually(func() error {
			value, err := s.value(query)
			if err == nil && value != want {
				err = fmt.Errorf("%s: %v, want %v", query, value, want)
			}
			return err
		})
	}
}

// prometheusMay says whether the cluster's Prometheus has a right.
func (c cluster) prometheusMay(right string) string {
	c.t.Helper()
	verb, resource, _ := strings.Cut(right, " ")
	resource, part, _ := strings.Cut(resource, "/")
	args := []string{"auth", "can-i", verb, resource, "--subresource", part, "--as=system:serviceaccount:promwire:prometheus"}
	out, _ := c.kubectl("", args...) // "no" is status 1
	lines := strings.Split(out, "\n")
	return lines[len(lines)-1]
}

// podsOfOthers: those with the label, and those whose annotation asks for this port.
func podsOfOthers(s *story) {
	c := s.cluster("a")
	asks := func(port int) map[string]string {
		return map[string]string{"prometheus.io/scrape": "true", "prometheus.io/port": fmt.Sprint(port)}
	}
	c.serving("silent", askPort, nil, nil)
	c.serving("elsewhere", askPort, nil, asks(9999))
	c.serving("refuses", askPort, nil, map[string]string{"prometheus.io/scrape": "false"})
	c.serving("till", tillPort, map[string]string{"app": "till"}, nil)
	c.serving("asks", askPort, nil, asks(askPort)) // last: when it is known, so are the others
	s.eventually(func() error {
		out, err := s.queryAt(s.tunnels()["a"], `up{job=~"till|any", namespace="shop"} == 1`)
		if err != nil {
			return err
		}
		if lines := strings.Split(out, "\n"); len(lines) != 2 || !strings.Contains(out, `pod="till"`) || !strings.Contains(out, `pod="asks"`) {
			return fmt.Errorf("scraped: %s", out)
		}
		return nil
	})
	out, err := s.queryAt(s.tunnels()["a"], `up{job=~"till|any"}`)
	require.NoError(s.t, err)
	assert.Len(s.t, strings.Split(out, "\n"), 2, "%s", out)
	c.must("-n", "shop", "delete", "pods", "--all", "--now")
}

// serving makes a pod of shop that serves metrics at a port, and waits until it runs.
func (c cluster) serving(name string, port int, labels, annotations map[string]string) {
	c.t.Helper()
	all := map[string]string{"serving": name}
	maps.Copy(all, labels)
	image := c.ours("get", "deployment", "reflect", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": "shop", "labels": all, "annotations": annotations},
		"spec": map[string]any{
			"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
			"containers": []any{map[string]any{
				"name": "reflect", "image": image, "args": []any{"--listen", "127.0.0.1:7000", "--metrics", fmt.Sprintf(":%d", port)},
			}},
		},
	})
	require.NoError(c.t, err)
	c.apply(string(manifest))
	c.pod("shop", "serving="+name)
}

// dataStay: what cluster a's Prometheus recorded is there after its pod was replaced.
func dataStay(s *story) {
	c := s.cluster("a")
	killed := time.Now().Unix() // machines of the lab have one clock
	c.ours("delete", "pod", "-l", desired.RoleLabel+"="+desired.RolePrometheus)
	s.eventually(func() error {
		out, err := s.queryAt(s.tunnels()["a"], fmt.Sprintf(`timestamp(up{job="prometheus"}) > %d and min_over_time(timestamp(up{job="prometheus"})[1h:5s]) < %d`, killed, killed))
		if err == nil && out == "" {
			err = fmt.Errorf("no samples both from before and after its pod was replaced")
		}
		return err
	})
	s.federated("a", "b")
}

// lostDiscovery: where the rights of a cluster's Prometheus are gone, it finds no kubelet that could be down, and the monitor is told of that.
func lostDiscovery(s *story) {
	c := s.cluster("a")
	binding := c.must("get", "clusterrolebindings", "-l", desired.RoleLabel+"="+desired.RolePrometheus, "-o", "name")
	grant := func(to string) {
		c.must("patch", binding, "--type=json", "-p", fmt.Sprintf(`[{"op": "replace", "path": "/subjects/0/name", "value": %q}]`, to))
	}
	grant("somebody-else")
	c.ours("delete", "pod", "-l", desired.RoleLabel+"="+desired.RolePrometheus) // a list that it has is watched for minutes
	// (The kubelet's last samples count for five minutes more: nobody marked them as the last ones.)
	s.eventually(func() error {
		out, err := s.queryAt(s.tunnels()["a"], `prometheus_target_scrape_pool_targets{scrape_job="kubelet"} == 0`)
		if err == nil && out == "" {
			err = fmt.Errorf("the kubelet is found without the right to list nodes")
		}
		return err
	})
	s.values(map[string]float64{
		`count(cluster:discovery_failures:increase5m{cluster="a"} > 0)`:                1,
		`ALERTS{alertname="ClusterDiscoveryFails", alertstate="pending", cluster="a"}`: 1,
	})
	grant("prometheus")
	s.eventually(func() error {
		out, err := s.queryAt(s.tunnels()["a"], `up{job="kubelet"} == 1 and on () prometheus_target_scrape_pool_targets{scrape_job="kubelet"} == 1`)
		if err == nil && out == "" {
			err = fmt.Errorf("the kubelet is not found again")
		}
		return err
	})
	s.federated("a", "b")
}

// within says whether all labels are among others.
func within(labels, others map[string]string) bool {
	for key, value := range labels {
		if other, has := others[key]; !has || other != value {
			return false
		}
	}
	return true
}
