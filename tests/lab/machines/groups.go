package machines

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/cgroup"
)

// errOff is what commands get that need a machine which runs.
var errOff = errors.New("the machine is off: power it on")

// groups are the cgroups of a lab's machines, one each.
type groups struct {
	unified string // the lab's folder in the hierarchy of cgroup v2
	named   string // the same in systemd's own of cgroup v1; empty where there is only v2
}

// findGroups finds where the hierarchies are mounted.
func findGroups(id string) (groups, error) {
	root, err := cgroup.Root()
	if err != nil {
		return groups{}, err
	}
	folder := "promwire-" + id
	g := groups{unified: filepath.Join(root, folder)}
	if root != cgroup.Mounts {
		g.named = filepath.Join(cgroup.Mounts, "systemd", folder)
	}
	return g, nil
}

// create makes the cgroups of a machine. It returns the one of v2, opened to start a process in, and the path of the other.
func (g groups) create(name string) (group *os.File, named string, err error) {
	path := filepath.Join(g.unified, name)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, "", err
	}
	if g.named != "" {
		named = filepath.Join(g.named, name)
		if err := os.MkdirAll(named, 0o755); err != nil {
			return nil, "", err
		}
	}
	group, err = os.Open(path)
	return group, named, err
}

// kill ends all processes of a machine (of all machines, if the name is empty), waits until they are gone, and removes its
// cgroups. It is not an error if there are none.
func (g groups) kill(ctx context.Context, name string) error {
	path := filepath.Join(g.unified, name)
	if err := cgroup.Kill(ctx, path); err != nil {
		return err
	}
	if err := cgroup.Remove(ctx, path); err != nil || g.named == "" {
		return err
	}
	return cgroup.Remove(ctx, filepath.Join(g.named, name))
}

// populated reports whether a machine has any process.
func (g groups) populated(name string) (bool, error) {
	return cgroup.Populated(filepath.Join(g.unified, name))
}

// init finds a machine's PID 1 as the operator's machine numbers it.
func (g groups) init(name string) (int, error) {
	pid, err := cgroup.Init(filepath.Join(g.unified, name))
	if err == nil && pid == 0 {
		err = errOff
	}
	return pid, err
}
