package mocks

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Token is the user's token in the kubeconfigs of Kubeconfig.
const Token = "planted-token-of-a-cluster"

// APIServer is the address that the API server of every cluster here reports.
const APIServer = "172.18.0.2"

// Kubeconfig makes a kubeconfig, and returns its path. Its contexts a and b are clusters that have no namespace yet and allow everything;
// the server of context gone does not exist.
func Kubeconfig(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	var clusters, contexts []string
	for name, at := range map[string]string{"a": server.URL, "b": server.URL, "gone": "http://" + closed.Addr().String()} {
		clusters = append(clusters, fmt.Sprintf(`{"name": %q, "cluster": {"server": %q}}`, name, at))
		contexts = append(contexts, fmt.Sprintf(`{"name": %q, "context": {"cluster": %q, "user": "u"}}`, name, name))
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`{"clusters": [%s], "contexts": [%s], "users": [{"name": "u", "user": {"token": %q}}]}`,
		strings.Join(clusters, ","), strings.Join(contexts, ","), Token)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Node is the address of every cluster's node. Beside promwire's namespace there is one more, shop.
const Node = "172.18.0.9"

// ClusterID is the UID of every cluster's namespace kube-system.
const ClusterID = "0f7d2c1e-5a43-4c1b-9d2e-0a1b2c3d4e5f"

// answer is what an API server answers to an operator who may do everything.
func answer(w http.ResponseWriter, r *http.Request) {
	said := map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound}
	status := http.StatusNotFound
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews"):
		status, said = http.StatusCreated, map[string]any{
			"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "status": map[string]any{"allowed": true},
		}
	case r.URL.Path == "/api/v1/namespaces/kube-system":
		status, said = http.StatusOK, map[string]any{
			"kind": "Namespace", "apiVersion": "v1", "metadata": map[string]any{"name": "kube-system", "uid": ClusterID},
		}
	case r.URL.Path == "/api/v1/nodes":
		status, said = http.StatusOK, map[string]any{
			"kind": "NodeList", "apiVersion": "v1", "items": []any{map[string]any{
				"metadata": map[string]any{"name": "node"},
				"status":   map[string]any{"addresses": []any{map[string]any{"type": "InternalIP", "address": Node}}},
			}},
		}
	case r.URL.Path == "/api/v1/namespaces/shop":
		status, said = http.StatusOK, map[string]any{"kind": "Namespace", "apiVersion": "v1", "metadata": map[string]any{"name": "shop"}}
	case strings.HasSuffix(r.URL.Path, "/endpointslices"):
		status, said = http.StatusOK, map[string]any{
			"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "items": []any{map[string]any{
				"addressType": "IPv4", "ports": []any{map[string]any{"port": 6443}},
				"endpoints": []any{map[string]any{"addresses": []string{APIServer}}},
			}},
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said)
}
