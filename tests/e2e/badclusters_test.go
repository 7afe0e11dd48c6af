package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/operator"
)

// withClusters adds to the list.
func withClusters(more ...map[string]any) operator.Edit {
	return func(fleet map[string]any) {
		for _, cluster := range more {
			fleet["clusters"] = append(fleet["clusters"].([]any), cluster)
		}
	}
}

func withoutCluster(name string) operator.Edit {
	return func(fleet map[string]any) {
		fleet["clusters"] = slices.DeleteFunc(fleet["clusters"].([]any), func(c any) bool { return c.(map[string]any)["name"] == name })
	}
}

// badClusters: one clear error each, nothing half-made, and the others go on.
func badClusters(s *story) {
	a := s.cluster("a")
	a.must("create", "serviceaccount", "powerless", "-n", "shop")
	powerless := kubeconfig(s, func(config map[string]any) {
		user := config["users"].([]any)[0].(map[string]any)
		user["user"] = map[string]any{"token": a.must("create", "token", "powerless", "-n", "shop")}
	})
	unreachable := kubeconfig(s, func(config map[string]any) {
		cluster := config["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)
		cluster["server"] = "https://127.0.0.1:1"
	})
	bad := func(name string, more map[string]any) map[string]any {
		cluster := map[string]any{"name": name, "mode": "dark"}
		maps.Copy(cluster, more)
		return cluster
	}
	good := len(s.edits)
	four := withClusters(
		bad("nowhere", map[string]any{"kubeconfig": map[string]any{"context": "nowhere"}}),
		bad("gone", map[string]any{"kubeconfig": map[string]any{"contents": unreachable}}),
		bad("theirs", map[string]any{"kubeconfig": map[string]any{"context": "a"}, "namespace": "shop"}),
		bad("powerless", map[string]any{"kubeconfig": map[string]any{"contents": powerless}, "namespace": "promwire-too"}),
	)
	s.fault("four bad clusters", "an update", "named, the others go on", func() { s.edit(four) }, func() {
		said := s.upFails()
		for _, want := range []string{
			`cluster nowhere: the kubeconfig has no context "nowhere", only a, b`,
			"cluster gone: https://127.0.0.1:1 can't be reached",
			"cluster theirs: namespace shop exists already and does not belong to promwire",
			"cluster powerless: this user lacks rights; grant them by a Role or ClusterRole, or use another context: namespaces: get, list, watch",
			"deployments.apps in namespace promwire-too: get, list, watch, create, patch, delete",
		} {
			assert.Contains(s.t, strings.Join(strings.Fields(said), " "), want)
		}
		s.federated("a", "b")
		assert.NotContains(s.t, a.must("get", "namespaces", "-o", "name"), "promwire-too")
		assert.Empty(s.t, a.must("get", "-n", "shop", "networkpolicies,deployments,secrets", "-o", "name"))
	})
	s.edits = s.edits[:good]
	unenforced(s)
}

// kubeconfig is the lab's, for one cluster, with a change.
func kubeconfig(s *story, change func(config map[string]any)) string {
	s.t.Helper()
	text, err := os.ReadFile(clusters.Kubeconfig(s.lab.Folder))
	require.NoError(s.t, err)
	var config map[string]any
	require.NoError(s.t, yaml.Unmarshal(text, &config))
	for _, key := range []string{"clusters", "users", "contexts"} {
		config[key] = config[key].([]any)[:1]
	}
	config["current-context"] = config["contexts"].([]any)[0].(map[string]any)["name"]
	change(config)
	changed, err := yaml.Marshal(config)
	require.NoError(s.t, err)
	return string(changed)
}

// unenforced: a cluster whose network plugin enforces nothing is found out by its canary, and taken only if the settings say so. Then it
// is lost, and forgotten.
func unenforced(s *story) {
	_, err := clusters.Start(s.t.Context(), s.lab.Folder, []string{"plain"}, clusters.Options{Plugin: clusters.Bridge}, os.Stderr)
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, clusters.Stop(s.t.Context(), s.lab.Folder, "plain")) }()
	plain := map[string]any{"name": "plain", "mode": "gateway", "kubeconfig": map[string]any{"context": "plain"}}
	s.fault("a cluster that enforces nothing", "an update", "named, the others go on", func() { s.edit(withClusters(plain)) }, func() {
		assert.Contains(s.t, s.upFails(), "does not enforce NetworkPolicies: it does not drop inbound connections")
		assert.Empty(s.t, s.cluster("plain").ours("get", "deployments", "-o", "name"), "made before the proof")
		s.federated("a", "b")
	})
	plain["acceptUnenforced"] = true
	s.up()
	s.federated("a", "b", "plain")
	existingPrometheus(s, plain)

	s.fault("a lost cluster", "an update", "named; well without it", func() {
		require.NoError(s.t, clusters.Stop(s.t.Context(), s.lab.Folder, "plain"))
	}, func() {
		assert.Contains(s.t, s.upFails(), "cluster plain:")
		s.edit(withoutCluster("plain"))
		require.NoError(s.t, os.Setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true"))
		defer os.Unsetenv("PULUMI_K8S_DELETE_UNREACHABLE")
		s.up()
		s.federated("a", "b")
	})
}

// existingPrometheus: a cluster's own is only read, by way of its Service, and another Service is reached beside it.
func existingPrometheus(s *story, plain map[string]any) {
	c := s.cluster("plain")
	image := c.ours("get", "deployment", "prometheus", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	c.apply(fmt.Sprintf(theirPrometheus, image))
	service := map[string]any{"name": "kube-prometheus", "namespace": "monitoring", "port": 80, "podPort": 9090}
	plain["prometheus"] = map[string]any{"service": service}
	plain["federate"] = map[string]any{"match": []any{`{job="theirs"}`}}
	plain["expose"] = []any{map[string]any{"name": "kube-dns", "namespace": "kube-system", "port": 53, "tunnelPort": 5353}}
	s.up()
	s.eventually(func() error {
		up, err := s.value(`up{cluster="plain", job="theirs"}`)
		if err == nil && up != 1 {
			err = fmt.Errorf("up: %v", up)
		}
		return err
	})
	assert.NotContains(s.t, c.ours("get", "deployments", "-o", "name"), "prometheus", "promwire's own is still there")
	s.mustOn("monitor-1", fmt.Sprintf("timeout 5 bash -c 'exec 3<>/dev/tcp/%s/5353'", s.tunnels()["plain"]))
}

// theirPrometheus is one that others installed.
const theirPrometheus = `
apiVersion: v1
kind: Namespace
metadata: {name: monitoring}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: theirs, namespace: monitoring}
data:
  prometheus.yml: |
    global: {scrape_interval: 2s}
    scrape_configs: [{job_name: theirs, static_configs: [{targets: ["127.0.0.1:9090"]}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: theirs, namespace: monitoring}
spec:
  selector: {matchLabels: {app: theirs}}
  template:
    metadata: {labels: {app: theirs}}
    spec:
      containers:
      - {name: prometheus, image: "%s", args: [--config.file=/config/prometheus.yml, --storage.tsdb.path=/data], volumeMounts: [{name: config, mountPath: /config}, {name: data, mountPath: /data}]}
      volumes: [{name: config, configMap: {name: theirs}}, {name: data, emptyDir: {}}]
      securityContext: {fsGroup: 65534}
---
apiVersion: v1
kind: Service
metadata: {name: kube-prometheus, namespace: monitoring}
spec: {selector: {app: theirs}, ports: [{port: 80, targetPort: 9090}]}
`
