package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/folder"
)

func TestOfRelease(t *testing.T) {
	const targets = "bookworm deb copy:/mirror bookworm main\n" +
		"bookworm-updates deb copy:/mirror bookworm-updates main\n" +
		"bookworm-security deb copy:/security bookworm-security main\n" +
		"bookworm-backports deb copy:/mirror bookworm-backports main\n" +
		"trixie deb copy:/mirror trixie main\n" +
		" deb copy:/nameless stable main\n"
	const want = "deb copy:/mirror bookworm main\n" +
		"deb copy:/mirror bookworm-updates main\n" +
		"deb copy:/security bookworm-security main\n"
	if got := ofRelease(targets, "bookworm"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got, want := ofRelease(targets, "trixie"), strings.ReplaceAll(want, "bookworm", "trixie"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestImageFolderBeforeImage(t *testing.T) {
	f := folder.Folder{Cache: t.TempDir()}
	if _, err := ImageFolder(f, "debian-12-x64"); err == nil || !strings.Contains(err.Error(), "setup.Ensure") {
		t.Errorf("got %v", err)
	}
}

// TestImage makes the images (those that are there already are kept) and looks for what must, and must not, be in them.
func TestImage(t *testing.T) {
	f := checkout(t)
	if err := Ensure(t.Context(), f, t.Output(), Packages, Image); err != nil {
		t.Fatal(err)
	}
	for image, release := range Debians {
		t.Run(image, func(t *testing.T) {
			root, err := ImageFolder(f, image)
			if err != nil {
				t.Fatal(err)
			}
			lookInto(t, root, release)
		})
	}
}

func lookInto(t *testing.T, root, release string) {
	for _, pattern := range []string{"etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "root/.ssh/*", "etc/apt/sources.list.d/*", "usr/bin/wg", "usr/sbin/nft", "usr/bin/curl", "usr/bin/prometheus-*", "usr/bin/redis*"} {
		if found, err := filepath.Glob(filepath.Join(root, pattern)); err != nil || len(found) > 0 {
			t.Errorf("in the image: %q, %v", found, err)
		}
	}
	read := func(path string) string {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	if says := read("etc/os-release"); !strings.Contains(says, "VERSION_CODENAME="+release+"\n") {
		t.Errorf("not %s: %s", release, says)
	}
	if id := read("etc/machine-id"); id != "" {
		t.Errorf("machine-id is %q", id)
	}
	if sources := read("etc/apt/sources.list"); sources != "deb [trusted=yes] file:/opt/packages ./\n" {
		t.Errorf("sources of apt: %q", sources)
	}
	var names []string
	for line := range strings.Lines(read("opt/packages/Packages")) {
		if name, ok := strings.CutPrefix(line, "Package: "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	for _, name := range availableIn(release) {
		if !slices.Contains(names, name) {
			t.Errorf("package %s is not in the repository", name)
		}
	}
}
