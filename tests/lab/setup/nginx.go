package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Nginx is the path of an nginx: the machine's own, or else Debian's, unpacked in the lab's cache. It is not installed, because Debian
// starts what it installs.
func Nginx(ctx context.Context, f folder.Folder, log io.Writer) (string, error) {
	if path, ok := find("nginx"); ok {
		return path, nil
	}
	path, err := nginx(ctx, f, log)
	if err != nil {
		return "", fmt.Errorf("unpack nginx: %w", err)
	}
	return path, nil
}

func nginx(ctx context.Context, f folder.Folder, log io.Writer) (string, error) {
	if err := f.Make(); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, f.Cache, log)
	if err != nil {
		return "", err
	}
	defer unlock()
	root := filepath.Join(f.Cache, "nginx")
	path := filepath.Join(root, "usr", "sbin", "nginx")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintln(log, "downloading nginx")
	partial, err := os.MkdirTemp(f.Cache, "nginx-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if err := download(ctx, partial, "nginx"); err != nil {
		return "", err
	}
	packages, err := filepath.Glob(filepath.Join(partial, "nginx_*.deb"))
	if err != nil || len(packages) != 1 {
		return "", fmt.Errorf("apt-get left %d packages in %s", len(packages), partial)
	}
	unpacked := filepath.Join(partial, "root")
	if _, err := run(ctx, command{args: []string{"dpkg-deb", "--extract", packages[0], unpacked}}); err != nil {
		return "", err
	}
	return path, os.Rename(unpacked, root)
}

// download fetches a Debian package into a folder, with fresh lists if those that are there don't do.
func download(ctx context.Context, folder, name string) error {
	get := command{dir: folder, args: []string{"apt-get", "--quiet", "download", name}}
	if _, err := run(ctx, get); err == nil {
		return nil
	}
	if _, err := run(ctx, command{args: []string{"apt-get", "--quiet", "update"}}); err != nil {
		return err
	}
	_, err := run(ctx, get)
	return err
}
