package operator

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Exec runs a command on a machine as root, from outside and not over SSH, and returns its stdout.
type Exec func(ctx context.Context, machine string, command ...string) ([]byte, error)

// Connections counts the SSH connections that each of the machines has accepted since it booted, whoever made them: one
// through a bastion counts on the bastion too. It reads the journals of the machines' sshd (sshd-session since OpenSSH
// 9.8), so it is right with any plugin.
func Connections(ctx context.Context, exec Exec, machines ...string) (map[string]int, error) {
	const count = `journalctl --boot --no-pager --output=cat --identifier=sshd --identifier=sshd-session | grep --count '^Accepted ' || true`
	counts := make(map[string]int, len(machines))
	for _, machine := range machines {
		printed, err := exec(ctx, machine, "/bin/sh", "-c", count)
		if err != nil {
			return nil, fmt.Errorf("count the SSH connections of %s: %w", machine, err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(printed)))
		if err != nil {
			return nil, fmt.Errorf("count the SSH connections of %s: %w", machine, err)
		}
		counts[machine] = n
	}
	return counts, nil
}
