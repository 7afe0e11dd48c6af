package preflight

import (
	"net/netip"
	"reflect"
	"testing"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Where the API has what resolvers asks for.
const (
	openshift = "/api/v1/namespaces/openshift-dns"
	caches    = "/api/v1/namespaces/kube-system/pods"
	kubeDNS   = "/api/v1/namespaces/kube-system/services/kube-dns"
)

func TestResolvers(t *testing.T) {
	const (
		namespace = `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "openshift-dns"}}`
		none      = `{"kind": "PodList", "apiVersion": "v1", "items": []}`
		cache     = `{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "node-local-dns-x"}}]}`
		service   = `{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "kube-dns"}, "spec": {"clusterIP": "10.96.0.10"}}`
		headless  = `{"kind": "Service", "apiVersion": "v1", "metadata": {"name": "kube-dns"}, "spec": {"clusterIP": "None"}}`
	)
	for name, c := range map[string]struct {
		there map[string]string
		want  []desired.Resolver
	}{
		"kube-dns alone":             {map[string]string{caches: none, kubeDNS: service}, nil},
		"nothing can be seen":        {nil, nil},
		"OpenShift":                  {map[string]string{openshift: namespace}, []desired.Resolver{desired.OpenShiftDNS}},
		"NodeLocal":                  {map[string]string{caches: cache, kubeDNS: service}, desired.NodeLocal(netip.MustParseAddr("10.96.0.10"))},
		"NodeLocal, headless":        {map[string]string{caches: cache, kubeDNS: headless}, desired.NodeLocal(netip.Addr{})},
		"NodeLocal, without Service": {map[string]string{caches: cache}, desired.NodeLocal(netip.Addr{})},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Check(t.Context(), serve(t, &api{there: c.there}))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(found.Resolvers, c.want) {
				t.Errorf("found %v, want %v", found.Resolvers, c.want)
			}
		})
	}
}
