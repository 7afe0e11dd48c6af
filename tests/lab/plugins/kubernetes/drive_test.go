package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/promwire/promwire/tests/lab/plugins/drive"
)

// binaries are the plugins that the tests run, by what each is.
var binaries map[string]string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "promwire-kubernetes")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binaries, err = drive.Binaries(dir, "pulumi-resource-kubernetes"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	runtime.LockOSThread() // the cluster ends with the thread that started it
	control, err = startCluster(dir)
	if control != nil {
		defer control.stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "start a cluster:", err)
		return 1
	}
	return m.Run()
}

// each runs a test for each plugin, side by side.
func each(t *testing.T, test func(t *testing.T, binary string)) {
	t.Parallel()
	for name, binary := range binaries {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, binary) })
	}
}

// unknownValue is what the engine writes for a value that it does not know yet.
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

// properties are a resource's inputs or outputs.
type properties = map[string]any

// driven is a running plugin, driven as Pulumi's engine drives it.
type driven struct {
	*drive.Plugin
	t *testing.T
}

// driveAs starts a plugin for a user of the cluster; the test's end stops it.
func driveAs(t *testing.T, binary, user string, settings map[string]string) *driven {
	t.Helper()
	d := &driven{t: t, Plugin: drive.Start(t, binary)}
	// The real plugin reads the variables.
	inputs := properties{"kubeconfig": control.kubeconfig(user)}
	for name, value := range settings {
		inputs[name] = value
	}
	variables := map[string]string{}
	for name, value := range inputs {
		variables["kubernetes:config:"+name] = value.(string)
	}
	args, err := structpb.NewStruct(inputs)
	must(t, err)
	req := &pulumirpc.ConfigureRequest{AcceptSecrets: true, Variables: variables, Args: args} //nolint:staticcheck // see above
	_, err = d.Configure(t.Context(), req)
	must(t, err)
	return d
}

// awaitLog waits until a message has a text.
func (d *driven) awaitLog(text string) {
	d.t.Helper()
	eventually(d.t, "a message", func() error {
		if d.Logged(text) == 0 {
			return fmt.Errorf("nothing says %q", text)
		}
		return nil
	})
}

// thing is one resource of a program's.
type thing struct {
	*driven
	urn    string
	id     string
	inputs *structpb.Struct // as Check gave them back
	state  *structpb.Struct
}

// declare checks a resource with the inputs that a program gives, which are JSON.
func (d *driven) declare(name, inputs string) *thing {
	d.t.Helper()
	th := &thing{driven: d, urn: urnOf(d.t, name, inputs)}
	th.inputs = th.check(nil, inputs)
	return th
}

// urnOf is the URN of a resource of the object's kind.
func urnOf(t *testing.T, name, inputs string) string {
	t.Helper()
	var head struct{ APIVersion, Kind string }
	must(t, json.Unmarshal([]byte(inputs), &head))
	gv, err := schema.ParseGroupVersion(head.APIVersion)
	must(t, err)
	if gv.Group == "" {
		gv.Group = "core"
	}
	return fmt.Sprintf("urn:pulumi:test::promwire::kubernetes:%s/%s:%s::%s", gv.Group, gv.Version, head.Kind, name)
}

func (th *thing) check(old *structpb.Struct, inputs string) *structpb.Struct {
	th.t.Helper()
	seed := make([]byte, 32)
	rand.Read(seed)
	res, err := th.Check(th.t.Context(), &pulumirpc.CheckRequest{
		Urn: th.urn, Olds: old, News: structOf(th.t, inputs), RandomSeed: seed,
	})
	must(th.t, err)
	for _, failure := range res.Failures {
		th.t.Fatalf("check %s: %s", failure.Property, failure.Reason)
	}
	return res.Inputs
}

// create makes the resource. What was made though not as it should be is kept, as the engine does.
func (th *thing) create() error {
	res, err := th.Create(th.t.Context(), &pulumirpc.CreateRequest{Urn: th.urn, Properties: th.inputs})
	if err != nil {
		if partly := initFailure(err); partly != nil {
			th.id, th.state = partly.Id, partly.Properties
		}
		return err
	}
	th.id, th.state = res.Id, res.Properties
	return nil
}

// preview is what a creation would lead to.
func (th *thing) preview() (*structpb.Struct, error) {
	res, err := th.Create(th.t.Context(), &pulumirpc.CreateRequest{Urn: th.urn, Properties: th.inputs, Preview: true})
	if err != nil {
		return nil, err
	}
	return res.Properties, nil
}

// diff says what other inputs make of the resource: "nothing", "update", "replace" (the new one is made before the old one
// goes), or "replace, delete first"; and which properties differ.
func (th *thing) diff(inputs string, ignored ...string) (string, *pulumirpc.DiffResponse) {
	th.t.Helper()
	res, err := th.Diff(th.t.Context(), &pulumirpc.DiffRequest{
		Id: th.id, Urn: th.urn, Olds: th.state, OldInputs: th.inputs, News: th.check(th.inputs, inputs), IgnoreChanges: ignored,
	})
	must(th.t, err)
	switch {
	case res.Changes == pulumirpc.DiffResponse_DIFF_NONE:
		return "nothing", res
	case len(res.Replaces) > 0 && res.DeleteBeforeReplace:
		return "replace, delete first", res
	case len(res.Replaces) > 0:
		return "replace", res
	}
	return "update", res
}

// update gives the resource other inputs.
func (th *thing) update(inputs string, ignored ...string) error {
	th.t.Helper()
	news := th.check(th.inputs, inputs)
	res, err := th.Update(th.t.Context(), &pulumirpc.UpdateRequest{
		Id: th.id, Urn: th.urn, Olds: th.state, OldInputs: th.inputs, News: news, IgnoreChanges: ignored,
	})
	th.inputs = news
	if err != nil {
		if partly := initFailure(err); partly != nil {
			th.state = partly.Properties
		}
		return err
	}
	th.state = res.Properties
	return nil
}

// refresh reads the resource; gone says that it is there no more.
func (th *thing) refresh() (gone bool, err error) {
	res, err := th.Read(th.t.Context(), &pulumirpc.ReadRequest{Id: th.id, Urn: th.urn, Properties: th.state, Inputs: th.inputs})
	if err != nil {
		return false, err
	}
	th.inputs, th.state = res.Inputs, res.Properties
	return res.Id == "", nil
}

func (th *thing) remove() error {
	_, err := th.Delete(th.t.Context(), &pulumirpc.DeleteRequest{Id: th.id, Urn: th.urn, Properties: th.state, OldInputs: th.inputs})
	return err
}

// value is a property of the state, by the names on the way to it.
func (th *thing) value(path ...string) any {
	var v any = th.state.AsMap()
	for _, name := range path {
		v = v.(properties)[name]
	}
	return v
}

// initFailure is what an error says of a resource that is there, but not as it should be; nil if it says nothing.
func initFailure(err error) *pulumirpc.ErrorResourceInitFailed {
	told, _ := status.FromError(err)
	for _, detail := range told.Details() {
		if partly, ok := detail.(*pulumirpc.ErrorResourceInitFailed); ok {
			return partly
		}
	}
	return nil
}

func structOf(t *testing.T, text string) *structpb.Struct {
	t.Helper()
	s := &structpb.Struct{}
	must(t, s.UnmarshalJSON([]byte(text)))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustFail makes sure that something failed, and that the error says certain things.
func mustFail(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("nothing failed, want an error that says %q", says)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
}
