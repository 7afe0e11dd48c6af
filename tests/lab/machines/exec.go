package machines

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// lastWords is how long what a killed command left behind may hold its output open. Killed from outside, a command's own
// children live on in the machine.
const lastWords = 5 * time.Second

// Exec runs a command as root inside a machine, from outside: no SSH, no firewall. It returns stdout; the error of a
// command that fails has what it wrote to stderr. The context's end ends the command.
func (l *Lab) Exec(ctx context.Context, name string, command ...string) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("%s: exec: %w", name, err) }
	if _, err := l.find(name); err != nil {
		return fail(err)
	}
	pid, err := l.groups.init(name)
	if err != nil {
		return fail(err)
	}
	args := []string{
		"--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
		"--", "env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, command...)...)
	cmd.WaitDelay = lastWords
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fail(fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(stderr.Bytes())))
	}
	return stdout.Bytes(), nil
}
