package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Update applies new inputs and waits until the object is ready.
func (p *plugin) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	if err := c.needCluster(); err != nil && !req.GetPreview() {
		return nil, err
	}
	former, err := decode(req.GetOlds())
	if err != nil {
		return nil, err
	}
	given, err := decode(req.GetNews())
	if err != nil {
		return nil, err
	}
	inputs := normalize(object(given))
	if req.GetPreview() && (hasUnknown(inputs.Object) || !p.cluster.serves(inputs)) {
		return &pulumirpc.UpdateResponse{Properties: req.GetNews()}, nil
	}
	oldInputs, old := parseState(former)
	manager, err := managerOf(inputs, former)
	if err != nil {
		return nil, err
	}
	live, wrong := c.change(application{inputs: inputs, manager: manager, preview: req.GetPreview()}, old, req)
	switch {
	case wrong != nil && req.GetPreview() && apierrors.IsForbidden(wrong):
		return &pulumirpc.UpdateResponse{Properties: req.GetNews()}, nil
	case meta.IsNoMatchError(wrong):
		return nil, fmt.Errorf("update of resource %q failed because the Kubernetes API server reported that the apiVersion "+
			"for this resource does not exist. Verify that any required CRDs have been created: %w", c.urn, wrong)
	case wrong != nil:
		if live, err = c.get(old); err != nil {
			return nil, errors.Join(fmt.Errorf("update of resource %q failed: %w", c.urn, wrong),
				fmt.Errorf("unable to get cluster state: %w", err))
		}
	}
	return c.changed(live, inputs, given, text(former, versionKey, oldInputs.GetAPIVersion()), manager, wrong)
}

// changed is the answer to an update. What did not become as it should be is in the state with its desired values, so that
// the next run tries again.
func (c *call) changed(live, inputs *unstructured.Unstructured, given resource.PropertyMap, apiVersion, manager string,
	wrong error) (*pulumirpc.UpdateResponse, error) {
	now, err := encode(state(live, inputs, given, apiVersion, manager))
	if err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, partial(idOf(live), fmt.Errorf("the Kubernetes API server reported that %q failed to fully initialize or "+
			"become live: %w", idOf(live), wrong), now, nil)
	}
	return &pulumirpc.UpdateResponse{Properties: now}, nil
}

// change applies an object that is there, and waits unless it is a preview.
func (c *call) change(a application, old *unstructured.Unstructured, req *pulumirpc.UpdateRequest,
) (*unstructured.Unstructured, error) {
	api, err := c.cluster.resource(a.inputs)
	if err != nil {
		return nil, err
	}
	before, err := api.Get(c.ctx, old.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if !a.preview {
		if before, err = adopt(c.ctx, api, before, a.manager); err != nil {
			return nil, err
		}
	}
	if err := keepIgnored(a.inputs, before, a.manager, req.GetIgnoreChanges()); err != nil {
		return nil, err
	}
	a.force = forced(a.inputs, before, a.preview)
	live, err := a.apply(c.ctx, api)
	if err != nil || a.preview {
		return live, err
	}
	return c.await(awaiting{inputs: a.inputs, live: live, limit: c.timeLimit(req.GetTimeout(), a.inputs)})
}

// get is the object as it is now.
func (c *call) get(obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	api, err := c.cluster.resource(obj)
	if err != nil {
		return nil, err
	}
	return api.Get(context.WithoutCancel(c.ctx), obj.GetName(), metav1.GetOptions{})
}
