package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/dynamic"
)

// Create applies an object and waits until it is ready. An object of that name that is there already is taken over, as
// far as no other manager has other values.
func (p *plugin) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	if err := c.needCluster(); err != nil && !req.GetPreview() {
		return nil, err
	}
	given, err := decode(req.GetProperties())
	if err != nil {
		return nil, err
	}
	inputs := object(given)
	asked := &pulumirpc.CreateResponse{Properties: req.GetProperties()}
	if req.GetPreview() && (hasUnknown(inputs.Object) || !p.cluster.serves(inputs)) {
		return asked, nil
	}
	manager, err := managerOf(inputs, given)
	if err != nil {
		return nil, err
	}
	live, err := c.make(application{inputs: inputs, manager: manager, preview: req.GetPreview()})
	if req.GetPreview() && err != nil && unpredictable(err) {
		return asked, nil
	}
	if err != nil {
		return nil, c.notMade(inputs, err)
	}
	if req.GetPreview() {
		unstructured.RemoveNestedField(live.Object, "status")
		asked.Properties, err = encode(state(live, inputs, given, inputs.GetAPIVersion(), manager))
		return asked, err
	}
	ready, wrong := c.await(awaiting{inputs: inputs, live: live, limit: c.timeLimit(req.GetTimeout(), inputs)})
	made, err := encode(state(ready, inputs, given, inputs.GetAPIVersion(), manager))
	if err != nil {
		return nil, err
	}
	if wrong != nil {
		return nil, partial(idOf(ready), fmt.Errorf("resource %q was successfully created, but the Kubernetes API server "+
			"reported that it failed to fully initialize or become live: %w", c.urn, wrong), made, nil)
	}
	if inputs.GetKind() == "CustomResourceDefinition" {
		p.cluster.mapper.Reset()
	}
	return &pulumirpc.CreateResponse{Id: idOf(ready), Properties: made}, nil
}

// make applies an object that is not there yet. Its namespace or its kind may only be about to come, so it tries some times.
func (c *call) make(a application) (*unstructured.Unstructured, error) {
	const retries = 5
	a.force = forced(a.inputs, nil, a.preview)
	pause := c.pace.retry
	for try := 0; ; try++ {
		live, err := c.makeOnce(a)
		if err == nil {
			c.status(diag.Info, "")
			return live, nil
		}
		awaited := apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
		if !awaited || try == retries || a.preview && namespaceMissing(err) {
			return nil, err
		}
		c.status(diag.Info, fmt.Sprintf("Retry #%d; creation failed: %v", try, err))
		select {
		case <-c.ctx.Done():
			return nil, err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

func (c *call) makeOnce(a application) (*unstructured.Unstructured, error) {
	api, err := c.cluster.resource(a.inputs)
	if err != nil {
		return nil, err
	}
	live, err := a.apply(c.ctx, api)
	if a.preview && apierrors.IsInvalid(err) && strings.Contains(err.Error(), "field is immutable") {
		return c.makeOther(a, api)
	}
	return live, err
}

// makeOther previews an object under another name: the one of that name that is there will be deleted first.
func (c *call) makeOther(a application, api dynamic.ResourceInterface) (*unstructured.Unstructured, error) {
	a.inputs.SetName(a.inputs.GetName() + rand.String(5))
	c.log(diag.Info, "Preview creation failed due to immutable fields; retrying with name %q", a.inputs.GetName())
	return a.apply(c.ctx, api)
}

// namespaceMissing says whether it is the object's namespace that is not there.
func namespaceMissing(err error) bool {
	var told *apierrors.StatusError
	return apierrors.IsNotFound(err) && errors.As(err, &told) && told.ErrStatus.Details != nil &&
		told.ErrStatus.Details.Kind == "namespaces"
}

// unpredictable says whether the API can't preview what it may well do later.
func unpredictable(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsAlreadyExists(err) || namespaceMissing(err) ||
		apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "does not support dry run")
}

// notMade says that an object was not made.
func (c *call) notMade(inputs *unstructured.Unstructured, err error) error {
	if meta.IsNoMatchError(err) {
		return fmt.Errorf("creation of resource %q with kind %s/%s failed because the Kubernetes API server reported that the "+
			"apiVersion for this resource does not exist. Verify that any required CRDs have been created: %w",
			c.urn, inputs.GetAPIVersion(), inputs.GetKind(), err)
	}
	return fmt.Errorf("resource %q was not successfully created by the Kubernetes API server: %w", c.urn, err)
}
