package clusters

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/promwire/promwire/tests/lab/cgroup"
)

// groups are the cgroups of a lab's clusters. A cluster has one of a name of its own in each hierarchy: its pods' are below it, and
// its node's processes are in the leaf "node".
type groups struct {
	name        string   // of the lab's folder in each hierarchy
	unified     string   // where cgroup v2 is mounted
	hierarchies []string // where those of cgroup v1 are mounted; empty where there is only v2
}

const nodeLeaf = "node"

// findGroups finds where the hierarchies are mounted.
func findGroups(name string) (groups, error) {
	root, err := cgroup.Root()
	g := groups{name: name, unified: root}
	if err != nil || root == cgroup.Mounts {
		return g, err
	}
	entries, err := os.ReadDir(cgroup.Mounts)
	if err != nil {
		return groups{}, err
	}
	for _, entry := range entries {
		path := filepath.Join(cgroup.Mounts, entry.Name())
		if entry.IsDir() && path != g.unified { // not links, such as cpuacct -> cpu,cpuacct
			g.hierarchies = append(g.hierarchies, path)
		}
	}
	return g, nil
}

// path is a cluster's cgroup, from the root of each hierarchy.
func (g groups) path(cluster string) string { return "/" + filepath.Join(g.name, cluster) }

// create makes the cgroups of a cluster, and returns that of its node's processes, opened to start one in.
func (g groups) create(cluster string) (*os.File, error) {
	leaf := filepath.Join(g.unified, g.path(cluster), nodeLeaf)
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		return nil, err
	}
	for _, hierarchy := range g.hierarchies {
		if err := os.MkdirAll(filepath.Join(hierarchy, g.path(cluster)), 0o755); err != nil {
			return nil, err
		}
		for _, dir := range []string{g.name, g.path(cluster)} {
			if err := inheritCPUs(filepath.Join(hierarchy, dir)); err != nil {
				return nil, err
			}
		}
	}
	if len(g.hierarchies) == 0 {
		for _, dir := range []string{g.unified, filepath.Join(g.unified, g.name), filepath.Join(g.unified, g.path(cluster))} {
			if err := delegate(dir); err != nil {
				return nil, err
			}
		}
	}
	return os.Open(leaf)
}

// inheritCPUs lets a cgroup of v1's cpuset have what its parent has: it has nothing by itself, and then no process may join it.
func inheritCPUs(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if errors.Is(err, fs.ErrNotExist) { // another hierarchy
			return nil
		} else if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0); err != nil {
			return err
		}
	}
	return nil
}

// delegate lets the children of a cgroup of v2 have its controllers.
func delegate(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for controller := range strings.FieldsSeq(string(text)) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+controller), 0); err != nil {
			return fmt.Errorf("delegate the controller %s: %w", controller, err)
		}
	}
	return nil
}

// kill ends all processes of a cluster (of all, if the name is empty), waits until they are gone, and removes its cgroups. It is
// no error if there are none.
func (g groups) kill(ctx context.Context, cluster string) error {
	if err := cgroup.Kill(ctx, filepath.Join(g.unified, g.path(cluster))); err != nil {
		return err
	}
	for _, hierarchy := range append(slices.Clone(g.hierarchies), g.unified) {
		if err := cgroup.Remove(ctx, filepath.Join(hierarchy, g.path(cluster))); err != nil {
			return err
		}
		// The lab's folder goes with its last cluster.
		os.Remove(filepath.Join(hierarchy, g.name))
	}
	return nil
}

// populated reports whether a cluster has any process.
func (g groups) populated(cluster string) (bool, error) {
	return cgroup.Populated(filepath.Join(g.unified, g.path(cluster)))
}

// init finds the PID 1 of a cluster's node as the operator's machine numbers it.
func (g groups) init(cluster string) (int, error) {
	pid, err := cgroup.Init(filepath.Join(g.unified, g.path(cluster), nodeLeaf))
	if err == nil && pid == 0 {
		err = errors.New("the cluster is off: start it")
	}
	return pid, err
}
