package setup

import (
	"context"
	"io"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Debian is the code name of the release that the operator's machine runs, and whose packages Extract unpacks.
const Debian = "bookworm"

func ensureImageTools(ctx context.Context, f folder.Folder, log io.Writer) error {
	return ensureBuilt(ctx, f, log, imageTools)
}

// Extract unpacks packages of Debian, with all that they need, into a folder that isn't there. Nothing
// is installed or started, neither on this machine nor in the folder. It needs root and the Packages.
func Extract(ctx context.Context, root string, packages ...string) error {
	sources, err := debianSources(ctx, Debian)
	if err != nil {
		return err
	}
	args := []string{
		"mmdebstrap", "--mode=root", "--variant=extract", "--format=directory", "--include=" + strings.Join(packages, ","),
		`--aptopt=APT::Install-Recommends "false"`, Debian, root,
	}
	_, err = run(ctx, command{args: append(args, strings.Split(strings.TrimSpace(sources), "\n")...)})
	return err
}
