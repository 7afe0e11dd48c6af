// Package drive runs a plugin and speaks with it as Pulumi's engine does: what the tests of all stand-ins have in common.
package drive

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
)

// Binaries are the plugins of a name that tests run: the stand-in, built in dir from the package of this folder, and the real one
// where PROMWIRE_PLUGINS names a folder that has it. What holds for one must hold for the other.
func Binaries(dir, name string) (map[string]string, error) {
	standIn := filepath.Join(dir, name)
	if out, err := exec.Command("go", "build", "-o", standIn, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the stand-in: %w\n%s", err, out)
	}
	binaries := map[string]string{"stand-in": standIn}
	if plugins := os.Getenv("PROMWIRE_PLUGINS"); plugins != "" {
		real := filepath.Join(plugins, name)
		if _, err := os.Stat(real); err == nil {
			binaries["real"] = real
		} else {
			fmt.Fprintln(os.Stderr, "testing only the stand-in:", err)
		}
	}
	return binaries, nil
}

// Plugin is a running one, not configured yet.
type Plugin struct {
	pulumirpc.ResourceProviderClient
	Stop func() // as a crash does; the test's end stops it too

	mu  sync.Mutex
	log []string
}

// Start starts a plugin with variables beside the test's own.
func Start(t *testing.T, binary string, environment ...string) *Plugin {
	t.Helper()
	p := &Plugin{}
	cmd := exec.Command(binary, p.serveEngine(t))
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p.Stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(p.Stop)
	port, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	conn, err := grpc.NewClient("127.0.0.1:"+strings.TrimSpace(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	p.ResourceProviderClient = pulumirpc.NewResourceProviderClient(conn)
	return p
}

// serveEngine serves the part of the engine that plugins log to, and returns its address.
func (p *Plugin) serveEngine(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer()
	pulumirpc.RegisterEngineServer(server, engine{plugin: p})
	go func() { _ = server.Serve(listener) }() // until it is stopped
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

type engine struct {
	pulumirpc.UnimplementedEngineServer
	plugin *Plugin
}

func (e engine) Log(_ context.Context, req *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.plugin.mu.Lock()
	defer e.plugin.mu.Unlock()
	e.plugin.log = append(e.plugin.log, strings.ToLower(req.Severity.String())+": "+req.Message)
	return &emptypb.Empty{}, nil
}

// Log is what the engine got of the plugin, each as "severity: message".
func (p *Plugin) Log() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// Logged counts the messages that contain a text.
func (p *Plugin) Logged(text string) int {
	n := 0
	for _, message := range p.Log() {
		if strings.Contains(message, text) {
			n++
		}
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
