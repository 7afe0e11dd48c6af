package preflight

import (
	"context"
	"fmt"
	"net/netip"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
)

// resolvers finds what answers pods' questions for names, where kube-dns does not do so alone. What this user may not see, the settings
// have to name.
func resolvers(ctx context.Context, config *rest.Config) ([]desired.Resolver, error) {
	client, err := core.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	var all []desired.Resolver
	_, err = client.Namespaces().Get(ctx, desired.OpenShiftDNS.Namespace, metav1.GetOptions{})
	if err == nil {
		all = append(all, desired.OpenShiftDNS)
	} else if unexpected(err) != nil {
		return nil, fmt.Errorf("get namespace %s: %w", desired.OpenShiftDNS.Namespace, err)
	}
	caches, err := client.Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=" + desired.NodeLocalLabel, Limit: 1})
	if unexpected(err) != nil {
		return nil, fmt.Errorf("list pods in namespace %s: %w", metav1.NamespaceSystem, err)
	}
	if err != nil || len(caches.Items) == 0 {
		return all, nil //nolint:nilerr // who may not look there is asked for it by name
	}
	service, err := client.Services(metav1.NamespaceSystem).Get(ctx, "kube-dns", metav1.GetOptions{})
	if unexpected(err) != nil {
		return nil, fmt.Errorf("get service kube-dns in namespace %s: %w", metav1.NamespaceSystem, err)
	}
	var at netip.Addr
	if err == nil {
		at, _ = netip.ParseAddr(service.Spec.ClusterIP) // "None" of a headless one is none
	}
	return append(all, desired.NodeLocal(at)...), nil
}

// unexpected is an error that does not only say that something is not there, or not to be seen by this user.
func unexpected(err error) error {
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil
	}
	return err
}
