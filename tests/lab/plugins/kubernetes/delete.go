package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
)

// Delete deletes an object, and waits until it and all that belongs to it are gone.
func (p *plugin) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	former, err := decode(req.GetProperties())
	if err != nil {
		return nil, err
	}
	if p.cluster.unreachable != "" {
		return &emptypb.Empty{}, c.deleteNothing()
	}
	inputs, live := parseState(former)
	wrong := c.delete(inputs, live, c.timeLimit(req.GetTimeout(), inputs))
	switch {
	case wrong == nil, apierrors.IsNotFound(wrong), meta.IsNoMatchError(wrong):
		return &emptypb.Empty{}, nil
	}
	return nil, wrong
}

// deleteNothing answers for a cluster that can't be reached.
func (c *call) deleteNothing() error {
	c.log(diag.Warning, "configured Kubernetes cluster is unreachable: %s", c.cluster.unreachable)
	if !c.settings.deleteUnreachable {
		return errLost("configured Kubernetes cluster is unreachable")
	}
	c.log(diag.Info, "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. "+
		"Deleting the unreachable resource from Pulumi state")
	return nil
}

// unwatched are the kinds whose deletion pulumi.com/skipAwait does not wait for; for all others it does.
var unwatched = []string{"DaemonSet", "Deployment", "Job", "Namespace", "Pod", "ReplicationController", "StatefulSet"}

func (c *call) delete(inputs, live *unstructured.Unstructured, limit time.Duration) error {
	api, err := c.cluster.resource(live)
	if err != nil {
		return err
	}
	policy := propagation(inputs)
	if err := api.Delete(c.ctx, live.GetName(), metav1.DeleteOptions{PropagationPolicy: &policy}); err != nil {
		return err
	}
	if says(inputs, skipAwait) && slices.Contains(unwatched, inputs.GetKind()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	return c.awaitGone(ctx, api, live)
}

// propagation is what becomes of the objects that belong to a deleted one.
func propagation(inputs *unstructured.Unstructured) metav1.DeletionPropagation {
	switch strings.ToLower(inputs.GetAnnotations()[deletionPolicy]) {
	case "orphan":
		return metav1.DeletePropagationOrphan
	case "background":
		return metav1.DeletePropagationBackground
	}
	return metav1.DeletePropagationForeground
}

// awaitGone waits until the API shows the object no more, or another one of its name. Like the real plugin, it needs the
// right to list the kind.
func (c *call) awaitGone(ctx context.Context, api dynamic.ResourceInterface, obj *unstructured.Unstructured) error {
	last := obj
	for pause := c.pace.look; ; pause = min(pause*3/2, c.pace.longest) {
		list, err := api.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + obj.GetName()})
		switch {
		case apierrors.IsForbidden(err):
			return fmt.Errorf("deleted, but can't see when it is gone: %w", err)
		case err != nil:
			c.status(diag.Warning, "unexpected error while checking cluster state: "+err.Error())
		case len(list.Items) == 0 || list.Items[0].GetUID() != obj.GetUID():
			c.status(diag.Info, "")
			return nil
		default:
			last = &list.Items[0]
			c.status(diag.Info, "Resource scheduled for deletion")
		}
		select {
		case <-ctx.Done():
			c.log(diag.Warning, "finalizers might be preventing deletion (%s)", strings.Join(last.GetFinalizers(), ", "))
			return fmt.Errorf("%s %s was not deleted: %w", obj.GetKind(), idOf(obj), ended(c.ctx, ctx))
		case <-time.After(pause):
		}
	}
}
