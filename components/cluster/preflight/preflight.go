// Package preflight asks a Kubernetes cluster, before anything is made there, whether that is possible: is it up, is the namespace
// free, may this user do what must be done. A Pulumi provider would report the same problems, but one by one, with half of the work
// done.
package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	discovery "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// defaultTimeout is how long a cluster may take to answer one request.
const defaultTimeout = 10 * time.Second

// Values are what to ask.
type Values struct {
	Cluster string // name
	desired.Kubeconfig
	Namespace, Fleet string
	Needs            []Need
	Others           []string      // namespaces of others, which have to be there
	Nodes            bool          // whether to find the nodes
	Timeout          time.Duration // of one request; 0: ten seconds
}

// Found is what the cluster says about itself.
type Found struct {
	APIServers []netip.AddrPort   // behind the Service kubernetes.default, sorted
	Resolvers  []desired.Resolver // of names, beside kube-dns
	Nodes      []netip.Prefix     // each one's own address, sorted, if they were asked for
	ID         string             // UID of the namespace kube-system, which a cluster keeps for life; "": this user may not see it
}

// Error is why nothing can be made in a cluster.
type Error struct {
	Cluster string // name
	Cause   error
}

func (e *Error) Error() string { return fmt.Sprintf("cluster %s: %v", e.Cluster, e.Cause) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Check asks a cluster everything. Its error is an *Error, with what is wrong and what to do: all missing rights at once.
func Check(ctx context.Context, v Values) (Found, error) {
	found, err := v.check(ctx)
	if err != nil {
		return Found{}, &Error{v.Cluster, err}
	}
	return found, nil
}

func (v Values) check(ctx context.Context) (Found, error) {
	config, err := v.config()
	if err != nil {
		return Found{}, err
	}
	config.Timeout = cmp.Or(v.Timeout, defaultTimeout)
	config.QPS = -1 // client-go waits between requests otherwise, and these are a few dozen
	occupied := v.free(ctx, config)
	if occupied != nil && !apierrors.IsForbidden(occupied) {
		return Found{}, occupied
	}
	if err := v.may(ctx, config); err != nil { // with all that is missing, this right included
		return Found{}, err
	}
	if occupied != nil {
		return Found{}, occupied
	}
	if err := v.there(ctx, config); err != nil {
		return Found{}, err
	}
	found, err := servers(ctx, config)
	if err != nil {
		return Found{}, err
	}
	if found.Resolvers, err = resolvers(ctx, config); err != nil {
		return Found{}, err
	}
	if found.Nodes, err = v.nodes(ctx, config); err != nil {
		return Found{}, err
	}
	found.ID, err = identity(ctx, config)
	return found, err
}

// identity tells clusters apart, whatever addresses their API servers have.
func identity(ctx context.Context, config *rest.Config) (string, error) {
	client, err := core.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, err := client.Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("get namespace %s: %w", metav1.NamespaceSystem, err)
	}
	return string(namespace.UID), nil
}

// config finds the cluster as kubectl does.
func (v Values) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	overrides := &clientcmd.ConfigOverrides{CurrentContext: v.Context}
	if v.Path != "" {
		rules.ExplicitPath = Home(v.Path)
	}
	loaded, err := rules.Load()
	if v.Contents != "" {
		loaded, err = clientcmd.Load([]byte(v.Contents))
		if err != nil {
			return nil, errors.New("kubeconfig.contents is not a kubeconfig; set it again from its file") // a parser's error may quote it
		}
	}
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if _, known := loaded.Contexts[v.Context]; v.Context != "" && !known {
		return nil, fmt.Errorf("the kubeconfig has no context %q%s; name one of them in kubeconfig.context", v.Context, contexts(loaded.Contexts))
	}
	config, err := clientcmd.NewDefaultClientConfig(*loaded, overrides).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w; say in kubeconfig.path or KUBECONFIG where it is", err)
	}
	return config, nil
}

// contexts lists those of the kubeconfig.
func contexts[V any](known map[string]V) string {
	if len(known) == 0 {
		return ", and no other context"
	}
	return ", only " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// Home is a path with the user's folder in place of ~/.
func Home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// free says whether the namespace belongs to this fleet or does not exist. It is the first question that the cluster is asked.
func (v Values) free(ctx context.Context, config *rest.Config) error {
	client, err := core.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, err := client.Namespaces().Get(ctx, v.Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s does not know this user: %w; renew the kubeconfig's credentials", config.Host, err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("this user may not get namespaces %s: %w", v.Namespace, err)
	case err != nil:
		return fmt.Errorf("%s can't be reached: %w; is it up, and does this machine reach it? "+
			"(The others go on; `PULUMI_K8S_DELETE_UNREACHABLE=true pulumi up` drops a lost cluster from the state)", config.Host, err)
	}
	return v.own(namespace)
}

func (v Values) own(namespace *corev1.Namespace) error {
	switch owner := namespace.Labels[desired.FleetLabel]; {
	case owner == v.Fleet:
		return nil
	case owner != "":
		return fmt.Errorf("namespace %s belongs to the fleet %s; choose another with namespace", v.Namespace, owner)
	default:
		return fmt.Errorf("namespace %s exists already and does not belong to promwire: `pulumi destroy` would remove it with all that is in it; "+
			"choose another with namespace", v.Namespace)
	}
}

// servers are the API servers' own addresses: policies have to name them.
func servers(ctx context.Context, config *rest.Config) (Found, error) {
	client, err := discovery.NewForConfig(config)
	if err != nil {
		return Found{}, fmt.Errorf("kubeconfig: %w", err)
	}
	list, err := client.EndpointSlices("default").List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=kubernetes"})
	if err != nil {
		return Found{}, fmt.Errorf("list endpointslices in namespace default: %w", err)
	}
	var found Found
	for _, slice := range list.Items {
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses {
				address, err := netip.ParseAddr(text)
				if err != nil {
					return Found{}, fmt.Errorf("the API server's address %q: %w", text, err)
				}
				for _, port := range slice.Ports {
					if port.Port == nil { // any port, but an API server always has one
						continue
					}
					found.APIServers = append(found.APIServers, netip.AddrPortFrom(address, uint16(*port.Port)))
				}
			}
		}
	}
	slices.SortFunc(found.APIServers, netip.AddrPort.Compare)
	return found, nil
}

// reviewer asks what this user may do.
func reviewer(config *rest.Config) (authorization.SelfSubjectAccessReviewInterface, error) {
	client, err := authorization.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return client.SelfSubjectAccessReviews(), nil
}
