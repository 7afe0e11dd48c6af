package machines

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// run runs a command with the text on its stdin and returns its stdout. The error of one that fails has its stderr.
func run(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = lastWords
	var stdout, stderr bytes.Buffer
	cmd.Stdout = &stdout
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// in makes a command run in a network namespace. Unlike `ip netns exec` it does not change the mounts.
func in(namespace string, args ...string) []string {
	return append([]string{"nsenter", "--net=" + namespaceFile(namespace), "--"}, args...)
}

// namespaceFile is where ip-netns(8) keeps a named namespace.
func namespaceFile(namespace string) string { return "/run/netns/" + namespace }
