// Package cgroup ends what the lab started. A cgroup, unlike a PID in a file, can't come to mean another process: whatever a machine or a
// cluster starts stays below its own. A group is a directory, in the hierarchy of cgroup v2 unless it says otherwise (cgroups(7)).
package cgroup

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

	"github.com/promwire/promwire/tests/lab/wait"
)

// patience is how long killed processes may take to go.
const patience = 30 * time.Second

// Mounts is where all hierarchies of cgroups are mounted.
const Mounts = "/sys/fs/cgroup"

// Root is where cgroup v2 is mounted: at Mounts itself without v1, or below it beside v1 (systemd calls that hybrid).
func Root() (string, error) {
	for _, root := range []string{Mounts, Mounts + "/unified"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
			return root, nil
		}
	}
	return "", fmt.Errorf("no cgroup v2 at %[1]s or %[1]s/unified: mount one", Mounts)
}

// Populated reports whether a group, or one below it, has any process. One that is not there has none.
func Populated(group string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(group, "cgroup.events"))
	return strings.Contains(string(text), "populated 1"), ignoreGone(err)
}

// Kill ends all processes of a group and those below it (cgroup.kill, Linux 5.14), and waits until they are gone. It is not an error
// if there is no such group.
func Kill(ctx context.Context, group string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := os.Stat(group); err != nil {
		return ignoreGone(err)
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.kill"), []byte("1"), 0); err != nil {
		return err
	}
	err := wait.Until(ctx, func() (bool, error) {
		on, err := Populated(group)
		return !on, err
	})
	if err != nil {
		return fmt.Errorf("wait for its processes to end (%s): %w", group, err)
	}
	return nil
}

// Remove removes a group and those below it, which only rmdir(2) can, of any version. One of v1 is busy for a moment after its last
// process.
func Remove(ctx context.Context, group string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var groups []string
	err := filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return ignoreGone(err)
	})
	if err != nil {
		return err
	}
	for _, group := range slices.Backward(groups) {
		var last error
		err := wait.Until(ctx, func() (bool, error) {
			last = ignoreGone(os.Remove(group))
			return last == nil, nil
		})
		if err != nil {
			return last
		}
	}
	return nil
}

// Init finds the PID 1 of the PID namespace that a group's processes, or those of one below it, are in, as the operator's machine numbers
// it; 0 if there is none.
func Init(group string) (pid int, err error) {
	err = filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" {
			return ignoreGone(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		for field := range strings.FieldsSeq(string(text)) {
			if isInit(field) {
				if pid, err = strconv.Atoi(field); err != nil {
					return err
				}
				return fs.SkipAll
			}
		}
		return nil
	})
	return pid, err
}

// isInit reports whether a process is the first of a PID namespace one below this one; see NSpid in proc_pid_status(5).
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

// ignoreGone forgets what went away meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
