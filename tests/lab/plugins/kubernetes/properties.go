package main

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	wire "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A resource's state is the object as the API shows it, and beside its fields these.
const (
	inputsKey  = "__inputs"            // what the program asked for
	versionKey = "__initialApiVersion" // the object's first apiVersion
	managerKey = "__fieldManager"      // who manages the fields on the server's side
)

// decode reads properties, secrets and unknown values included. What is null is left out.
func decode(s *structpb.Struct) (resource.PropertyMap, error) {
	return wire.UnmarshalProperties(s, wire.MarshalOptions{KeepUnknowns: true, SkipNulls: true, KeepSecrets: true})
}

// plain reads properties as decode does, but secrets as if they were none.
func plain(s *structpb.Struct) (resource.PropertyMap, error) {
	return wire.UnmarshalProperties(s, wire.MarshalOptions{KeepUnknowns: true, SkipNulls: true})
}

func encode(properties resource.PropertyMap) (*structpb.Struct, error) {
	return wire.MarshalProperties(properties, wire.MarshalOptions{KeepUnknowns: true, SkipNulls: true, KeepSecrets: true})
}

// object is what properties say of an object, without saying what is secret. Values that are unknown stay in it.
func object(properties resource.PropertyMap) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: properties.MapRepl(nil, reveal)}
}

// reveal replaces secrets by their contents.
func reveal(v resource.PropertyValue) (any, bool) {
	if v.IsSecret() {
		return v.SecretValue().Element.MapRepl(nil, reveal), true
	}
	return nil, false
}

// state makes a resource's state of the object as it is, the inputs, and what was secret in those that the program gave.
func state(live, inputs *unstructured.Unstructured, given resource.PropertyMap, apiVersion, manager string) resource.PropertyMap {
	all := resource.NewPropertyMapFromMap(live.Object)
	asked := resource.NewPropertyMapFromMap(inputs.Object)
	markSecrets(all, given)
	markSecrets(asked, given)
	all[inputsKey] = resource.NewObjectProperty(asked)
	all[versionKey] = resource.NewStringProperty(apiVersion)
	all[managerKey] = resource.NewStringProperty(manager)
	return all
}

// parseState takes a state apart: the inputs, and the object as it was.
func parseState(all resource.PropertyMap) (inputs, live *unstructured.Unstructured) {
	live = object(all)
	asked, _ := live.Object[inputsKey].(map[string]any)
	if asked == nil {
		asked = map[string]any{}
	}
	delete(live.Object, inputsKey)
	return &unstructured.Unstructured{Object: asked}, live
}

// text is a string property of a state; otherwise if there is none.
func text(all resource.PropertyMap, key resource.PropertyKey, otherwise string) string {
	if v := all[key]; v.IsString() {
		return v.StringValue()
	}
	return otherwise
}

// markSecrets makes secret in out what is in in. The contents of a Secret are secret always. A list is secret as a whole,
// because its order need not be the program's.
func markSecrets(out, in resource.PropertyMap) {
	if kind := out["kind"]; kind.IsString() && kind.StringValue() == "Secret" {
		for _, key := range []resource.PropertyKey{"data", "stringData"} {
			if v, ok := out[key]; ok && !v.IsSecret() {
				out[key] = resource.MakeSecret(v)
			}
		}
		return
	}
	for key, given := range in {
		switch v, ok := out[key]; {
		case !ok || v.IsSecret():
		case v.IsObject() && given.IsObject():
			markSecrets(v.ObjectValue(), given.ObjectValue())
		case given.ContainsSecrets():
			out[key] = resource.MakeSecret(v)
		}
	}
}

// hasUnknown says whether a preview cannot know all of a value.
func hasUnknown(v any) bool {
	switch v := v.(type) {
	case resource.Computed:
		return true
	case map[string]any:
		for _, item := range v {
			if hasUnknown(item) {
				return true
			}
		}
	case []any:
		if slices.ContainsFunc(v, hasUnknown) {
			return true
		}
	}
	return false
}
