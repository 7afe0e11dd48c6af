package preflight

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Need is what the user of a kubeconfig must be allowed to do with a kind.
type Need struct {
	Group, Resource string // such as "apps", "deployments", or "", "nodes/metrics"; the core group is ""
	Path            string // of the API, such as "/metrics", in place of a kind
	Namespace       string // "": promwire's
	ClusterWide     bool   // in no namespace
	Verbs           []string
}

// verbs are what Pulumi does with an object from its creation to its removal.
var verbs = []string{"get", "list", "watch", "create", "patch", "delete"}

// watch are what Pulumi does with an object that another one depends on.
var watch = []string{"get", "list", "watch"}

const rbac = "rbac.authorization.k8s.io"

// Needs are the rights to make promwire's objects in a cluster: with a Prometheus of its own, which gets these rights, or, without any, with only a
// gateway to one that exists. volume says whether Prometheus's data are on a volume.
func Needs(rights []desired.Right, volume bool) []Need {
	needs := []Need{
		{Resource: "namespaces", ClusterWide: true},
		{Resource: "secrets"}, {Resource: "configmaps"}, {Resource: "services"}, {Resource: "pods"},
		{Group: "apps", Resource: "deployments"}, {Group: "batch", Resource: "jobs"},
		{Group: "networking.k8s.io", Resource: "networkpolicies"},
	}
	claims := Need{Resource: "persistentvolumeclaims"} // Pulumi watches them beside a Deployment
	if !volume {
		claims.Verbs = watch
	}
	needs = append(needs, claims)
	if len(rights) > 0 {
		needs = append(needs, Need{Resource: "serviceaccounts"},
			Need{Group: rbac, Resource: "clusterroles", ClusterWide: true}, Need{Group: rbac, Resource: "clusterrolebindings", ClusterWide: true})
		needs = append(needs, granted(rights)...)
	}
	for i := range needs {
		if needs[i].Verbs == nil {
			needs[i].Verbs = verbs
		}
	}
	// Pulumi watches what a Deployment, a Job or a Service makes, and waits without end where it may not.
	return append(needs,
		Need{Resource: "endpoints", Verbs: watch},
		Need{Group: "apps", Resource: "replicasets", Verbs: watch},
		Need{Group: "discovery.k8s.io", Resource: "endpointslices", Namespace: "default", Verbs: []string{"list"}}) // of the API servers
}

// granted are what it takes to grant rights: a user can only grant those that the user has.
func granted(rights []desired.Right) []Need {
	var needs []Need
	for _, right := range rights {
		if right.Namespace != "" {
			needs = append(needs, Need{Group: rbac, Resource: "roles", Namespace: right.Namespace}, Need{Group: rbac, Resource: "rolebindings", Namespace: right.Namespace})
		}
		for _, path := range right.Paths {
			needs = append(needs, Need{Path: path, Verbs: right.Verbs})
		}
		for _, resource := range right.Resources {
			needs = append(needs, Need{Group: right.Group, Resource: resource, Namespace: right.Namespace, ClusterWide: right.Namespace == "", Verbs: right.Verbs})
		}
	}
	return needs
}

// may asks for each right, and returns an error that lists those that are missing.
func (v Values) may(ctx context.Context, config *rest.Config) error {
	reviews, err := reviewer(config)
	if err != nil {
		return err
	}
	var missing []string
	for _, need := range v.Needs {
		var denied []string
		for _, verb := range need.Verbs {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: v.ask(need, verb)}
			answer, err := reviews.Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return fmt.Errorf("asking for the right to %s %s: %w", verb, v.what(need), err)
			}
			if !answer.Status.Allowed {
				denied = append(denied, verb)
			}
		}
		if len(denied) > 0 {
			if line := fmt.Sprintf("  %s: %s", v.what(need), strings.Join(denied, ", ")); !slices.Contains(missing, line) {
				missing = append(missing, line)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("this user lacks rights; grant them by a Role or ClusterRole, or use another context:\n%s", strings.Join(missing, "\n"))
	}
	return nil
}

func (v Values) ask(need Need, verb string) authorizationv1.SelfSubjectAccessReviewSpec {
	if need.Path != "" {
		return authorizationv1.SelfSubjectAccessReviewSpec{
			NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: need.Path, Verb: verb},
		}
	}
	resource, part, _ := strings.Cut(need.Resource, "/")
	return authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
		Verb: verb, Group: need.Group, Resource: resource, Subresource: part, Namespace: v.within(need),
	}}
}

// within is the namespace of a need; "": all of them.
func (v Values) within(need Need) string {
	if need.ClusterWide {
		return ""
	}
	return cmp.Or(need.Namespace, v.Namespace)
}

// what is the name of a kind as kubectl writes it, deployments.apps, or a path.
func (v Values) what(need Need) string {
	if need.Path != "" {
		return need.Path
	}
	name := need.Resource
	if need.Group != "" {
		name += "." + need.Group
	}
	if !need.ClusterWide {
		name += " in namespace " + v.within(need)
	}
	return name
}
