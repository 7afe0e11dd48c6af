package clusters_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/images"
	"github.com/promwire/promwire/tests/lab/machines"
)

// patience is how long anything may take on a busy computer before a test gives up.
const patience = time.Minute

// newFolder is a lab's folder with the cache of the checkout, swept when the test ends.
func newFolder(t *testing.T) folder.Folder {
	t.Helper()
	source, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(t.TempDir(), "run")
	t.Cleanup(func() {
		for _, sweep := range []func(context.Context, folder.Folder, io.Writer) error{clusters.Sweep, machines.Sweep} {
			if err := sweep(context.Background(), f, io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
	return f
}

// start starts one cluster.
func start(t *testing.T, f folder.Folder, name string, plugin clusters.Plugin) clusters.Cluster {
	t.Helper()
	started, err := clusters.Start(t.Context(), f, []string{name}, clusters.Options{Plugin: plugin}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return started[0]
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// kubectl runs kubectl, which must not fail.
func kubectl(t *testing.T, f folder.Folder, cluster, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := clusters.Kubectl(ctx, f, cluster, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// runPods runs the pods client and server, the latter behind a Service, and waits until they are ready.
func runPods(t *testing.T, f folder.Folder, cluster string) {
	t.Helper()
	packed, err := images.Ensure(t.Context(), f, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join("testdata", "pods.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(manifest)
	for _, image := range packed {
		text = strings.ReplaceAll(text, "image: "+image.Name, fmt.Sprintf("image: %q", image.Reference))
	}
	kubectl(t, f, cluster, text, "apply", "--filename=-")
	kubectl(t, f, cluster, "", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
}

// address is a pod's.
func address(t *testing.T, f folder.Folder, cluster, pod string) string {
	t.Helper()
	return kubectl(t, f, cluster, "", "get", "pod", pod, "--output=jsonpath={.status.podIP}")
}

// reaches reports whether the pod client can open a TCP connection to an address.
func reaches(t *testing.T, f folder.Folder, cluster, host string, port int) bool {
	t.Helper()
	_, err := inClient(t, f, cluster, "nc", "-w", "2", host, fmt.Sprint(port), "-e", "true")
	return err == nil
}

// inClient runs a command in the pod client that ends by itself within seconds. One that does not is a fault of the test.
func inClient(t *testing.T, f folder.Folder, cluster string, command ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := clusters.Kubectl(ctx, f, cluster, "", append([]string{"exec", "client", "--", "timeout", "10"}, command...)...)
	if ctx.Err() != nil {
		t.Fatalf("%s: not done within %s: %s", cluster, patience, strings.Join(command, " "))
	}
	return strings.TrimSpace(string(out)), err
}
