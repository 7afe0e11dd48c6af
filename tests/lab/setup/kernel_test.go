//go:build vm

package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVirtualMachines makes the kernels (those that are there already are kept) and looks for what must, and must not, be in their layers.
func TestVirtualMachines(t *testing.T) {
	f := checkout(t)
	if err := Ensure(t.Context(), f, t.Output(), Packages, Image, Kernels); err != nil {
		t.Fatal(err)
	}
	for image, release := range Debians {
		t.Run(image, func(t *testing.T) {
			root, err := KernelFolder(f, image)
			if err != nil {
				t.Fatal(err)
			}
			for _, pattern := range []string{
				"vmlinuz", "initrd.img", "boot/config-*-cloud-amd64", "usr/sbin/qemu-ga", "usr/lib/modules/*/kernel/drivers/net/wireguard/wireguard.ko*",
			} {
				if found, err := filepath.Glob(filepath.Join(root, pattern)); err != nil || len(found) != 1 {
					t.Errorf("in the layer: %q, %v", found, err)
				} else if info, err := os.Stat(found[0]); err != nil || info.Size() == 0 { // links lead to what is there
					t.Errorf("%s: empty, or %v", found[0], err)
				}
			}
			for _, name := range []string{"etc/machine-id", "etc/resolv.conf", "etc/apt/sources.list.image", "usr/sbin/policy-rc.d"} {
				if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
					t.Errorf("%s is in the layer", name)
				}
			}
			if text, err := os.ReadFile(filepath.Join(root, "etc/apt/sources.list")); err != nil || !strings.HasPrefix(string(text), "deb [trusted=yes] file:") {
				t.Errorf("sources of apt, %s: %q, %v", release, text, err)
			}
		})
	}
}
