package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Check gives an object its name and namespace, and its fields the form that the API gives them.
func (p *plugin) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	if p.cluster.unreachable != "" && p.settings.skipUnreachable {
		c.log(diag.Warning, "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
		return &pulumirpc.CheckResponse{Inputs: req.GetOlds()}, nil
	}
	olds, err := decode(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := decode(req.GetNews())
	if err != nil {
		return nil, err
	}
	kind, err := kindOf(c.urn)
	if err != nil {
		return nil, err
	}
	obj := object(news)
	if err := refuse(kind, obj); err != nil {
		return nil, err
	}
	obj = normalize(obj)
	if err := name(obj, object(olds), c.urn, req); err != nil {
		return nil, err
	}
	if p.cluster.namespace != "" && obj.GetNamespace() == "" && p.cluster.namespaced(kind) {
		obj.SetNamespace(p.cluster.namespace)
	}
	checked := resource.NewPropertyMapFromMap(obj.Object)
	markSecrets(checked, news)
	inputs, err := encode(checked)
	return &pulumirpc.CheckResponse{Inputs: inputs}, err
}

// unawaited are kinds for whose readiness the real plugin waits, and this one can't.
var unawaited = []string{
	"apps/v1 DaemonSet", "apps/v1 StatefulSet", "networking.k8s.io/v1 Ingress", "v1 PersistentVolume",
	"v1 PersistentVolumeClaim", "v1 ReplicationController", "v1 ResourceQuota",
}

// refuse returns an error for what only the real plugin can do.
func refuse(kind schema.GroupVersionKind, obj *unstructured.Unstructured) error {
	version, name := kind.ToAPIVersionAndKind()
	switch {
	case strings.HasPrefix(kind.Group, "helm.sh"), kind.Group == "yaml", kind.Group == "kustomize":
		return fmt.Errorf("the lab's kubernetes plugin does not know %s", name)
	case strings.HasSuffix(name, "Patch"):
		return fmt.Errorf("the lab's kubernetes plugin does not know patches such as %s", name)
	case strings.HasSuffix(name, "List"):
		return errors.New("list resources exist for compatibility with YAML manifests and Helm charts, and cannot be " +
			"created directly. Use the underlying resource type instead")
	case obj.GetAnnotations()[waitFor] != "":
		return fmt.Errorf("the lab's kubernetes plugin does not know the annotation %s", waitFor)
	case slices.Contains(unawaited, version+" "+name) && !says(obj, skipAwait):
		return fmt.Errorf("the lab's kubernetes plugin can't wait until a %s is ready: give it the annotation %s", name, skipAwait)
	}
	return nil
}

// name gives a name to an object whose program gave none: that which it has already, or a new one, after the resource.
func name(obj, old *unstructured.Unstructured, urn resource.URN, req *pulumirpc.CheckRequest) error {
	if named(obj) {
		return nil
	}
	if metadata, _ := obj.Object["metadata"].(map[string]any); metadata["generateName"] != nil {
		return errors.New("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
	}
	chosen := old.GetName()
	switch {
	case len(old.Object) > 0 && !says(old, autonamed):
		return nil // the API refuses it
	case len(old.Object) > 0:
	default:
		var err error
		if chosen, err = newName(urn, req); err != nil {
			return err
		}
	}
	// Metadata that is unknown as a whole takes neither.
	_ = unstructured.SetNestedField(obj.Object, chosen, "metadata", "name")
	_ = unstructured.SetNestedField(obj.Object, "true", "metadata", "annotations", autonamed)
	return nil
}

// newName is the resource's name and some random digits, unless the stack's configuration says otherwise.
func newName(urn resource.URN, req *pulumirpc.CheckRequest) (string, error) {
	if options := req.GetAutonaming(); options != nil {
		if options.GetMode() == pulumirpc.CheckRequest_AutonamingOptions_DISABLE {
			return "", errors.New("autonaming is disabled, resource requires the .metadata.name field to be set")
		}
		return options.GetProposedName(), nil
	}
	return resource.NewUniqueName(req.GetRandomSeed(), urn.Name()+"-", 0, 0, nil)
}

// named says whether an object has a name, be it one that is unknown yet.
func named(obj *unstructured.Unstructured) bool {
	metadata, _ := obj.Object["metadata"].(map[string]any)
	return hasUnknown(metadata["name"]) || obj.GetName() != ""
}
