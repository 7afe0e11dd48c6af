package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// errorTail is how many of a failed command's last bytes its error shows.
const errorTail = 2000

// command is a program to run.
type command struct {
	dir  string   // where; the current folder if empty
	env  []string // added to this process's environment
	args []string // the program and its arguments
}

// run runs a command and returns what it wrote to stdout. The error of one that fails names it and ends with what it said.
func run(ctx context.Context, c command) (string, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	var stdout, said bytes.Buffer
	cmd.Stdout = &stdout
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		tail := append(stdout.Bytes(), said.Bytes()...)
		tail = tail[max(0, len(tail)-errorTail):]
		return "", fmt.Errorf("%s: %w: %s", strings.Join(c.args, " "), err, bytes.TrimSpace(tail))
	}
	return stdout.String(), nil
}
