package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/fixture"
)

// sshConfig is a configuration of ssh(1) that pins a host's key and has the operator's: by alias, or by the host's address.
func (s *story) sshConfig(host string) (path, alias string) {
	s.t.Helper()
	path, alias, err := fixture.SSHConfig(s.t.Context(), s.lab.Folder, s.lab.Machines, s.machine(host))
	require.NoError(s.t, err)
	return path, alias
}

// ssh runs a command on a host as the operator does, by a fresh connection.
func (s *story) ssh(host, stdin, command string) (string, error) {
	s.t.Helper()
	config, alias := s.sshConfig(host)
	ctx, cancel := context.WithTimeout(s.t.Context(), s.patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", "-F", config, alias, command)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := output(cmd)
	return string(out), err
}

// printed is a line that the stack prints for people, as a command of the operator's shell: where ssh knows the monitor and has the
// operator's key, and kubectl the lab's clusters.
func (s *story) printed(ctx context.Context, line string) *exec.Cmd {
	s.t.Helper()
	config, _ := s.sshConfig("monitor-1")
	ssh, err := exec.LookPath("ssh")
	require.NoError(s.t, err)
	programs := s.t.TempDir()
	for name, command := range map[string]string{
		"ssh":     fmt.Sprintf("%q -F %q", ssh, config),
		"kubectl": fmt.Sprintf("%q kubectl", filepath.Join(s.lab.Folder.Bin(), "kubernetes")),
	} {
		script := "#!/bin/sh\nexec " + command + " \"$@\"\n"
		require.NoError(s.t, os.WriteFile(filepath.Join(programs, name), []byte(script), 0o700))
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "KUBECONFIG="+clusters.Kubeconfig(s.lab.Folder))
	return cmd
}
