package preflight

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes/scheme"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// api is an API server that answers what preflight asks.
type api struct {
	labels  map[string]string // of the namespace promwire; nil: there is none
	denied  []string          // such as "create deployments.apps in promwire"
	slices  string            // items of the EndpointSliceList
	there   map[string]string // more answers, by path; what is not there is not found
	missing string            // one more path that is not found
	id      string            // UID of the namespace kube-system; "": this user may not get it
	refuses int               // status of every answer; 0: the right one
	slow    chan struct{}     // answers wait until it is closed; nil: they don't

	sync.Mutex
	asked []string // rights, as denied has them
}

func status(w http.ResponseWriter, code int, reason string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": %d, "reason": %q, "message": "so it is"}`, code, reason)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.slow != nil {
		select {
		case <-a.slow:
		case <-r.Context().Done():
		}
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case a.refuses != 0:
		status(w, a.refuses, map[int]string{401: "Unauthorized", 403: "Forbidden", 500: "InternalError"}[a.refuses])
	case r.URL.Path == "/api/v1/namespaces/promwire" && slices.Contains(a.denied, "get namespaces"):
		status(w, http.StatusForbidden, "Forbidden")
	case r.URL.Path == "/api/v1/namespaces/promwire" && a.labels == nil:
		status(w, http.StatusNotFound, "NotFound")
	case r.URL.Path == "/api/v1/namespaces/promwire":
		labels, _ := json.Marshal(a.labels)
		fmt.Fprintf(w, `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "promwire", "labels": %s}}`, labels)
	case r.URL.Path == "/api/v1/namespaces/kube-system" && a.id == "":
		status(w, http.StatusForbidden, "Forbidden")
	case r.URL.Path == "/api/v1/namespaces/kube-system":
		fmt.Fprintf(w, `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-system", "uid": %q}}`, a.id)
	case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews"):
		a.review(w, r)
	case r.URL.Path == "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices":
		fmt.Fprintf(w, `{"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "items": [%s]}`, a.slices)
	case a.there[r.URL.Path] != "":
		fmt.Fprint(w, a.there[r.URL.Path])
	case slices.Contains([]string{openshift, caches, kubeDNS, a.missing}, r.URL.Path):
		status(w, http.StatusNotFound, "NotFound")
	default:
		status(w, http.StatusTeapot, "Unexpected")
	}
}

func (a *api) review(w http.ResponseWriter, r *http.Request) {
	var review authorizationv1.SelfSubjectAccessReview
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, &review) // clients may speak protobuf
	}
	if err != nil {
		status(w, http.StatusBadRequest, "BadRequest")
		return
	}
	right := ""
	if of := review.Spec.ResourceAttributes; of != nil {
		right = strings.TrimSuffix(of.Verb+" "+strings.TrimSuffix(of.Resource+"/"+of.Subresource, "/")+"."+of.Group, ".")
		if of.Namespace != "" {
			right += " in " + of.Namespace
		}
	} else if of := review.Spec.NonResourceAttributes; of != nil {
		right = of.Verb + " " + of.Path
	}
	a.Lock()
	a.asked = append(a.asked, right)
	a.Unlock()
	review.Kind, review.APIVersion = "SelfSubjectAccessReview", "authorization.k8s.io/v1"
	review.Status.Allowed = !slices.Contains(a.denied, right)
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(review)
}

const token = "planted-token"

// kubeconfig is the text of one, with the contexts b and a, to a server.
func kubeconfig(server string) string {
	return fmt.Sprintf(`{"clusters": [{"name": "c", "cluster": {"server": %q}}], "users": [{"name": "u", "user": {"token": %q}}],
		"contexts": [{"name": "b", "context": {"cluster": "c", "user": "u"}}, {"name": "a", "context": {"cluster": "c", "user": "u"}}],
		"current-context": "b"}`, server, token)
}

// serve starts an API server, and returns the values to check it with.
func serve(t *testing.T, a *api) Values {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func at(t *testing.T, server string) Values {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfig(server)), 0o600); err != nil {
		t.Fatal(err)
	}
	return Values{Cluster: "shop", Kubeconfig: desired.Kubeconfig{Path: path}, Namespace: "promwire", Fleet: "promwire-test", Needs: Needs(desired.Scrapes{}.Rights(), false)}
}

// refused checks for an Error that contains these texts and not the token, and returns its text.
func refused(t *testing.T, v Values, want ...string) string {
	t.Helper()
	found, err := Check(t.Context(), v)
	var refused *Error
	if !errors.As(err, &refused) || refused.Cluster != v.Cluster || len(found.APIServers) > 0 {
		t.Fatalf("found %v, %v; want an *Error of %s", found, err, v.Cluster)
	}
	for _, text := range append(want, "cluster shop: ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is missing in: %v", text, err)
		}
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("the user's token is in: %v", err)
	}
	return err.Error()
}

func TestAllowed(t *testing.T) {
	own := map[string]string{desired.FleetLabel: "promwire-test"}
	for name, labels := range map[string]map[string]string{"a new namespace": nil, "its own namespace": own} {
		t.Run(name, func(t *testing.T) {
			a := &api{labels: labels, slices: `
				{"endpoints": [{"addresses": ["10.0.0.3", "10.0.0.1"]}], "ports": [{"port": 6443}, {"port": 443}, {}]},
				{"endpoints": [{"addresses": ["fd00::1"]}], "ports": [{"port": 6443}]}`}
			found, err := Check(t.Context(), serve(t, a))
			if err != nil {
				t.Fatal(err)
			}
			var want []netip.AddrPort
			for _, text := range []string{"10.0.0.1:443", "10.0.0.1:6443", "10.0.0.3:443", "10.0.0.3:6443", "[fd00::1]:6443"} {
				want = append(want, netip.MustParseAddrPort(text))
			}
			if !slices.Equal(found.APIServers, want) {
				t.Errorf("found %v, want %v", found.APIServers, want)
			}
		})
	}
}

// TestEveryRightIsAsked: all that promwire makes, in its namespace where the kind has one.
func TestEveryRightIsAsked(t *testing.T) {
	a := &api{}
	if _, err := Check(t.Context(), serve(t, a)); err != nil {
		t.Fatal(err)
	}
	for _, right := range []string{
		"create namespaces", "delete namespaces", "patch secrets in promwire", "create configmaps in promwire", "create services in promwire",
		"create serviceaccounts in promwire", "create deployments.apps in promwire", "watch deployments.apps in promwire",
		"create jobs.batch in promwire", "create networkpolicies.networking.k8s.io in promwire",
		"create clusterroles.rbac.authorization.k8s.io", "delete clusterrolebindings.rbac.authorization.k8s.io",
		"create pods in promwire", "list replicasets.apps in promwire", "list endpointslices.discovery.k8s.io in default", "get /metrics",
	} {
		if !slices.Contains(a.asked, right) {
			t.Errorf("preflight did not ask for the right to %s", right)
		}
	}
}

// TestRightsToGrant: who is to grant a right has to have it, and what is off is not asked for.
func TestRightsToGrant(t *testing.T) {
	more := []string{
		"list nodes", "watch nodes", "get nodes/metrics", "list pods", "list deployments.apps", "watch jobs.batch",
		"list pods in shop", "create roles.rbac.authorization.k8s.io in shop", "delete rolebindings.rbac.authorization.k8s.io in shop",
		"create persistentvolumeclaims in promwire",
	}
	for _, on := range []bool{false, true} {
		a := &api{there: map[string]string{"/api/v1/namespaces/shop": `{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop"}}`}}
		v := serve(t, a)
		if on {
			scrapes := desired.Scrapes{Kubelet: true, State: true, Pods: []desired.Pods{{Namespace: "shop"}}}
			v.Needs, v.Others = Needs(scrapes.Rights(), true), scrapes.Namespaces()
		}
		if _, err := Check(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		for _, right := range more {
			if slices.Contains(a.asked, right) != on {
				t.Errorf("on: %v; asked for the right to %s: %v", on, right, !on)
			}
		}
	}
}

// TestRightsBesideAnExistingPrometheus: where there is one, the user needs no right to grant rights.
func TestRightsBesideAnExistingPrometheus(t *testing.T) {
	a := &api{}
	v := serve(t, a)
	v.Needs = Needs(nil, false)
	if _, err := Check(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(a.asked, "create deployments.apps in promwire") {
		t.Errorf("preflight did not ask for the right to make a gateway, only for %q", a.asked)
	}
	for _, right := range a.asked {
		if strings.Contains(right, "rbac") || strings.Contains(right, "serviceaccounts") || right == "get /metrics" {
			t.Errorf("it asked for the right to %s", right)
		}
	}
}

// TestMissingRights: the error lists all of them at once, by verb and kind, and no other.
func TestMissingRights(t *testing.T) {
	said := refused(t, serve(t, &api{denied: []string{
		"create deployments.apps in promwire", "delete deployments.apps in promwire", "create clusterroles.rbac.authorization.k8s.io", "watch pods in promwire",
		"get /metrics", "list endpointslices.discovery.k8s.io in default",
	}}), "this user lacks rights; grant them by a Role or ClusterRole, or use another context:\n")
	_, list, _ := strings.Cut(said, ":\n")
	want := []string{
		"  pods in namespace promwire: watch",
		"  deployments.apps in namespace promwire: create, delete",
		"  clusterroles.rbac.authorization.k8s.io: create",
		"  /metrics: get",
		"  endpointslices.discovery.k8s.io in namespace default: list",
	}
	if got := strings.Split(list, "\n"); !slices.Equal(got, want) {
		t.Errorf("it lists:\n%s\nwant:\n%s", list, strings.Join(want, "\n"))
	}
}

// TestNothingAllowed: a user who may not even look for the namespace sees all other missing rights too.
func TestNothingAllowed(t *testing.T) {
	refused(t, serve(t, &api{denied: []string{"get namespaces", "create secrets in promwire"}}), "\n  namespaces: get\n  secrets in namespace promwire: create")
}

func TestNamespacesOfOthers(t *testing.T) {
	refused(t, serve(t, &api{labels: map[string]string{"team": "shop"}}),
		"namespace promwire exists already and does not belong to promwire: `pulumi destroy` would remove it with all that is in it; choose another")
	refused(t, serve(t, &api{labels: map[string]string{desired.FleetLabel: "promwire-prod"}}),
		"namespace promwire belongs to the fleet promwire-prod; choose another")
}

func TestUselessAnswers(t *testing.T) {
	for code, want := range map[int]string{
		401: "does not know this user",
		403: "asking for the right to get namespaces: ",
		500: "can't be reached",
	} {
		refused(t, serve(t, &api{refuses: code}), want)
	}
	refused(t, serve(t, &api{slices: `{"endpoints": [{"addresses": ["nowhere"]}], "ports": [{"port": 6443}]}`}), `the API server's address "nowhere"`)
}

func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	url := "http://" + closed.Addr().String()
	refused(t, at(t, url), url+" can't be reached", "is it up, and does this machine reach it?", "PULUMI_K8S_DELETE_UNREACHABLE=true")
}

// TestSlow: a server that accepts connections and does not answer is given up.
func TestSlow(t *testing.T) {
	a := &api{slow: make(chan struct{})}
	v := serve(t, a)
	defer close(a.slow)
	v.Timeout = 50 * time.Millisecond
	refused(t, v, "can't be reached", "is it up")
}

// TestContexts: the kubeconfig's current context, or the named one; one that is not there is refused.
func TestContexts(t *testing.T) {
	v := serve(t, &api{})
	for _, context := range []string{"", "a", "b"} {
		v.Context = context
		if _, err := Check(t.Context(), v); err != nil {
			t.Errorf("context %q: %v", context, err)
		}
	}
	v.Context = "prod"
	refused(t, v, `no context "prod", only a, b; name one of them in kubeconfig.context`)
	v.Contents, v.Path = `{"apiVersion": "v1", "kind": "Config"}`, ""
	refused(t, v, `no context "prod", and no other context`)
}

// TestContents: they are a secret, and no error quotes them, however wrong they are.
func TestContents(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	server := httptest.NewServer(&api{})
	t.Cleanup(server.Close)
	v := Values{Cluster: "shop", Namespace: "promwire", Fleet: "promwire-test", Kubeconfig: desired.Kubeconfig{Contents: kubeconfig(server.URL)}}
	if _, err := Check(t.Context(), v); err != nil {
		t.Error(err)
	}
	for name, contents := range map[string]string{
		"no YAML":           token + ": [",
		"another kind":      `{"kind": "` + token + `", "apiVersion": "v1"}`,
		"another type":      `{"users": "` + token + `"}`,
		"a key that is not": `{"users": [{"name": "u", "user": {"client-key-data": "` + token + `!"}}]}`,
		"one word":          token,
	} {
		t.Run(name, func(t *testing.T) {
			v := v
			v.Contents = contents
			refused(t, v, "kubeconfig.contents is not a kubeconfig; set it again from its file")
		})
	}
	for name, contents := range map[string]string{
		"no file of that name": strings.Replace(kubeconfig(server.URL), `"token": "`+token+`"`, `"client-certificate": "/no/such", "client-key": "/no/such"`, 1),
		"no current context":   strings.Replace(kubeconfig(server.URL), `"current-context": "b"`, `"current-context": ""`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			v := v
			v.Contents = contents
			refused(t, v, "kubeconfig: ")
		})
	}
}

// TestPaths: as kubectl finds them.
func TestPaths(t *testing.T) {
	v := serve(t, &api{})
	home := filepath.Dir(v.Path)
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", v.Path)
	for _, path := range []string{"", v.Path, "~/kubeconfig"} {
		v.Path = path
		if _, err := Check(t.Context(), v); err != nil {
			t.Errorf("path %q: %v", path, err)
		}
	}
	v.Path = filepath.Join(home, "none")
	refused(t, v, "kubeconfig: ", "none")
	if got := Home("~other/x"); got != "~other/x" {
		t.Errorf("~other is %q", got)
	}
}

// TestIdentity: a cluster is known by what it keeps, and a user who may not see that is served all the same.
func TestIdentity(t *testing.T) {
	for _, id := range []string{"", "0f7d2c1e-0000-4000-8000-000000000001"} {
		found, err := Check(t.Context(), serve(t, &api{id: id}))
		if err != nil || found.ID != id {
			t.Errorf("found %v, %v; want the identity %q", found, err, id)
		}
	}
}
