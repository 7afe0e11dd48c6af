package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Diff compares the new inputs with the object as the state knows it, of which only those fields count that the old
// inputs set.
func (p *plugin) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	c, end := p.begin(ctx, req.GetUrn())
	defer end()
	olds, err := decode(req.GetOlds())
	if err != nil {
		return nil, err
	}
	news, err := decode(req.GetNews())
	if err != nil {
		return nil, err
	}
	oldInputs, live := parseState(olds)
	should := normalize(object(news))
	is := p.comparable(live, normalize(oldInputs), should)
	found := differences(is.Object, should.Object, p.settings.replacingFields(should))
	if err := ignore(found, req.GetIgnoreChanges()); err != nil {
		return nil, err
	}
	res := &pulumirpc.DiffResponse{DetailedDiff: found, HasDetailedDiff: true, Replaces: replaces(found)}
	res.Changes = pulumirpc.DiffResponse_DIFF_NONE
	if c.isUnready(live, should) {
		res.Replaces = append(res.Replaces, `.metadata.annotations["`+replaceUnready+`"]`)
	}
	if len(found)+len(res.Replaces) > 0 {
		res.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	// Two objects of one name can't be there at once.
	res.DeleteBeforeReplace = len(res.Replaces) > 0 && named(should) && !says(should, autonamed) &&
		should.GetName() == live.GetName() && should.GetNamespace() == live.GetNamespace()
	return res, nil
}

// comparable is the object as it is, of the fields that the program set, with its namespace written as in the new inputs.
func (p *plugin) comparable(live, oldInputs, should *unstructured.Unstructured) *unstructured.Unstructured {
	fields, _ := prune(live.Object, oldInputs.Object).(map[string]any)
	is := &unstructured.Unstructured{Object: fields}
	for _, obj := range []*unstructured.Unstructured{is, should} {
		if p.cluster.namespaced(should.GroupVersionKind()) {
			obj.SetNamespace(namespaceOf(obj))
		} else {
			unstructured.RemoveNestedField(obj.Object, "metadata", "namespace")
		}
	}
	if is.GroupVersionKind().Empty() {
		is.SetGroupVersionKind(should.GroupVersionKind())
	}
	unstructured.RemoveNestedField(is.Object, "metadata", "resourceVersion")
	if should.GetName() != "" {
		is.SetName(live.GetName())
	}
	return is
}

// ignore removes the differences at and below some paths.
func ignore(found map[string]*pulumirpc.PropertyDiff, paths []string) error {
	for _, text := range paths {
		ignored, err := resource.ParsePropertyPath(text)
		if err != nil {
			return fmt.Errorf("failed to parse ignore path: %w", err)
		}
		for at := range found {
			path, err := resource.ParsePropertyPath(at)
			if err != nil {
				return fmt.Errorf("failed to parse diff path: %w", err)
			}
			if ignored.Contains(path) {
				delete(found, at)
			}
		}
	}
	return nil
}

// replaces are the paths of those differences that make a new object.
func replaces(found map[string]*pulumirpc.PropertyDiff) []string {
	var paths []string
	for path, change := range found {
		if strings.HasSuffix(change.Kind.String(), "_REPLACE") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// isUnready says whether an object is a Job that did not succeed, and must be replaced for that reason.
func (c *call) isUnready(live, should *unstructured.Unstructured) bool {
	switch {
	case !says(should, replaceUnready):
		return false
	case c.cluster.unreachable != "":
		c.log(diag.Warning, "Cluster is unreachable, skipping replaceUnready check")
		return false
	case should.GetKind() != "Job":
		c.log(diag.Warning, "replaceUnready annotation is not supported for this resource")
		return false
	}
	api, err := c.cluster.resource(live)
	if err != nil {
		return false
	}
	now, err := api.Get(c.ctx, live.GetName(), metav1.GetOptions{})
	return err == nil && !jobReady(&view{live: now}).ready
}
