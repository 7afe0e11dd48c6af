package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Command is the lab's subcommand that calls Serve.
const Command = "cloud"

// poll is how often a file or a process is looked at that is waited for.
const poll = 50 * time.Millisecond

// Running returns the endpoint of a lab's daemon, and whether it runs.
func Running(f folder.Folder) (Endpoint, bool, error) {
	e, err := read(f)
	return e, err == nil && e.alive(), err
}

// Start returns the endpoint of a lab's daemon, which it starts if there is none. The daemon outlives this process. Only
// one of several processes that call Start at once starts it.
func Start(ctx context.Context, f folder.Folder, log io.Writer) (Endpoint, error) {
	unlock, err := lock(filepath.Join(f.Run, "daemon.lock"))
	if err != nil {
		return Endpoint{}, fmt.Errorf("start the lab's daemon: %w", err)
	}
	defer unlock()
	if e, running, err := Running(f); err != nil || running {
		return e, err
	}
	binary, err := build(ctx, f)
	if err != nil {
		return Endpoint{}, fmt.Errorf("start the lab's daemon: %w", err)
	}
	e, err := spawn(ctx, f, binary)
	if err != nil {
		return Endpoint{}, fmt.Errorf("start the lab's daemon: %w", err)
	}
	fmt.Fprintf(log, "the lab's cloud is at %s\n", e.API)
	return e, nil
}

// build compiles the lab into its cache: `go run` and `go test` remove their own binaries when they end.
func build(ctx context.Context, f folder.Folder) (string, error) {
	binary := filepath.Join(f.Bin(), "lab")
	partial := fmt.Sprintf("%s.%d", binary, os.Getpid())
	defer os.Remove(partial)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", partial, "./tests/lab")
	cmd.Dir = f.Source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the lab: %w\n%s", err, out)
	}
	return binary, os.Rename(partial, binary)
}

// spawn starts the daemon in a session of its own and waits until it serves.
func spawn(ctx context.Context, f folder.Folder, binary string) (Endpoint, error) {
	logFile := filepath.Join(f.Logs(), "daemon.log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Endpoint{}, err
	}
	defer log.Close()
	cmd := exec.Command(binary, Command, "-dir", f.Run)
	cmd.Dir = f.Source
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Endpoint{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if e, running, err := Running(f); err != nil || running && e.PID == cmd.Process.Pid {
			return e, err
		}
		select {
		case err := <-ended:
			return Endpoint{}, fmt.Errorf("it ended at once (%w); the end of %s:\n%s", err, logFile, tail(logFile))
		case <-ctx.Done():
			return Endpoint{}, errors.Join(ctx.Err(), cmd.Process.Kill())
		case <-time.After(poll):
		}
	}
}

// tail is the last lines of a file.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// Stop ends a lab's daemon and waits until it is gone: with SIGTERM, and after ten seconds with SIGKILL. It is not an error if there is none.
func Stop(ctx context.Context, f folder.Folder) error {
	e, err := read(f)
	if err != nil {
		return err
	}
	if err := e.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the lab's daemon: %w", err)
	}
	for patience := time.After(10 * time.Second); e.alive(); {
		select {
		case <-patience:
			if err := e.signal(syscall.SIGKILL); err != nil {
				return fmt.Errorf("stop the lab's daemon: %w", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
	return nil
}

// lock locks a file for this process, and waits for that. The lock ends with the process at the latest.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { file.Close() }, nil
}
