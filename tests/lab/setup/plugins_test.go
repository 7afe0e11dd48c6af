package setup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPlugins runs the tests of the plugins' stand-ins. They pin other versions of Pulumi's libraries, so they are a module of their own,
// and `go test` of this one passes them by. That of Kubernetes is tried on a real API server.
func TestPlugins(t *testing.T) {
	f := checkout(t)
	if err := Ensure(t.Context(), f, t.Output(), Kubernetes); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-timeout", "10m", "./...")
	cmd.Dir = filepath.Join(f.Source, "tests", "lab", "plugins")
	cmd.Env = append(os.Environ(), "PROMWIRE_KUBERNETES="+filepath.Join(f.Bin(), "kubernetes"))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
