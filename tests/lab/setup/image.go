package setup

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
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

// Debians are the code names of the Debian releases that machines run, by the cloud's name of an image.
var Debians = map[string]string{"debian-12-x64": "bookworm", "debian-13-x64": "trixie"}

// installed is what the image has beyond Debian's minimal base: what a cloud's own image has, and no more.
var installed = []string{
	"ca-certificates", "cloud-init", "dbus", "iproute2", "iputils-ping", "kmod", "locales", "netbase", "openssh-server",
	"procps", "sudo", "systemd", "systemd-sysv",
}

// available is what machines can install with apt, from a repository inside the image, for they can't reach any other: what
// promwire installs, exporters' packages among it, the servers that these exporters look at, and what a machine in use has beside promwire.
var available = []string{
	"apache2", "busybox-static", "crun", "curl", "docker.io", "fail2ban", "firewalld", "keepalived", "nftables", "postgresql", "prometheus",
	"prometheus-apache-exporter", "prometheus-postgres-exporter", "prometheus-process-exporter", "prometheus-redis-exporter",
	"prometheus-squid-exporter", "python3-systemd", "redis-server", "squid", "stunnel4", "ufw", "wireguard-go", "wireguard-tools",
}

// split are packages that only some of Debians have: elsewhere others have their contents.
var split = map[string][]string{"trixie": {"docker-cli"}}

// availableIn are those that machines with a release can install.
func availableIn(release string) []string { return slices.Concat(available, split[release]) }

// imageFiles is the script that finishes the image, and the files which it puts there.
//
//go:embed image
var imageFiles embed.FS

// ImageFolder is the root file system of machines with an image, one of Debians, which nobody may write to. It is an error if Ensure has
// not made the Image.
func ImageFolder(f folder.Folder, image string) (string, error) {
	path, err := imagePath(f, Debians[image])
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find the machines' image: %w; make it with setup.Ensure", err)
	}
	return path, nil
}

// imagePath has the image's key in it, so that machines which run keep the image they were started from.
func imagePath(f folder.Folder, release string) (string, error) {
	digest := sha256.New()
	fmt.Fprintln(digest, release, runtime.GOARCH, installed, availableIn(release))
	if err := hashFiles(digest, imageFiles); err != nil {
		return "", err
	}
	return filepath.Join(f.Cache, "image", hex.EncodeToString(digest.Sum(nil))[:16]), nil
}

func ensureImages(ctx context.Context, f folder.Folder, log io.Writer) error {
	for _, image := range slices.Sorted(maps.Keys(Debians)) {
		if err := ensureImage(ctx, f, log, Debians[image]); err != nil {
			return err
		}
	}
	return nil
}

// ensureImage makes the image of a release beside its place and moves it there when it is whole.
func ensureImage(ctx context.Context, f folder.Folder, log io.Writer, release string) error {
	path, err := imagePath(f, release)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("making the machines' image needs root: run the lab as root")
	}
	sources, err := debianSources(ctx, release)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "making the machines' image, Debian %s\n", release)
	start := time.Now()
	partial := path + ".partial"
	if err := os.RemoveAll(partial); err != nil { // of a build that was killed
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := bootstrap(ctx, partial, release, sources); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	fmt.Fprintf(log, "made the machines' image in %s\n", time.Since(start).Round(time.Second))
	return nil
}

// bootstrap installs a release of Debian into a folder and has image/finish.sh finish it.
func bootstrap(ctx context.Context, root, release, sources string) error {
	work, err := os.MkdirTemp("", "promwire-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, imageFiles); err != nil {
		return err
	}
	finish := filepath.Join(work, "image", "finish.sh")
	if err := os.Chmod(finish, 0o755); err != nil {
		return err
	}
	list := filepath.Join(work, "sources.list")
	if err := os.WriteFile(list, []byte(sources), 0o644); err != nil {
		return err
	}
	_, err = run(ctx, command{
		env: []string{"PACKAGES=" + strings.Join(availableIn(release), " ")},
		args: []string{
			"mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
			"--include=" + strings.Join(installed, ","),
			`--aptopt=APT::Install-Recommends "false"`,
			"--customize-hook=" + finish,
			release, root, list,
		},
	})
	return err
}

// debianSources are the machine's own apt sources of Debian, for a release, as lines of a sources.list. apt-get tells them by what
// their signed Release files say, so that third parties' sources are left out whatever their names.
func debianSources(ctx context.Context, release string) (string, error) {
	list := func() (string, error) {
		return run(ctx, command{args: []string{
			"apt-get", "indextargets", "--format", "$(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
			"Origin: Debian", "Created-By: Packages",
		}})
	}
	out, err := list()
	if err != nil {
		return "", err
	}
	sources := ofRelease(out, release)
	if sources == "" { // a machine that never ran it knows no origins
		if _, err := run(ctx, command{args: []string{"apt-get", "--quiet", "update"}}); err != nil {
			return "", err
		}
		if out, err = list(); err != nil {
			return "", err
		}
		sources = ofRelease(out, release)
	}
	if sources == "" {
		return "", fmt.Errorf("this machine's apt has no source of Debian %s: add one to /etc/apt/sources.list.d", Debian)
	}
	return sources, nil
}

// ofRelease keeps this machine's sources of Debian and its updates ("bookworm-security"), and makes them those of a release: the same
// archives have all releases.
func ofRelease(targets, release string) string {
	var lines strings.Builder
	for line := range strings.Lines(targets) {
		codename, source, _ := strings.Cut(line, " ")
		if codename == Debian || codename == Debian+"-security" || codename == Debian+"-updates" {
			lines.WriteString(strings.Replace(source, " "+Debian, " "+release, 1))
		}
	}
	return lines.String()
}
