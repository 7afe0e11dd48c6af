package main

import (
	"encoding/json"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// values are a resource's properties by name: string, float64, bool, []any, map[string]any, or unknown. As with the real
// plugin, which does not take secrets, nothing here is one; see secrets.
type values map[string]any

// unknown is a value that a preview cannot know.
type unknown struct{}

// decode takes values out of properties. A property that is null is not set.
func decode(properties property.Map) values {
	v := values{}
	for name, property := range properties.All {
		if !property.IsNull() {
			v[name] = decodeValue(property)
		}
	}
	return v
}

func decodeValue(v property.Value) any {
	switch {
	case v.IsComputed():
		return unknown{}
	case v.IsString():
		return v.AsString()
	case v.IsNumber():
		return v.AsNumber()
	case v.IsBool():
		return v.AsBool()
	case v.IsArray():
		list := []any{}
		for _, item := range v.AsArray().All {
			list = append(list, decodeValue(item))
		}
		return list
	case v.IsMap():
		return map[string]any(decode(v.AsMap()))
	}
	return nil // null, or what none of the resources takes
}

// encode makes properties of values; those that are named secret become secrets.
func encode(v values, secret map[string]bool) property.Map {
	properties := map[string]property.Value{}
	for name, value := range v {
		properties[name] = encodeValue(value).WithSecret(secret[name])
	}
	return property.NewMap(properties)
}

func encodeValue(v any) property.Value {
	switch v := v.(type) {
	case unknown:
		return property.New(property.Computed)
	case string:
		return property.New(v)
	case float64:
		return property.New(v)
	case int:
		return property.New(float64(v))
	case bool:
		return property.New(v)
	case []any:
		var list []property.Value
		for _, item := range v {
			list = append(list, encodeValue(item))
		}
		return property.New(property.NewArray(list))
	case map[string]any:
		return property.New(encode(v, nil))
	}
	return property.New(property.Null)
}

// secrets names the properties that hold secrets. The engine does so for plugins that take none: a secret input makes the
// output of the same name secret.
func secrets(properties ...property.Map) map[string]bool {
	names := map[string]bool{}
	for _, all := range properties {
		for name, property := range all.All {
			if property.HasSecrets() {
				names[name] = true
			}
		}
	}
	return names
}

// canonical gives equal values equal forms: every list here is a set, and what is empty is as if not set.
func canonical(v any) any {
	switch v := v.(type) {
	case string:
		if v != "" {
			return v
		}
	case float64:
		if v != 0 {
			return v
		}
	case bool:
		if v {
			return v
		}
	case unknown:
		return map[string]any{"unknown": true}
	case []any:
		var set []string
		for _, item := range v {
			set = append(set, written(canonical(item)))
		}
		slices.Sort(set)
		if len(set) > 0 {
			return slices.Compact(set)
		}
	case map[string]any:
		object := map[string]any{}
		for name, item := range v {
			if item := canonical(item); item != nil {
				object[name] = item
			}
		}
		if len(object) > 0 {
			return object
		}
	}
	return nil
}

func written(v any) string {
	raw, _ := json.Marshal(v) // plain data: can't fail
	return string(raw)
}

// same says whether two values mean the same. What is unknown means something else.
func same(a, b any) bool {
	return written(canonical(a)) == written(canonical(b))
}

// hasUnknown says whether a preview cannot know all of a value.
func hasUnknown(v any) bool {
	switch v := v.(type) {
	case unknown:
		return true
	case []any:
		return slices.ContainsFunc(v, hasUnknown)
	case map[string]any:
		for _, item := range v {
			if hasUnknown(item) {
				return true
			}
		}
	}
	return false
}

// text is a string property; "" if it is not set.
func (v values) text(name string) string {
	s, _ := v[name].(string)
	return s
}

// is is a boolean property; false if it is not set.
func (v values) is(name string) bool {
	b, _ := v[name].(bool)
	return b
}

// texts is a property that is a list of strings.
func (v values) texts(name string) []string { return items[string](v[name]) }

// numbers is a property that is a list of whole numbers.
func (v values) numbers(name string) []int {
	var whole []int
	for _, n := range items[float64](v[name]) {
		whole = append(whole, int(n))
	}
	return whole
}

// items are the items of a list that are of one type, which Check says that all are.
func items[T any](list any) []T {
	all, _ := list.([]any)
	var found []T
	for _, item := range all {
		if item, ok := item.(T); ok {
			found = append(found, item)
		}
	}
	return found
}

// list makes a property's list, sorted as the API's order says nothing.
func list(items []string) []any {
	all := []any{}
	for _, item := range slices.Sorted(slices.Values(items)) {
		all = append(all, item)
	}
	return all
}

// numberList is list for whole numbers.
func numberList(items []int) []any {
	all := []any{}
	for _, item := range slices.Sorted(slices.Values(items)) {
		all = append(all, float64(item))
	}
	return all
}
