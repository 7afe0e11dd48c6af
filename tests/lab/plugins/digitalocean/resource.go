package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/digitalocean/godo"
	p "github.com/pulumi/pulumi-go-provider"
	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
)

// errGone is what read says of a resource that is there no more.
var errGone = errors.New("the resource is gone; `pulumi refresh` takes it out of the state")

// resource is one type of resource: its properties, and how the API is asked for it.
type resource struct {
	fields []field
	// refuse checks inputs that are each valid against each other. It may be nil.
	refuse func(in values) string
	// create makes the resource. An error beside an id: it is there, but not as it should be.
	create func(ctx context.Context, api *godo.Client, in values) (id string, err error)
	// read is what the API says of the resource; errGone if it knows none.
	read func(ctx context.Context, api *godo.Client, id string) (values, error)
	// update changes the resource in place. It may be nil, if every change replaces.
	update func(ctx context.Context, api *godo.Client, id string, old, in values) error
	delete func(ctx context.Context, api *godo.Client, id string, state values) error
}

// field is one property of a resource.
type field struct {
	name      string
	kind      kind
	output    bool // only the API says what it is
	computed  bool // the API says what it is, unless the program does
	required  bool
	kept      bool                         // the API doesn't tell: the state keeps what was asked for
	replaces  bool                         // a change makes a new resource
	follows   string                       // the input with whose change it may change too
	otherwise any                          // nil: none
	normal    func(string) string          // what the state has instead of a string; nil: the string itself
	breaks    func(old, new any) bool      // which changes make a new resource, if not all or none do
	refuse    func(value any) (why string) // what is wrong with a value; nil: nothing
}

// kind is a property's type.
type kind int

const (
	text kind = iota
	number
	boolean
	texts
	numbers
	objects
)

// holds says whether a value, or each of a list's, is of the kind. What is unknown may turn out to be.
func (k kind) holds(v any) bool {
	if _, ok := v.(unknown); ok {
		return true
	}
	all := func(k kind) bool {
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(item any) bool { return !k.holds(item) })
	}
	ok := false
	switch k {
	case text:
		_, ok = v.(string)
	case number:
		_, ok = v.(float64)
	case boolean:
		_, ok = v.(bool)
	case texts:
		return all(text)
	case numbers:
		return all(number)
	case objects:
		list, isList := v.([]any)
		return isList && !slices.ContainsFunc(list, func(item any) bool {
			_, isObject := item.(map[string]any)
			return !isObject && !hasUnknown(item)
		})
	}
	return ok
}

// stored is a value as it is in the state.
func (f field) stored(v any) any {
	if s, ok := v.(string); ok && f.normal != nil {
		return f.normal(s)
	}
	return v
}

// unchanged says whether an input asks for what is there.
func (f field) unchanged(state, in values) bool {
	now, asked := state[f.name], in[f.name]
	if asked == nil && f.computed {
		return true
	}
	// The second is for inputs that were read back from a state.
	return same(now, f.stored(asked)) || same(now, asked)
}

// defaultsKey is the input that lists the inputs which the program left to the plugin.
const defaultsKey = "__defaults"

// check fills in defaults, and says what is wrong.
func (r resource) check(req p.CheckRequest) (p.CheckResponse, error) {
	in, old := decode(req.Inputs), decode(req.State)
	delete(in, defaultsKey)
	defaulted := []string{}
	for _, f := range r.fields {
		if f.otherwise != nil && in[f.name] == nil {
			in[f.name] = f.otherwise
			defaulted = append(defaulted, f.name)
		}
	}
	if in["name"] == nil {
		name, err := autoname(req.Urn, req.RandomSeed, old)
		if err != nil {
			return p.CheckResponse{}, err
		}
		in["name"] = name
		defaulted = append(defaulted, "name")
	}
	in[defaultsKey] = list(defaulted)
	return p.CheckResponse{Inputs: encode(in, secrets(req.Inputs)), Failures: r.failures(in)}, nil
}

// autoname is the resource's name and seven hexadecimal digits; once given, it stays.
func autoname(urn urn.URN, seed []byte, old values) (string, error) {
	if slices.Contains(old.texts(defaultsKey), "name") && old.text("name") != "" {
		return old.text("name"), nil
	}
	return presource.NewUniqueName(seed, urn.Name()+"-", 7, 255, nil)
}

// failures are what is wrong with inputs, by property.
func (r resource) failures(in values) []p.CheckFailure {
	var failures []p.CheckFailure
	known := map[string]bool{defaultsKey: true}
	for _, f := range r.fields {
		if f.output {
			continue
		}
		known[f.name] = true
		value := in[f.name]
		why := ""
		switch {
		case value == nil && f.required:
			why = fmt.Sprintf("Missing required argument. The argument %q is required, but no definition was found.", f.name)
		case value == nil:
		case !f.kind.holds(value):
			why = fmt.Sprintf("expected another type than that of %v", value)
		case value == "":
			why = fmt.Sprintf("expected %q to not be an empty string", f.name)
		case f.refuse != nil && !hasUnknown(value):
			why = f.refuse(value)
		}
		if why != "" {
			failures = append(failures, p.CheckFailure{Property: f.name, Reason: why})
		}
	}
	for name := range in {
		if !known[name] {
			failures = append(failures, p.CheckFailure{Property: name, Reason: "Invalid or unknown key"})
		}
	}
	if r.refuse != nil && len(failures) == 0 && !hasUnknown(map[string]any(in)) {
		if why := r.refuse(in); why != "" {
			failures = append(failures, p.CheckFailure{Reason: why})
		}
	}
	return failures
}

// diff compares what is there with what is asked for.
func (r resource) diff(req p.DiffRequest) p.DiffResponse {
	state, in := decode(req.State), decode(req.Inputs)
	changes := map[string]p.PropertyDiff{}
	replaced := false
	for _, f := range r.fields {
		if f.output || f.unchanged(state, in) {
			continue
		}
		replaces := f.replaces || f.breaks != nil && f.breaks(state[f.name], in[f.name])
		replaced = replaced || replaces
		changes[f.name] = p.PropertyDiff{Kind: change(state[f.name], in[f.name], replaces)}
	}
	return p.DiffResponse{
		HasChanges:          len(changes) > 0,
		DetailedDiff:        changes,
		DeleteBeforeReplace: replaced && nameStays(state, in),
	}
}

// nameStays says whether the program itself gave the name, and the same again: two such resources can't be there at once.
func nameStays(state, in values) bool {
	return !slices.Contains(in.texts(defaultsKey), "name") && same(state["name"], in["name"])
}

func change(old, new any, replaces bool) p.DiffKind {
	switch {
	case old == nil && replaces:
		return p.AddReplace
	case old == nil:
		return p.Add
	case new == nil && replaces:
		return p.DeleteReplace
	case new == nil:
		return p.Delete
	case replaces:
		return p.UpdateReplace
	}
	return p.Update
}

// state is the resource's state, of what was asked for and what the API says.
func (r resource) state(in, facts values) values {
	state := values{}
	for _, f := range r.fields {
		if value := facts[f.name]; value != nil {
			state[f.name] = value
		} else if f.kept && in[f.name] != nil {
			state[f.name] = f.stored(in[f.name])
		}
	}
	return state
}

// planned is the state that a preview shows. old is nil for a resource that is to be made.
func (r resource) planned(old, in values) values {
	state := values{}
	for _, f := range r.fields {
		switch asked := in[f.name]; {
		case asked != nil && !f.output:
			state[f.name] = f.stored(asked)
		case old == nil && (f.output || f.computed), f.follows != "" && !same(old[f.follows], in[f.follows]):
			state[f.name] = unknown{}
		case old != nil && (f.output || f.computed) && old[f.name] != nil:
			state[f.name] = old[f.name]
		}
	}
	return state
}

// refreshed are the inputs that would lead to a state: those that the program gave, with what is there now. For a
// resource that is imported, whose program gave none yet, they are all that are set.
func (r resource) refreshed(in, state values) values {
	imported := len(in) == 0
	now := values{defaultsKey: []any{}}
	maps.Copy(now, in)
	for _, f := range r.fields {
		_, given := in[f.name]
		switch value := state[f.name]; {
		case f.output, !given && !imported, given && f.kept, given && f.unchanged(state, in):
		case imported && canonical(value) == nil:
		default:
			now[f.name] = value
		}
	}
	return now
}
