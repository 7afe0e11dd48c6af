package main

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Annotations by which a program tells the plugin what to do.
const (
	autonamed       = "pulumi.com/autonamed"
	skipAwait       = "pulumi.com/skipAwait"
	waitFor         = "pulumi.com/waitFor"
	timeoutSeconds  = "pulumi.com/timeoutSeconds"
	replaceUnready  = "pulumi.com/replaceUnready"
	patchForce      = "pulumi.com/patchForce"
	patchManager    = "pulumi.com/patchFieldManager"
	deletionPolicy  = "pulumi.com/deletionPropagationPolicy"
	lastApplied     = "kubectl.kubernetes.io/last-applied-configuration"
	defaultNamesake = "default" // the namespace of objects that name none
)

// kindOf is the kind that a resource's type names: kubernetes:core/v1:Secret is v1 Secret.
func kindOf(urn resource.URN) (schema.GroupVersionKind, error) {
	parts := strings.Split(string(urn.Type()), ":")
	if len(parts) != 3 || parts[0] != "kubernetes" {
		return schema.GroupVersionKind{}, fmt.Errorf("unrecognized resource type: %q for this provider", urn.Type())
	}
	group, version, ok := strings.Cut(parts[1], "/")
	if !ok {
		return schema.GroupVersionKind{}, fmt.Errorf("apiVersion does not have both a group and a version: %q", parts[1])
	}
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

// idOf is the resource ID of an object: namespace/name, or only the name.
func idOf(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return obj.GetName()
	}
	return obj.GetNamespace() + "/" + obj.GetName()
}

// parseID is the reverse of idOf.
func parseID(id string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(id, "/"); ok {
		return namespace, name
	}
	return "", id
}

func namespaceOf(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == "" {
		return defaultNamesake
	}
	return obj.GetNamespace()
}

// says is whether an annotation is "true".
func says(obj *unstructured.Unstructured, annotation string) bool {
	return obj.GetAnnotations()[annotation] == "true"
}

// timeLimit is how long an operation may take: as the resource's options say, then its annotation, then the plugin.
func (c *call) timeLimit(option float64, obj *unstructured.Unstructured) time.Duration {
	if option != 0 {
		return time.Duration(option * float64(time.Second))
	}
	if seconds, err := strconv.Atoi(obj.GetAnnotations()[timeoutSeconds]); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return c.pace.timeout
}

func isSecret(obj *unstructured.Unstructured) bool {
	return obj.GetAPIVersion() == "v1" && obj.GetKind() == "Secret"
}

// normalize gives inputs the form that the API gives them ("1000m" of CPU becomes "1"), so that what means the same is no
// change. Fields that the kind does not have get lost. Kinds that are not built in stay as they are.
func normalize(obj *unstructured.Unstructured) *unstructured.Unstructured {
	if !hasUnknown(obj.Object) {
		shaped := typed(obj)
		if isSecret(obj) {
			shaped = normalizeSecret(obj)
			obj = shaped
		}
		shape, _ := prune(shaped.Object, obj.Object).(map[string]any)
		obj = &unstructured.Unstructured{Object: shape}
	}
	for _, field := range []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation",
		"managedFields", "resourceVersion", "uid"} {
		unstructured.RemoveNestedField(obj.Object, "metadata", field)
	}
	return obj
}

// typed is an object as its Go type holds it, or as it was if the type can't.
func typed(obj *unstructured.Unstructured) *unstructured.Unstructured {
	into, err := scheme.Scheme.New(obj.GroupVersionKind())
	if err != nil {
		return obj
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, into); err != nil {
		return obj
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(into)
	if err != nil {
		return obj
	}
	return &unstructured.Unstructured{Object: fields}
}

// normalizeSecret moves stringData to data, as the API does, and writes base64 the usual way.
func normalizeSecret(obj *unstructured.Unstructured) *unstructured.Unstructured {
	data, _, _ := unstructured.NestedMap(obj.Object, "data")
	stringData, _, _ := unstructured.NestedStringMap(obj.Object, "stringData")
	obj = &unstructured.Unstructured{Object: runtime.DeepCopyJSON(obj.Object)}
	if data == nil {
		data = map[string]any{}
	}
	if len(stringData) > 0 {
		for key, value := range stringData {
			data[key] = base64.StdEncoding.EncodeToString([]byte(value))
		}
		delete(obj.Object, "stringData")
	} else {
		for key, value := range data {
			if decoded, err := base64.StdEncoding.DecodeString(fmt.Sprint(value)); err == nil {
				data[key] = base64.StdEncoding.EncodeToString(decoded)
			}
		}
	}
	if len(data) > 0 {
		obj.Object["data"] = data
	}
	return obj
}

// prune leaves of a value what a shape has too: the same fields of objects, and as many items of lists.
func prune(value, shape any) any {
	switch shape := shape.(type) {
	case map[string]any:
		value, ok := value.(map[string]any)
		if !ok {
			break
		}
		left := map[string]any{}
		for key, item := range value {
			if like, ok := shape[key]; ok {
				left[key] = prune(item, like)
			}
		}
		return left
	case []any:
		value, ok := value.([]any)
		if !ok {
			break
		}
		left := []any{}
		for i := range min(len(value), len(shape)) {
			left = append(left, prune(value[i], shape[i]))
		}
		return left
	}
	return value
}
