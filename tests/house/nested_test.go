package house

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPlugins runs what belongs to the project but not to its module: the plugins' stand-ins pin other versions of Pulumi's
// libraries, so they are a module of their own, and `go test ./...` would pass them by.
func TestPlugins(t *testing.T) {
	for _, args := range [][]string{{"vet", "./..."}, {"test", "-timeout", "10m", "./..."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = filepath.Join(root, "tests", "lab", "plugins")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %v: %v\n%s", args, err, out)
		}
	}
}
