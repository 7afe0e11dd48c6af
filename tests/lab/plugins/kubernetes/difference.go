package main

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// differences are the properties that differ between an object as it is and as it should be, by their paths.
func differences(is, should map[string]any, replacing []string) map[string]*pulumirpc.PropertyDiff {
	d := differ{replacing: replacing, found: map[string]*pulumirpc.PropertyDiff{}}
	d.objects(nil, is, should)
	return d.found
}

// differ walks through two objects.
type differ struct {
	replacing []string // the fields whose change makes a new object
	found     map[string]*pulumirpc.PropertyDiff
}

func (d differ) objects(path []string, is, should map[string]any) {
	for key, value := range should {
		if former, ok := is[key]; ok {
			d.values(extend(path, key), former, value)
		} else {
			d.add(extend(path, key), value, pulumirpc.PropertyDiff_ADD)
		}
	}
	for key := range is {
		if _, ok := should[key]; !ok {
			d.add(extend(path, key), nil, pulumirpc.PropertyDiff_DELETE)
		}
	}
}

// lists compares item by item: the API gives a list back in the order in which it was given.
func (d differ) lists(path []string, is, should []any) {
	for i := range max(len(is), len(should)) {
		at := extend(path, "["+strconv.Itoa(i)+"]")
		switch {
		case i >= len(is):
			d.add(at, should[i], pulumirpc.PropertyDiff_ADD)
		case i >= len(should):
			d.add(at, nil, pulumirpc.PropertyDiff_DELETE)
		default:
			d.values(at, is[i], should[i])
		}
	}
}

// values compares what may be anything. Like the real plugin it takes an object that is unknown for one without fields: what
// follows from a resource that is replaced is replaced itself, if it has a field that can't change.
func (d differ) values(path []string, is, should any) {
	if _, unknown := should.(resource.Computed); unknown {
		if is, ok := is.(map[string]any); ok {
			d.objects(path, is, nil)
			return
		}
	}
	if should, ok := should.(map[string]any); ok {
		if is, ok := is.(map[string]any); ok {
			d.objects(path, is, should)
			return
		}
	}
	if should, ok := should.([]any); ok {
		if is, ok := is.([]any); ok {
			d.lists(path, is, should)
			return
		}
	}
	if !same(is, should) {
		d.add(path, should, pulumirpc.PropertyDiff_UPDATE)
	}
}

// same compares two values. Numbers are equal whatever holds them.
func same(a, b any) bool {
	return reflect.DeepEqual(number(a), number(b))
}

func number(v any) any {
	if n, ok := v.(int64); ok {
		return float64(n)
	}
	return v
}

func (d differ) add(path []string, value any, kind pulumirpc.PropertyDiff_Kind) {
	change := &pulumirpc.PropertyDiff{Kind: kind, InputDiff: kind == pulumirpc.PropertyDiff_DELETE}
	if d.replaces(path, value) {
		change.Kind++ // the kind that replaces follows that which doesn't
	}
	d.found[join(path)] = change
}

// replaces says whether a change of the value at a path changes, or is within, a field that can't change.
func (d differ) replaces(path []string, value any) bool {
	if len(path) == 1 && path[0] == "metadata" && value == nil {
		return true
	}
	for _, field := range d.replacing {
		if reaches(path, value, split(field)) {
			return true
		}
	}
	return false
}

// reaches says whether a value at a path is within a field, or holds it.
func reaches(path []string, value any, field []string) bool {
	for len(path) > 0 && len(field) > 0 {
		if path[0] != field[0] && (field[0] != "[*]" || !strings.HasPrefix(path[0], "[")) {
			return false
		}
		path, field = path[1:], field[1:]
	}
	return len(field) == 0 || holds(value, field)
}

// holds says whether a value has a field somewhere below.
func holds(value any, field []string) bool {
	if len(field) == 0 {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		below, ok := value[field[0]]
		return ok && holds(below, field[1:])
	case []any:
		for _, item := range value {
			if field[0] == "[*]" && holds(item, field[1:]) {
				return true
			}
		}
	}
	return false
}

// split is the path of a field that is written "spec.containers[*].image".
func split(field string) []string {
	return strings.Split(strings.ReplaceAll(field, "[*]", ".[*]"), ".")
}

// join writes a path as Pulumi does.
func join(path []string) string {
	var b strings.Builder
	for _, step := range path {
		switch {
		case strings.HasPrefix(step, "[") && strings.HasSuffix(step, "]"):
			b.WriteString(step)
		case strings.ContainsAny(step, `."[]`):
			b.WriteString(`["` + strings.ReplaceAll(step, `"`, `\"`) + `"]`)
		case b.Len() > 0:
			b.WriteString("." + step)
		default:
			b.WriteString(step)
		}
	}
	return b.String()
}

// extend appends to a path without touching the array that others extend too.
func extend(path []string, step string) []string {
	return append(slices.Clip(path), step)
}
