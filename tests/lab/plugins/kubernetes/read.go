package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Read looks at an object. Without a state it is one that the program only refers to, or imports: then everything that the
// API shows, but the status, is taken for inputs.
func (p *plugin) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	if p.cluster.unreachable != "" {
		return c.readNothing(req)
	}
	former, err := decode(req.GetProperties())
	if err != nil {
		return nil, err
	}
	given, err := decode(req.GetInputs())
	if err != nil {
		return nil, err
	}
	inputs, foreign, err := c.expected(req.GetId(), former, given)
	if err != nil {
		return nil, err
	}
	live, wrong := c.look(inputs, req.GetId(), foreign)
	var told *unready
	switch {
	case meta.IsNoMatchError(wrong), apierrors.IsNotFound(wrong):
		return &pulumirpc.ReadResponse{}, nil
	case wrong != nil && !errors.As(wrong, &told):
		return nil, wrong
	}
	return known(req.GetId(), live, inputs, former, given, foreign, wrong)
}

// known is the answer about an object that is there.
func known(id string, live, inputs *unstructured.Unstructured, former, given resource.PropertyMap, foreign bool, wrong error,
) (*pulumirpc.ReadResponse, error) {
	manager, err := managerOf(inputs, former)
	if err != nil {
		return nil, err
	}
	now := refreshed(live, inputs, foreign)
	properties, err := encode(state(live, now, given, text(former, versionKey, inputs.GetAPIVersion()), manager))
	if err != nil {
		return nil, err
	}
	all := resource.NewPropertyMapFromMap(now.Object)
	markSecrets(all, given)
	asked, err := encode(all)
	if err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, partial(id, wrong, properties, asked)
	}
	return &pulumirpc.ReadResponse{Id: id, Properties: properties, Inputs: asked}, nil
}

// readNothing answers for a cluster that can't be reached.
func (c *call) readNothing(req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	c.log(diag.Warning, "configured Kubernetes cluster is unreachable: %s", c.cluster.unreachable)
	switch {
	case c.settings.deleteUnreachable:
		c.log(diag.Info, "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "+
			"Deleting the unreachable resource from Pulumi state")
		return &pulumirpc.ReadResponse{}, nil
	case c.settings.skipUnreachable:
		return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: req.GetProperties(), Inputs: req.GetInputs()}, nil
	}
	return nil, errLost("failed to read resource state due to unreachable cluster")
}

// expected is what is known of an object to read: the inputs, or only its kind and name. It is foreign if no
// state knows it.
func (c *call) expected(id string, former, given resource.PropertyMap) (inputs *unstructured.Unstructured, foreign bool, err error) {
	namespace, name := parseID(id)
	if name == "" {
		return nil, false, fmt.Errorf("failed to read resource because of a failure to parse resource name from request ID: %s", id)
	}
	inputs = normalize(object(given))
	if !inputs.GroupVersionKind().Empty() {
		return inputs, false, nil
	}
	_, old := parseState(former)
	kind := old.GroupVersionKind()
	if foreign = kind.Empty(); foreign {
		if kind, err = kindOf(c.urn); err != nil {
			return nil, false, err
		}
	}
	inputs.SetGroupVersionKind(kind)
	if inputs.GetName() == "" {
		inputs.SetName(name)
	}
	if namespace != "" && inputs.GetNamespace() == "" {
		inputs.SetNamespace(namespace)
	}
	return inputs, foreign, nil
}

// look gets an object, and says what is not ready of one that the program made.
func (c *call) look(inputs *unstructured.Unstructured, id string, foreign bool) (*unstructured.Unstructured, error) {
	api, err := c.cluster.resource(inputs)
	if err != nil {
		return nil, err
	}
	_, name := parseID(id)
	live, err := api.Get(c.ctx, name, metav1.GetOptions{})
	if err != nil || foreign || says(inputs, skipAwait) {
		return live, err
	}
	return live, c.lookOnce(live)
}

// refreshed are the inputs that would lead to what is there.
func refreshed(live, inputs *unstructured.Unstructured, foreign bool) *unstructured.Unstructured {
	if !foreign {
		fields, _ := prune(live.Object, inputs.Object).(map[string]any)
		return &unstructured.Unstructured{Object: fields}
	}
	now := live.DeepCopy()
	unstructured.RemoveNestedField(now.Object, "status")
	for _, field := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
		unstructured.RemoveNestedField(now.Object, "metadata", field)
	}
	for _, annotation := range []string{"deployment.kubernetes.io/revision", lastApplied} {
		unstructured.RemoveNestedField(now.Object, "metadata", "annotations", annotation)
	}
	return now
}
