package kubernetes

import (
	"fmt"
	"slices"
	"strings"
)

// Right is what a ServiceAccount may do. Who grants it has to have it.
type Right struct {
	Namespace string   // "": in all of them, and with what is in none
	Group     string   // of the API; "": the core group
	Resources []string // such as "pods", "nodes/metrics"
	Paths     []string // of the API, in place of Resources
	Verbs     []string
}

// stateKinds are what kube-state-metrics tells of, by their groups of the API: those that the rules read, and no others. None of them is made for
// secrets, but what an owner wrote into the environment, the arguments or the annotations of a pod can be read in them.
var stateKinds = []Right{
	{Resources: []string{"nodes", "pods"}},
	{Group: "apps", Resources: []string{"daemonsets", "deployments", "statefulsets"}},
	{Group: "batch", Resources: []string{"jobs"}},
}

// look is what discovery and kube-state-metrics do: both list, and then watch.
var look = []string{"list", "watch"}

// Rights are those of a cluster's Prometheus, and of kube-state-metrics beside it: the API server's metrics, and what it takes to read the rest.
func (s Scrapes) Rights() []Right {
	get := []string{"get"}
	rights := []Right{{Paths: []string{"/metrics"}, Verbs: get}}
	if s.OfNodes() {
		rights = append(rights, Right{Resources: []string{"nodes"}, Verbs: look}, Right{Resources: []string{"nodes/metrics"}, Verbs: get})
	}
	if s.State {
		for _, kinds := range stateKinds {
			kinds.Verbs = look
			rights = append(rights, kinds)
		}
	}
	for _, namespace := range s.Namespaces() {
		rights = append(rights, Right{Namespace: namespace, Resources: []string{"pods"}, Verbs: look})
	}
	return rights
}

// StateArgs are the flags of kube-state-metrics: it listens on its pod's loopback only, and asks for nothing that it may not see.
func StateArgs() []string {
	var kinds []string
	for _, of := range stateKinds {
		kinds = append(kinds, of.Resources...)
	}
	slices.Sort(kinds)
	return []string{
		"--host=127.0.0.1", fmt.Sprintf("--port=%d", StatePort),
		"--telemetry-host=127.0.0.1", fmt.Sprintf("--telemetry-port=%d", StateItself),
		"--resources=" + strings.Join(kinds, ","),
	}
}
