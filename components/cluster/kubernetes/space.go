// Package kubernetes makes resources in one namespace of one cluster. It is the only package that imports pulumi-kubernetes: what is true
// of all of promwire's pods (no privileges, no root, nothing writable that need not be) is written here once.
package kubernetes

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// Space is promwire's namespace in one cluster. Its resources are named CLUSTER-NAME in the stack, and NAME in the namespace.
type Space struct {
	Cluster   string // name
	ID        string // of the cluster itself, whatever its address is; "": it is told apart by its kubeconfig
	Fleet     string // name
	Namespace string
	Ready     pulumi.Resource // the namespace: what everything in it waits for

	provider *kubernetes.Provider
	parent   pulumi.Resource
}

// NewSpace makes the namespace, where only pods without privileges may run (Pod Security Standards, restricted).
func NewSpace(ctx *pulumi.Context, s Space, config desired.Kubeconfig, parent pulumi.Resource, dependsOn []pulumi.Resource) (*Space, error) {
	s.parent = parent
	args := &kubernetes.ProviderArgs{
		// Prometheus reads its configuration again by itself; a replaced ConfigMap would be gone for a moment.
		EnableConfigMapMutable: pulumi.Bool(true),
		EnableSecretMutable:    pulumi.Bool(true),
	}
	if config.Path != "" {
		args.Kubeconfig = pulumi.String(config.Path)
	}
	if config.Contents != "" {
		args.Kubeconfig = pulumi.ToSecret(pulumi.String(config.Contents)).(pulumi.StringOutput).ToStringPtrOutput()
	}
	if config.Context != "" {
		args.Context = pulumi.String(config.Context)
	}
	if s.ID != "" {
		args.ClusterIdentifier = pulumi.String(s.ID) // or another address of the API server would replace everything in the cluster
	}
	var err error
	if s.provider, err = kubernetes.NewProvider(ctx, s.Cluster+"-kubernetes", args, pulumi.Parent(parent)); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", s.Cluster, err)
	}
	s.Ready, err = corev1.NewNamespace(ctx, s.Cluster+"-namespace", &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.String(s.Namespace),
			Labels: pulumi.StringMap{
				desired.ManagedLabel:                 pulumi.String(desired.Name),
				desired.FleetLabel:                   pulumi.String(s.Fleet),
				"pod-security.kubernetes.io/enforce": pulumi.String("restricted"),
			},
		},
	}, pulumi.Parent(parent), pulumi.Provider(s.provider), pulumi.DependsOn(dependsOn))
	if err != nil {
		return nil, fmt.Errorf("cluster %s: namespace %s: %w", s.Cluster, s.Namespace, err)
	}
	return &s, nil
}

// options are those of a resource in the namespace.
func (s *Space) options(dependsOn []pulumi.Resource) []pulumi.ResourceOption {
	return []pulumi.ResourceOption{
		pulumi.Parent(s.parent), pulumi.Provider(s.provider), pulumi.DependsOn(append([]pulumi.Resource{s.Ready}, dependsOn...)),
	}
}

// meta names an object of a role.
func (s *Space) meta(name, role string) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{Name: pulumi.String(name), Namespace: pulumi.String(s.Namespace), Labels: labels(role)}
}

func labels(role string) pulumi.StringMap {
	all := pulumi.StringMap{
		desired.NameLabel: pulumi.String(desired.Name), desired.ManagedLabel: pulumi.String(desired.Name),
	}
	if role != "" {
		all[desired.RoleLabel] = pulumi.String(role)
	}
	return all
}

// selector finds the pods of a role.
func selector(role string) pulumi.StringMap {
	return pulumi.StringMap{desired.NameLabel: pulumi.String(desired.Name), desired.RoleLabel: pulumi.String(role)}
}

func (s *Space) wrap(name string, err error) error {
	return fmt.Errorf("cluster %s: %s: %w", s.Cluster, name, err)
}

// network is the address of a host:port as NetworkPolicies write it; "" of "", which is a monitor that failed.
func network(endpoint string) (string, error) {
	if endpoint == "" {
		return "", nil
	}
	at, err := netip.ParseAddrPort(endpoint)
	if err != nil {
		return "", fmt.Errorf("the monitor's address: %w", err)
	}
	return netip.PrefixFrom(at.Addr(), at.Addr().BitLen()).String(), nil
}
