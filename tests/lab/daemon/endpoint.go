package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Endpoint says where a lab's daemon serves, and which process it is. It lies in a file, which stays when the daemon ends:
// the next one serves at the same addresses again, because they stand in the state of the stacks.
type Endpoint struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // when the process started, in the kernel's clock ticks: the PID may be reused
	API     string `json:"api"`     // base URL of the cloud's API
	Token   string `json:"token"`   // what its requests must bear
	Mirror  string `json:"mirror"`  // base URL of the releases' mirror
}

func endpointFile(f folder.Folder) string { return filepath.Join(f.Run, "daemon.json") }

// read returns the last daemon's endpoint, or a zero one if there was none.
func read(f folder.Folder) (Endpoint, error) {
	var e Endpoint
	text, err := os.ReadFile(endpointFile(f))
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	} else if err != nil {
		return e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("read %s: %w", endpointFile(f), err)
	}
	return e, nil
}

// write replaces the file in one step, so that nobody reads half of it.
func (e Endpoint) write(f folder.Folder) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	fresh := endpointFile(f) + ".new"
	if err := os.WriteFile(fresh, append(text, '\n'), 0o600); err != nil { // the token is in it
		return err
	}
	return os.Rename(fresh, endpointFile(f))
}

// alive reports whether the endpoint's process still runs.
func (e Endpoint) alive() bool {
	if e.PID == 0 {
		return false
	}
	started, err := startTime(e.PID)
	return err == nil && started == e.Started
}

// signal sends a signal to the endpoint's process, if that still runs.
func (e Endpoint) signal(s syscall.Signal) error {
	if !e.alive() {
		return nil
	}
	if err := syscall.Kill(e.PID, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// startTime is field 22 of /proc/PID/stat (see proc_pid_stat(5)). The second field, the program's name in brackets, may
// have blanks and brackets itself, so fields are counted from behind it. A process that ended and was not yet waited for
// is as good as gone.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	stat := string(text)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has too few fields", pid)
	}
	if fields[0] == "Z" {
		return "", fs.ErrNotExist
	}
	return fields[19], nil
}
