package machines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// groups are the cgroups of a lab's machines, one each. A cgroup, unlike a PID in a file, can't come to mean another
// process: whatever a machine starts stays below it, and cgroup.kill (Linux 5.14) ends all of it.
type groups struct {
	unified string // the lab's folder in the hierarchy of cgroup v2
	named   string // the same in systemd's own of cgroup v1; empty where there is only v2
}

// killTime is how long a killed machine may take to go.
const killTime = 30 * time.Second

// findGroups finds where cgroup v2 is mounted: alone, or beside v1 (systemd calls that hybrid).
func findGroups(id string) (groups, error) {
	const root = "/sys/fs/cgroup"
	folder := "promwire-" + id
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return groups{unified: filepath.Join(root, folder)}, nil
	}
	if _, err := os.Stat(root + "/unified/cgroup.controllers"); err == nil {
		return groups{
			unified: filepath.Join(root, "unified", folder),
			named:   filepath.Join(root, "systemd", folder),
		}, nil
	}
	return groups{}, fmt.Errorf("no cgroup v2 at %s or %s/unified: mount one", root, root)
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

// populated reports whether a machine has any process.
func (g groups) populated(name string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(g.unified, name, "cgroup.events"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return strings.Contains(string(text), "populated 1"), err
}

// kill ends all processes of a machine (of all machines, if the name is empty), waits until they are gone, and removes its
// cgroups. It is no error if there are none.
func (g groups) kill(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, killTime)
	defer cancel()
	path := filepath.Join(g.unified, name)
	if _, err := os.Stat(path); err == nil {
		if err := os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0); err != nil {
			return err
		}
		err := until(ctx, func() (bool, error) {
			on, err := g.populated(name)
			return !on, err
		})
		if err != nil {
			return fmt.Errorf("wait for its processes to end (%s): %w", path, err)
		}
	}
	if err := removeTree(path); err != nil {
		return err
	}
	if g.named == "" {
		return nil
	}
	return removeTree(filepath.Join(g.named, name))
}

// removeTree removes a cgroup and those below it, which only rmdir(2) can.
func removeTree(path string) error {
	var folders []string
	err := filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// init finds a machine's PID 1 as the operator's machine numbers it.
func (g groups) init(name string) (pid int, err error) {
	err = filepath.WalkDir(filepath.Join(g.unified, name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" {
			return ignoreGone(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		for _, field := range strings.Fields(string(text)) {
			if isInit(field) {
				if pid, err = strconv.Atoi(field); err != nil {
					return err
				}
				return fs.SkipAll
			}
		}
		return nil
	})
	if err == nil && pid == 0 {
		err = errors.New("the machine is off: power it on")
	}
	return pid, err
}

// isInit reports whether a process is the first of a namespace that is one below this one; see NSpid in proc(5).
func isInit(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(numbers)
			return len(fields) == 2 && fields[1] == "1"
		}
	}
	return false
}

// ignoreGone forgives what went away meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
