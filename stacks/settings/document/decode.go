package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Root is the path of the whole document; the paths inside are without it.
const Root = "promwire:fleet"

// Decode reads a document from JSON, which is what Pulumi makes of the stack file's YAML. It is strict: every key must be a
// known one and every value of the right kind and not empty. What is wrong is left at its zero value, the rest is decoded,
// so that it can be judged too.
//
// (encoding/json stops at the first unknown key, and can't tell its path.)
func Decode(raw []byte) (Fleet, Problems) {
	var fleet Fleet
	var d decoder
	if text := bytes.TrimSpace(raw); len(text) == 0 || string(text) == "null" {
		d.Add(Root, "missing: the stack file has no settings of the fleet; begin with a copy of stacks/Pulumi.prod.yaml")
		return fleet, d.Problems
	}
	numbersAsWritten := json.NewDecoder(bytes.NewReader(raw))
	numbersAsWritten.UseNumber()
	var in any
	if err := numbersAsWritten.Decode(&in); err != nil {
		d.Add(Root, "is not an object: %v", err)
		return fleet, d.Problems
	}
	if _, err := numbersAsWritten.Token(); err != io.EOF {
		d.Add(Root, "there is text after the object")
		return fleet, d.Problems
	}
	d.decode("", in, reflect.ValueOf(&fleet).Elem())
	return fleet, d.Problems
}

type decoder struct{ Problems }

// shorter is an object that may be written as a text.
type shorter interface{ Short(text string) }

func (d *decoder) decode(path string, in any, out reflect.Value) {
	switch out.Kind() {
	case reflect.Pointer:
		out.Set(reflect.New(out.Type().Elem()))
		d.decode(path, in, out.Elem())
	case reflect.Struct:
		d.structure(path, in, out)
	case reflect.Map:
		d.dictionary(path, in, out)
	case reflect.Slice:
		d.list(path, in, out)
	case reflect.String:
		d.text(path, in, out)
	case reflect.Int:
		d.integer(path, in, out)
	case reflect.Bool:
		d.boolean(path, in, out)
	case reflect.Interface: // in the terms of another program, which checks it
		if in != nil {
			out.Set(reflect.ValueOf(in))
		}
	default:
		panic("document: no way to decode a " + out.Type().String())
	}
}

func (d *decoder) structure(path string, in any, out reflect.Value) {
	short, ok := reflect.TypeAssert[shorter](out.Addr())
	if _, full := in.(map[string]any); !ok || full {
		d.object(path, in, out)
		return
	}
	var text string
	d.text(path, in, reflect.ValueOf(&text).Elem())
	if text != "" {
		short.Short(text)
	}
}

func (d *decoder) object(path string, in any, out reflect.Value) {
	object, ok := in.(map[string]any)
	if !ok {
		d.wrong(path, "an object (indented lines of key: value)", in)
		return
	}
	fields := keys(out.Type())
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if field, ok := fields[key]; ok {
			d.decode(join(path, key), object[key], out.FieldByIndex(field.Index))
		} else {
			d.unknown(path, key, slices.Sorted(maps.Keys(fields)))
		}
	}
}

func (d *decoder) dictionary(path string, in any, out reflect.Value) {
	object, ok := in.(map[string]any)
	if !ok {
		d.wrong(path, "an object (indented lines of key: value)", in)
		return
	}
	out.Set(reflect.MakeMap(out.Type()))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := reflect.New(out.Type().Elem()).Elem()
		d.decode(join(path, key), object[key], value)
		out.SetMapIndex(reflect.ValueOf(key), value)
	}
}

func (d *decoder) list(path string, in any, out reflect.Value) {
	list, ok := in.([]any)
	if !ok {
		d.wrong(path, "a list (lines that begin with a hyphen)", in)
		return
	}
	out.Set(reflect.MakeSlice(out.Type(), len(list), len(list)))
	for i, value := range list {
		d.decode(Index(path, i), value, out.Index(i))
	}
}

func (d *decoder) text(path string, in any, out reflect.Value) {
	text, ok := in.(string)
	switch {
	case !ok:
		d.wrong(path, "text (put it in quotes)", in)
	case strings.TrimSpace(text) == "":
		d.Add(path, "is empty; give it a value, or leave the key out")
	default:
		out.SetString(text)
	}
}

func (d *decoder) integer(path string, in any, out reflect.Value) {
	number, ok := in.(json.Number)
	if !ok {
		d.wrong(path, "a whole number (without quotes)", in)
		return
	}
	n, err := strconv.Atoi(number.String())
	if err != nil {
		d.Add(path, "must be a whole number, not %s", number)
		return
	}
	out.SetInt(int64(n))
}

func (d *decoder) boolean(path string, in any, out reflect.Value) {
	yes, ok := in.(bool)
	if !ok {
		d.wrong(path, "true or false (without quotes)", in)
		return
	}
	out.SetBool(yes)
}

// wrong says what a value is instead of what it must be, but not the value: YAML may have made another one of it (1.10 is 1.1).
func (d *decoder) wrong(path, must string, in any) {
	if path == "" {
		path = Root
	}
	is := "an object"
	switch in.(type) {
	case nil:
		d.Add(path, "has no value; it must be %s; leave the key out for the default", must)
		return
	case []any:
		is = "a list"
	case string:
		is = "text"
	case bool:
		is = "true or false"
	case json.Number:
		is = "a number"
	}
	d.Add(path, "must be %s, not %s", must, is)
}

func (d *decoder) unknown(path, key string, known []string) {
	at := join(path, key)
	if nearest, ok := near(key, known); ok {
		d.Problems = append(d.Problems, Problem{
			Path:    at,
			Message: fmt.Sprintf("unknown key; did you mean %s?", nearest),
			meant:   join(path, nearest),
		})
		return
	}
	d.Add(at, "unknown key; known here: %s", strings.Join(known, ", "))
}

// near finds the known key that was probably meant: the one with the fewest edits, and of those the one that is as long (two
// letters changed places), unless half the key would have to change.
func near(key string, known []string) (string, bool) {
	edits := func(candidate string) int {
		return levenshtein.Distance(strings.ToLower(key), strings.ToLower(candidate), nil)
	}
	longer := func(candidate string) int { return max(len(candidate)-len(key), len(key)-len(candidate)) }
	nearest := slices.MinFunc(known, func(a, b string) int {
		return cmp.Or(cmp.Compare(edits(a), edits(b)), cmp.Compare(longer(a), longer(b)))
	})
	return nearest, 2*edits(nearest) <= len(nearest)
}

// Nearest are the known names that were probably meant, at most some of them: those with the fewest edits.
func Nearest(name string, known []string, most int) []string {
	edits := func(candidate string) int {
		return levenshtein.Distance(strings.ToLower(name), strings.ToLower(candidate), nil)
	}
	sorted := slices.SortedFunc(slices.Values(known), func(a, b string) int { return cmp.Or(cmp.Compare(edits(a), edits(b)), cmp.Compare(a, b)) })
	return sorted[:min(most, len(sorted))]
}

// keys are the fields of a struct, those of embedded ones included, by their JSON names.
func keys(t reflect.Type) map[string]reflect.StructField {
	fields := map[string]reflect.StructField{}
	for _, field := range reflect.VisibleFields(t) {
		if field.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields[name] = field
	}
	return fields
}

// Index is the path of a list's element.
func Index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
