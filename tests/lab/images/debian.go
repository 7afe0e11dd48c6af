package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/promwire/promwire/tests/lab/setup"
)

// packages are Debian's that images take files from.
var packages = []string{"busybox-static", "nginx"}

// debian is a folder of the packages' files, and of those that they need.
func (k kitchen) debian() (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(append(packages, setup.Debian, runtime.GOARCH), " ")))
	root := filepath.Join(k.dir(), "debian-"+hex.EncodeToString(sum[:])[:16])
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	fmt.Fprintf(k.log, "unpacking Debian's %s\n", strings.Join(packages, ", "))
	partial, err := os.MkdirTemp(k.dir(), "debian-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	unpacked := filepath.Join(partial, "root")
	if err := setup.Extract(k.ctx, unpacked, packages...); err != nil {
		return "", err
	}
	if err := os.Rename(unpacked, root); err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return "", err
	}
	return root, nil
}

// busybox is a shell and the usual commands, each a link to the one static program.
func busybox(k kitchen) (tree, error) {
	root, err := k.debian()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(root, "bin", "busybox")
	commands, err := applets(k.ctx, program)
	if err != nil {
		return nil, err
	}
	contents := tree{"/bin/busybox": {file: program, mode: 0o755}}
	for _, name := range commands {
		if name != "busybox" {
			contents["/bin/"+name] = node{link: "busybox"}
		}
	}
	return contents, nil
}

// applets are the commands that a busybox has.
func applets(ctx context.Context, program string) ([]string, error) {
	out, err := exec.CommandContext(ctx, program, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list the commands of %s: %w", program, err)
	}
	return strings.Fields(string(out)), nil
}

// nginx is the program and the libraries that it links to. It writes its log where containers do.
func nginx(k kitchen) (tree, error) {
	root, err := k.debian()
	if err != nil {
		return nil, err
	}
	contents := tree{
		"/usr/sbin/nginx":           {file: filepath.Join(root, "usr", "sbin", "nginx"), mode: 0o755},
		"/var/log/nginx/access.log": {link: "/dev/stdout"},
		"/var/log/nginx/error.log":  {link: "/dev/stderr"},
	}
	needed, err := libraries(root, "/usr/sbin/nginx")
	if err != nil {
		return nil, err
	}
	for _, path := range needed {
		contents[path] = node{file: filepath.Join(root, path), mode: 0o755}
	}
	return contents, nil
}
