package machines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lastWords is how long what a killed command left behind may hold its output open. Killed from outside, a command's own
// children live on in the machine.
const lastWords = 5 * time.Second

// environment is what a command inside a machine has, whatever started it.
var environment = []string{
	"env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

// Exec runs a command as root inside a machine, from outside: no SSH, no firewall. It returns stdout; the error of a
// command that fails has what it wrote to stderr. The context's end ends the command. A machine with a kernel of its own must have booted
// before: Exec waits for that.
func (l *Lab) Exec(ctx context.Context, name string, command ...string) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("%s: exec: %w", name, err) }
	r, err := l.find(name)
	if err != nil {
		return fail(err)
	}
	inside := l.execContainer
	if r.Boot == Virtual {
		inside = l.execVirtual
	}
	stdout, stderr, err := inside(ctx, name, append(slices.Clip(environment), command...))
	if errors.Is(err, errOff) {
		return fail(err)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fail(fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, bytes.TrimSpace(stderr)))
	}
	return stdout, nil
}

// execContainer runs a command in the namespaces of a container.
func (l *Lab) execContainer(ctx context.Context, name string, command []string) (stdout, stderr []byte, err error) {
	pid, err := l.groups.init(name)
	if err != nil {
		return nil, nil, err
	}
	args := []string{"--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, command...)...)
	cmd.WaitDelay = lastWords
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.Bytes(), said.Bytes(), err
}
