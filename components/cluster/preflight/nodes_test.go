package preflight

import (
	"fmt"
	"testing"
)

const (
	nodesPath = "/api/v1/nodes"
	list      = `{"kind": "NodeList", "apiVersion": "v1", "items": [%s]}`
	node      = `{"metadata": {"name": %q}, "status": {"addresses": [%s]}}`
)

// TestNodes: each one's address is that at which Prometheus's discovery finds its kubelet.
func TestNodes(t *testing.T) {
	for name, c := range map[string]struct{ items, want string }{
		"several": {
			fmt.Sprintf(node, "b", `{"type": "Hostname", "address": "b"}, {"type": "ExternalIP", "address": "203.0.113.2"}, {"type": "InternalIP", "address": "10.0.0.2"}`) + "," +
				fmt.Sprintf(node, "a", `{"type": "InternalDNS", "address": "a"}, {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "InternalIP", "address": "fd00::1"}`),
			"[10.0.0.1/32 10.0.0.2/32]",
		},
		"without an internal address": {fmt.Sprintf(node, "a", `{"type": "ExternalIP", "address": "2001:db8::1"}`), "[2001:db8::1/128]"},
		"none":                        {"", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			v := serve(t, &api{there: map[string]string{nodesPath: fmt.Sprintf(list, c.items)}})
			v.Nodes = true
			found, err := Check(t.Context(), v)
			if got := fmt.Sprint(found.Nodes); err != nil || got != c.want {
				t.Errorf("found %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestNodesWithoutAddress: discovery finds a kubelet by an internal name before it takes an external address.
func TestNodesWithoutAddress(t *testing.T) {
	for _, addresses := range []string{
		`{"type": "Hostname", "address": "a"}`,
		`{"type": "ExternalIP", "address": "203.0.113.1"}, {"type": "InternalDNS", "address": "a.internal"}`,
	} {
		v := serve(t, &api{there: map[string]string{nodesPath: fmt.Sprintf(list, fmt.Sprintf(node, "a", addresses))}})
		v.Nodes = true
		refused(t, v, "the cluster knows no address of its node a; name the nodes' networks in prometheus.nodes")
	}
}

// TestNodesAreNotAskedFor, unless somebody wants to know: the fake API server knows no such path.
func TestNodesAreNotAskedFor(t *testing.T) {
	found, err := Check(t.Context(), serve(t, &api{}))
	if err != nil || found.Nodes != nil {
		t.Errorf("found %v, %v", found.Nodes, err)
	}
}

func TestOtherNamespaces(t *testing.T) {
	there := map[string]string{"/api/v1/namespaces/shop": `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}`}
	v := serve(t, &api{there: there})
	v.Others = []string{"shop"}
	if _, err := Check(t.Context(), v); err != nil {
		t.Error(err)
	}
	v.Others = []string{"shop", "tools"}
	refused(t, v, "get namespace tools: ")
	v = serve(t, &api{there: there, missing: "/api/v1/namespaces/tools"})
	v.Others = []string{"shop", "tools"}
	refused(t, v, "there is no namespace tools, and prometheus.pods names it; make it first, or take it out")
}
