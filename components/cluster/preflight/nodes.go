package preflight

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	core "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

// there reports a namespace of others that is not there: pods in it are to be scraped.
func (v Values) there(ctx context.Context, config *rest.Config) error {
	client, err := core.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	for _, namespace := range v.Others {
		_, err := client.Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("there is no namespace %s, and prometheus.pods names it; make it first, or take it out", namespace)
		} else if err != nil {
			return fmt.Errorf("get namespace %s: %w", namespace, err)
		}
	}
	return nil
}

// nodes are the addresses at which Prometheus's discovery finds the kubelets: policies have to name them.
func (v Values) nodes(ctx context.Context, config *rest.Config) ([]netip.Prefix, error) {
	if !v.Nodes {
		return nil, nil
	}
	client, err := core.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	list, err := client.Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	var all []netip.Prefix
	for _, node := range list.Items {
		address := kubelet(node)
		if !address.IsValid() {
			return nil, fmt.Errorf("the cluster knows no address of its node %s; name the nodes' networks in prometheus.nodes", node.Name)
		}
		all = append(all, netip.PrefixFrom(address, address.BitLen()))
	}
	slices.SortFunc(all, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	return all, nil
}

// kubelet is where Prometheus's discovery finds a node's kubelet (kubernetes_sd_config, role node): at the first internal address, or else at the
// internal name, or else at the first external address. The zero value: it would go by a name, which no policy can have, or there is nothing.
func kubelet(node corev1.Node) netip.Addr {
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeInternalDNS, corev1.NodeExternalIP} {
		for _, address := range node.Status.Addresses {
			if address.Type == kind {
				parsed, _ := netip.ParseAddr(address.Address)
				return parsed
			}
		}
	}
	return netip.Addr{}
}
