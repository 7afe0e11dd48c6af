package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// cluster is the connection to one cluster.
type cluster struct {
	unreachable string // why; empty: it can be reached
	namespace   string // of objects that name none
	mapper      meta.ResettableRESTMapper
	client      dynamic.Interface
}

// connect looks whether the cluster answers.
func connect(set settings) *cluster {
	c := &cluster{namespace: set.namespace}
	config, err := c.clientConfig(set)
	if err != nil {
		c.unreachable = err.Error()
		return c
	}
	// The real one reads the API's whole schema here; the list of groups needs the same rights.
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err == nil {
		_, err = found.ServerGroups()
	}
	if err == nil {
		c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
		c.client, err = dynamic.NewForConfig(config)
	}
	if err != nil {
		c.unreachable = fmt.Sprintf("unable to load schema information from the API server: %v", err)
	}
	return c
}

// clientConfig finds the API's address and credentials, and the namespace.
func (c *cluster) clientConfig(set settings) (*rest.Config, error) {
	overrides := &clientcmd.ConfigOverrides{
		Context:        clientcmdapi.Context{Cluster: set.cluster, Namespace: set.namespace},
		CurrentContext: set.context,
	}
	var loader clientcmd.ClientConfig
	if set.kubeconfig == "" {
		loader = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(clientcmd.NewDefaultClientConfigLoadingRules(), overrides)
	} else {
		parsed, err := parseKubeconfig(set.kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("failed to parse kubeconfig data in `kubernetes:config:kubeconfig`- %w", err)
		}
		loader = clientcmd.NewDefaultClientConfig(*parsed, overrides)
	}
	if namespace, _, err := loader.Namespace(); err == nil {
		c.namespace = namespace
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("unable to load Kubernetes client configuration from kubeconfig file: %w", err)
	}
	config.QPS, config.Burst = 50, 120
	config.WarningHandler = rest.NoWarnings{}
	config.UserAgent = "pulumi-kubernetes/" + version
	return config, nil
}

// mapping is where the API serves a kind. A kind that is not known may have been registered meanwhile.
func (c *cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	found, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		c.mapper.Reset()
		found, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	return found, err
}

// serves says whether the API has the object's kind.
func (c *cluster) serves(obj *unstructured.Unstructured) bool {
	if c.unreachable != "" {
		return false
	}
	_, err := c.mapper.RESTMapping(obj.GroupVersionKind().GroupKind(), obj.GroupVersionKind().Version)
	return err == nil
}

// resource is the API of the object's kind, in the object's namespace where it has one.
func (c *cluster) resource(obj *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	found, err := c.mapping(obj.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	if found.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.client.Resource(found.Resource).Namespace(namespaceOf(obj)), nil
	}
	return c.client.Resource(found.Resource), nil
}

// clusterWide are the built-in kinds that have no namespace.
var clusterWide = map[string]bool{
	"APIService": true, "CSIDriver": true, "CSINode": true, "CertificateSigningRequest": true, "ClusterRole": true,
	"ClusterRoleBinding": true, "CustomResourceDefinition": true, "FlowSchema": true, "IngressClass": true,
	"MutatingWebhookConfiguration": true, "Namespace": true, "Node": true, "PersistentVolume": true, "PriorityClass": true,
	"PriorityLevelConfiguration": true, "RuntimeClass": true, "StorageClass": true, "ValidatingAdmissionPolicy": true,
	"ValidatingAdmissionPolicyBinding": true, "ValidatingWebhookConfiguration": true, "VolumeAttachment": true,
}

// namespaced says whether objects of the kind have a namespace; of a kind that nobody knows yet, it is assumed.
func (c *cluster) namespaced(gvk schema.GroupVersionKind) bool {
	if scheme.Scheme.Recognizes(gvk) || c.unreachable != "" {
		return !clusterWide[gvk.Kind]
	}
	found, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	return err != nil || found.Scope.Name() == meta.RESTScopeNameNamespace
}
