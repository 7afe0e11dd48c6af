package clusters

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Exec runs a command as root on a cluster's node, in no pod. It returns stdout; the error of a command that fails has what it
// wrote to stderr.
func Exec(ctx context.Context, f folder.Folder, cluster string, command ...string) ([]byte, error) {
	l, err := locate(f, io.Discard)
	if err != nil {
		return nil, fmt.Errorf("%s: exec: %w", cluster, err)
	}
	out, err := l.exec(ctx, cluster, "", command...)
	if err != nil {
		return out, fmt.Errorf("%s: exec: %w", cluster, err)
	}
	return out, nil
}

// Kubectl runs kubectl as a cluster's administrator, on its node: it works whatever the kubeconfig says. It returns stdout; the
// error of a command that fails has what it wrote to stderr.
func Kubectl(ctx context.Context, f folder.Folder, cluster, stdin string, args ...string) ([]byte, error) {
	l, err := locate(f, io.Discard)
	if err != nil {
		return nil, fmt.Errorf("%s: kubectl: %w", cluster, err)
	}
	out, err := l.kubectl(ctx, cluster, stdin, args...)
	if err != nil {
		return out, fmt.Errorf("%s: kubectl: %w", cluster, err)
	}
	return out, nil
}

func (l *lab) exec(ctx context.Context, cluster, stdin string, command ...string) ([]byte, error) {
	args, err := l.enter(cluster)
	if err != nil {
		return nil, err
	}
	return run(ctx, stdin, append(args, command...)...)
}

// enter begins a command line that runs on a node.
func (l *lab) enter(cluster string) ([]string, error) {
	pid, err := l.groups.init(cluster)
	if err != nil {
		return nil, err
	}
	return []string{
		"nsenter", "--target", strconv.Itoa(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd",
		"--", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
		"PATH=/node/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}, nil
}

// load imports an image from an archive.
func (l *lab) load(ctx context.Context, cluster string, archive io.Reader) error {
	args, err := l.enter(cluster)
	if err != nil {
		return err
	}
	args = slices.Concat(args, ctr, []string{"images", "import", "-"})
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin = archive
	cmd.WaitDelay = lastWords
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
