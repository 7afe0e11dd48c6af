package settings

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/promwire/promwire/stacks/settings/document"
)

const (
	// referencePage is what people read: an introduction by hand, and below the line referenceMark what the schema says.
	referencePage = "../../docs/settings.md"
	referenceMark = "<!-- Everything below is generated from stacks/settings/schema.json, by `go generate ./stacks/settings`. -->\n"
)

// TestReference: the page has every key of the schema, as the schema has it now.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	byHand, got, marked := strings.Cut(string(raw), referenceMark)
	if !marked {
		t.Fatalf("%s has no line %q", referencePage, referenceMark)
	}
	want := reference(t, generate(t))
	if *update {
		if err := os.WriteFile(referencePage, []byte(byHand+referenceMark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		got = want
	}
	if got != want {
		t.Errorf("%s is out of date; run `go generate ./stacks/settings`", referencePage)
	}
}

// reference is the schema in Markdown: a section for each object, in the order in which a reader meets them.
func reference(t *testing.T, schema []byte) string {
	t.Helper()
	var file jsonschema.Schema
	if err := json.Unmarshal(schema, &file); err != nil {
		t.Fatal(err)
	}
	const top = "config"
	config, _ := file.Properties.Get(top)
	b := book{definitions: file.Definitions, places: map[string][]string{}}
	b.walk(top, config)
	b.section(top, config)
	for _, name := range b.order {
		b.section(b.places[name][0], b.definitions[name])
		if more := b.places[name][1:]; len(more) > 0 {
			fmt.Fprintf(&b.text, "\nThe same keys: `%s`.\n", strings.Join(more, "`, `"))
		}
	}
	return b.text.String()
}

// book is a reference that is being written.
type book struct {
	definitions jsonschema.Definitions
	order       []string            // definitions, as a reader meets them
	places      map[string][]string // definition -> paths where it stands
	text        strings.Builder
}

// walk notes where each object stands.
func (b *book) walk(path string, object *jsonschema.Schema) {
	for pair := object.Properties.Oldest(); pair != nil; pair = pair.Next() {
		at, ref := below(path, pair.Key), pair.Value.Ref
		if items := listed(pair.Value); items != "" {
			at, ref = at+"[]", items
		}
		if ref == "" {
			continue
		}
		name := named(ref)
		_, known := b.places[name]
		b.places[name] = append(b.places[name], at)
		if !known {
			b.order = append(b.order, name)
			b.walk(at, b.definitions[name])
		}
	}
}

// listed is the object that a list holds, or may hold beside texts; "": none.
func listed(property *jsonschema.Schema) string {
	if property.Items == nil {
		return ""
	}
	for _, either := range property.Items.AnyOf {
		if either.Ref != "" {
			return either.Ref
		}
	}
	return property.Items.Ref
}

// section is one object's: what it is, and a table of its keys.
func (b *book) section(path string, object *jsonschema.Schema) {
	fmt.Fprintf(&b.text, "\n## `%s`\n\n", path)
	if object.Description != "" {
		fmt.Fprintf(&b.text, "%s\n\n", title(object.Description))
	}
	b.text.WriteString("| key | value | default | what it is |\n| --- | --- | --- | --- |\n")
	for pair := object.Properties.Oldest(); pair != nil; pair = pair.Next() {
		key, property := pair.Key, pair.Value
		fallback := ""
		switch {
		case slices.Contains(object.Required, key):
			fallback = "**required**"
		case property.Default != nil:
			fallback = "`" + plain(property.Default) + "`"
		case property.Type == "boolean":
			fallback = "`false`"
		}
		fmt.Fprintf(&b.text, "| `%s` | %s | %s | %s |\n", key, b.value(property), fallback, b.what(property))
	}
}

// below is the path of a key. Everything that a stack file has of a fleet is below one key, which no path names.
func below(path, key string) string {
	if key == document.Root || path == document.Root || path == "config" {
		return key
	}
	return path + "." + key
}

// what describes a property: an object describes itself, if its place says nothing.
func (b *book) what(property *jsonschema.Schema) string {
	if property.Description == "" && property.Ref != "" {
		return title(b.definitions[named(property.Ref)].Description)
	}
	return cell(property.Description)
}

// value says what a key takes.
func (b *book) value(property *jsonschema.Schema) string {
	switch {
	case property.Ref != "":
		return "[object](#" + b.anchor(property.Ref) + ")"
	case property.Items != nil && property.Items.AnyOf != nil:
		return "list of text or [objects](#" + b.anchor(listed(property)) + ")"
	case property.Items != nil && property.Items.Ref != "":
		return "[list of objects](#" + b.anchor(property.Items.Ref) + ")"
	case property.Items != nil && property.Items.Type == "object":
		return "list of objects"
	case property.Items != nil:
		return "list of text"
	case len(property.Enum) > 0:
		words := make([]string, len(property.Enum))
		for i, word := range property.Enum {
			words[i] = "`" + plain(word) + "`"
		}
		return strings.Join(words, " or ")
	case property.Type == "boolean":
		return "`true` or `false`"
	case property.Type == "integer":
		return fmt.Sprintf("whole number, %s to %s", property.Minimum, property.Maximum)
	case property.AdditionalProperties != nil && property.AdditionalProperties.Items != nil:
		return "lists of text, by name"
	case property.AdditionalProperties != nil:
		return "text, by name"
	case property.Type == "object" && strings.Contains(property.Description, "--secret"):
		return "secret"
	case property.Type == "object":
		return "object in other terms"
	default:
		return "text"
	}
}

// anchor is where an object's section is: its heading, as GitHub names it.
func (b *book) anchor(ref string) string {
	return strings.ToLower(strings.NewReplacer(".", "", "[", "", "]", "", ":", "").Replace(b.places[named(ref)][0]))
}

// named is the definition that a reference means.
func named(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// plain is a value as a stack file may have it.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(raw)
}

var (
	// subject is how Go's comments begin, with the name of the type.
	subject = regexp.MustCompile(`^[A-Z]\w* (?:is|are) (.)`)
	// tag is what Markdown would take for HTML, outside of code.
	tag = regexp.MustCompile("(`[^`]*`)|<")
)

// title is an object's description, without the name of its type.
func title(text string) string {
	if begins := subject.FindStringSubmatch(text); begins != nil {
		text = strings.ToUpper(begins[1]) + text[len(begins[0]):]
	}
	return cell(text)
}

// cell is a text as a table takes it.
func cell(text string) string {
	text = strings.NewReplacer("\n", " ", "|", `\|`).Replace(text)
	return tag.ReplaceAllStringFunc(text, func(found string) string {
		if found == "<" {
			return "&lt;"
		}
		return found
	})
}
