package setup

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
)

// virtualCommands are what boots machines with a kernel of their own, and makes their disks.
var virtualCommands = []needed{
	{"mkfs.ext4", "e2fsprogs"},
	{"qemu-system-x86_64", "qemu-system-x86"},
}

// kernelPackages are what such a machine has beyond the image of its release: Debian's kernel for clouds, what makes the initial file
// system from which it boots, and the agent by which the lab runs commands inside.
var kernelPackages = []string{"initramfs-tools", "linux-image-cloud-amd64", "qemu-guest-agent"}

//go:embed kernel.sh
var kernelScript string

// KernelFolder is the layer that stands above the ImageFolder of an image, one of Debians, on the disks of machines with a kernel of their
// own. It has that kernel as vmlinuz and initrd.img. Nobody may write to it. It is an error if Ensure has not made the Kernels.
func KernelFolder(f folder.Folder, image string) (string, error) {
	below, err := imagePath(f, Debians[image])
	if err != nil {
		return "", err
	}
	path := kernelPath(f, below)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find the machines' kernel: %w; make it with setup.Ensure", err)
	}
	return path, nil
}

// kernelPath has a key in it, as the image's has. The layer is useless above another image.
func kernelPath(f folder.Folder, image string) string {
	digest := sha256.New()
	fmt.Fprintln(digest, filepath.Base(image), kernelPackages)
	fmt.Fprint(digest, kernelScript)
	return filepath.Join(f.Cache, "kernel", hex.EncodeToString(digest.Sum(nil))[:16])
}

func ensureKernels(ctx context.Context, f folder.Folder, log io.Writer) error {
	if runtime.GOARCH != "amd64" {
		return errors.New("machines with a kernel of their own are those of amd64 only: leave -vm out")
	}
	if err := ensureCommands(ctx, virtualCommands, log); err != nil {
		return err
	}
	for _, image := range slices.Sorted(maps.Keys(Debians)) {
		if err := ensureKernel(ctx, f, log, image); err != nil {
			return err
		}
	}
	return nil
}

// ensureKernel makes the layer of an image beside its place and moves it there when it is whole.
func ensureKernel(ctx context.Context, f folder.Folder, log io.Writer, image string) error {
	below, err := ImageFolder(f, image)
	if err != nil {
		return err
	}
	path := kernelPath(f, below)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return errors.New("making the machines' kernel needs root: run the lab as root")
	}
	fmt.Fprintf(log, "making the machines' kernel, Debian %s\n", Debians[image])
	start := time.Now()
	partial := path + ".partial"
	if err := os.RemoveAll(partial); err != nil { // of a build that was killed
		return err
	}
	if err := layer(ctx, partial, below, Debians[image]); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(partial, "layer"), path); err != nil {
		return err
	}
	fmt.Fprintf(log, "made the machines' kernel in %s\n", time.Since(start).Round(time.Second))
	return os.RemoveAll(partial)
}

// layer has kernel.sh install the packages above an image, in the folder "layer" of another one.
func layer(ctx context.Context, dir, image, release string) error {
	sources, err := debianSources(ctx, release)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	for _, name := range []string{"layer", "work", "root"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	list := filepath.Join(dir, "sources.list")
	if err := os.WriteFile(list, []byte(sources), 0o644); err != nil {
		return err
	}
	if image, err = filepath.EvalSymlinks(image); err != nil {
		return err
	}
	_, err = run(ctx, command{
		env: []string{
			"IMAGE=" + image, "LAYER=" + filepath.Join(dir, "layer"), "WORK=" + filepath.Join(dir, "work"), "ROOT=" + filepath.Join(dir, "root"),
			"SOURCES=" + list, "PACKAGES=" + strings.Join(kernelPackages, " "),
		},
		args: []string{"unshare", "--mount", "--", "bash", "-c", kernelScript, "kernel.sh"},
	})
	return err
}
