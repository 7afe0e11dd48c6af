package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/promwire/promwire/tests/lab/plugins/drive"
)

// binaries are the plugins that the tests run, by what each is.
var binaries map[string]string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "promwire-command")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binaries, err = drive.Binaries(dir, "pulumi-resource-command"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// each runs a test for each plugin.
func each(t *testing.T, test func(t *testing.T, binary string)) {
	for name, binary := range binaries {
		t.Run(name, func(t *testing.T) { test(t, binary) })
	}
}

// plugin is a running plugin, driven as Pulumi's engine drives it.
type plugin struct {
	*drive.Plugin
	t *testing.T
}

// start starts a plugin with variables beside the test's own; the test's end stops it.
func start(t *testing.T, binary string, environment ...string) *plugin {
	t.Helper()
	p := &plugin{t: t, Plugin: drive.Start(t, binary, append([]string{"SSH_AUTH_SOCK="}, environment...)...)}
	_, err := p.Configure(t.Context(), &pulumirpc.ConfigureRequest{
		AcceptSecrets: true, AcceptResources: true, Args: &structpb.Struct{}, SendsOldInputs: true,
	})
	must(t, err)
	return p
}

// properties are a resource's inputs or outputs.
type properties = map[string]any

// with is a copy with some properties changed; nil takes one away.
func with(in, changes properties) properties {
	out := properties{}
	for _, m := range []properties{in, changes} {
		for name, value := range m {
			if out[name] = value; value == nil {
				delete(out, name)
			}
		}
	}
	return out
}

const (
	remoteURN = "urn:pulumi:test::promwire::command:remote:Command::try"
	localURN  = "urn:pulumi:test::promwire::command:local:Command::try"
)

// check fills in defaults as the plugin does before each operation.
func (p *plugin) check(urn string, inputs properties) *structpb.Struct {
	p.t.Helper()
	res, err := p.Check(p.t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: encode(p.t, inputs), RandomSeed: make([]byte, 32)})
	must(p.t, err)
	for _, failure := range res.Failures {
		p.t.Fatalf("check %s: %s", failure.Property, failure.Reason)
	}
	return res.Inputs
}

func (p *plugin) create(urn string, inputs properties, preview bool) (properties, error) {
	res, err := p.Create(p.t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: p.check(urn, inputs), Preview: preview})
	if err != nil {
		return nil, err
	}
	return res.Properties.AsMap(), nil
}

func (p *plugin) update(urn string, state, old, inputs properties, preview bool) (properties, error) {
	res, err := p.Update(p.t.Context(), &pulumirpc.UpdateRequest{
		Id: "try", Urn: urn, Olds: encode(p.t, state), OldInputs: p.check(urn, old), News: p.check(urn, inputs), Preview: preview,
	})
	if err != nil {
		return nil, err
	}
	return res.Properties.AsMap(), nil
}

func (p *plugin) remove(urn string, state, inputs properties) error {
	_, err := p.Delete(p.t.Context(), &pulumirpc.DeleteRequest{
		Id: "try", Urn: urn, Properties: encode(p.t, state), OldInputs: p.check(urn, inputs),
	})
	return err
}

// diff says what a change of the inputs makes of the resource: "nothing", "update", "replace" (the new one is made
// before the old one goes), or "replace, delete first".
func (p *plugin) diff(urn string, state, old, inputs properties) string {
	p.t.Helper()
	res, err := p.Diff(p.t.Context(), &pulumirpc.DiffRequest{
		Id: "try", Urn: urn, Olds: encode(p.t, state), OldInputs: p.check(urn, old), News: p.check(urn, inputs),
	})
	must(p.t, err)
	replaced := len(res.Replaces) > 0 || slices.ContainsFunc(mapValues(res.DetailedDiff), func(d *pulumirpc.PropertyDiff) bool {
		return strings.HasSuffix(d.Kind.String(), "_REPLACE")
	})
	switch {
	case res.Changes == pulumirpc.DiffResponse_DIFF_NONE:
		return "nothing"
	case replaced && res.DeleteBeforeReplace:
		return "replace, delete first"
	case replaced:
		return "replace"
	default:
		return "update"
	}
}

func mapValues[V any](m map[string]V) []V {
	var values []V
	for _, v := range m {
		values = append(values, v)
	}
	return values
}

func encode(t *testing.T, p properties) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(p)
	must(t, err)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
