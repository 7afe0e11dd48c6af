package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// TestPlugins runs what belongs to the project but not to its module: the plugins' stand-ins pin other versions of Pulumi's
// libraries, so they are a module of their own, and `go test ./...` would pass them by. That of Kubernetes is tried on a real API
// server.
func TestPlugins(t *testing.T) {
	source, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(source)
	if err := setup.Ensure(t.Context(), f, t.Output(), setup.Kubernetes); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "-timeout", "10m", "./..."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = filepath.Join(source, "tests", "lab", "plugins")
		cmd.Env = append(os.Environ(), "PROMWIRE_KUBERNETES="+filepath.Join(f.Bin(), "kubernetes"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
}
