package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// binaries are the plugins that the tests run, by name: the stand-in, and the real one where PROMWIRE_PLUGINS names a
// folder that has it. What holds for one must hold for the other.
var binaries = map[string]string{}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "promwire-command")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries["stand-in"] = filepath.Join(dir, "pulumi-resource-command")
	if out, err := exec.Command("go", "build", "-o", binaries["stand-in"], ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the stand-in: %v\n%s", err, out)
		return 1
	}
	if plugins := os.Getenv("PROMWIRE_PLUGINS"); plugins != "" {
		real := filepath.Join(plugins, "pulumi-resource-command")
		if _, err := os.Stat(real); err == nil {
			binaries["real"] = real
		} else {
			fmt.Fprintln(os.Stderr, "testing the stand-in alone:", err)
		}
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
	pulumirpc.ResourceProviderClient
	t    *testing.T
	stop func()

	mu  sync.Mutex
	log []string // "severity: message", as the engine got them
}

// start starts a plugin with variables beside the test's own; the test's end stops it.
func start(t *testing.T, binary string, environment ...string) *plugin {
	t.Helper()
	p := &plugin{t: t}
	cmd := exec.Command(binary, p.serveEngine())
	cmd.Env = append(append(os.Environ(), "SSH_AUTH_SOCK="), environment...)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p.stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(p.stop)
	port, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	conn, err := grpc.NewClient("127.0.0.1:"+strings.TrimSpace(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	p.ResourceProviderClient = pulumirpc.NewResourceProviderClient(conn)
	_, err = p.Configure(t.Context(), &pulumirpc.ConfigureRequest{
		AcceptSecrets: true, AcceptResources: true, Args: &structpb.Struct{}, SendsOldInputs: true,
	})
	must(t, err)
	return p
}

// serveEngine serves the part of the engine that plugins log to, and returns its address.
func (p *plugin) serveEngine() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(p.t, err)
	server := grpc.NewServer()
	pulumirpc.RegisterEngineServer(server, engine{plugin: p})
	go server.Serve(listener)
	p.t.Cleanup(server.Stop)
	return listener.Addr().String()
}

type engine struct {
	pulumirpc.UnimplementedEngineServer
	plugin *plugin
}

func (e engine) Log(_ context.Context, req *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.plugin.mu.Lock()
	defer e.plugin.mu.Unlock()
	e.plugin.log = append(e.plugin.log, strings.ToLower(req.Severity.String())+": "+req.Message)
	return &emptypb.Empty{}, nil
}

// logged counts the messages that contain a text.
func (p *plugin) logged(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, message := range p.log {
		if strings.Contains(message, text) {
			n++
		}
	}
	return n
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
