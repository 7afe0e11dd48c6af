package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// needed is a program of the operator's machine, by its name or path, and the Debian package that has it.
type needed struct{ name, debian string }

// commands are what the lab and its tests run.
var commands = []needed{
	{"apt-ftparchive", "apt-utils"},
	{"bash", "bash"},
	{"curl", "curl"},
	{"flock", "util-linux"},
	{"ip", "iproute2"},
	{"mmdebstrap", "mmdebstrap"},
	{"nft", "nftables"},
	{"nsenter", "util-linux"},
	{"openssl", "openssl"},
	{"shellcheck", "shellcheck"},
	{"ssh", "openssh-client"},
	{"ssh-keygen", "openssh-client"},
	{"stunnel4", "stunnel4"},
	{"sysctl", "procps"},
	{"systemd-nspawn", "systemd-container"},
	{"unshare", "util-linux"},
	{"wg", "wireguard-tools"},
	{"wg-quick", "wireguard-tools"},
}

// systemFolders hold commands for root, which an ordinary user's PATH leaves out.
var systemFolders = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

func ensurePackages(ctx context.Context, _ folder.Folder, log io.Writer) error {
	return ensureCommands(ctx, commands, log)
}

// ensureCommands installs the packages of the commands that are missing, which takes root and apt.
func ensureCommands(ctx context.Context, commands []needed, log io.Writer) error {
	absent, packages := missing(commands, find)
	if len(packages) == 0 {
		return nil
	}
	install := "apt-get install --no-install-recommends " + strings.Join(packages, " ")
	if _, ok := find("apt-get"); !ok {
		return fmt.Errorf("missing %s, and this machine has no apt: install what Debian calls %s",
			strings.Join(absent, ", "), strings.Join(packages, ", "))
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("missing %s: as root, run: %s", strings.Join(absent, ", "), install)
	}
	fmt.Fprintf(log, "installing Debian packages: %s\n", strings.Join(packages, " "))
	// Without recommended packages, or wireguard-tools installs a kernel.
	apt := []string{"apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300"}
	environment := []string{"DEBIAN_FRONTEND=noninteractive"}
	for _, args := range [][]string{{"update"}, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)} {
		if _, err := run(ctx, command{env: environment, args: slices.Concat(apt, args)}); err != nil {
			return fmt.Errorf("%w; run it by hand: %s", err, install)
		}
	}
	if absent, _ := missing(commands, find); len(absent) > 0 {
		return fmt.Errorf("%s still missing after: %s", strings.Join(absent, ", "), install)
	}
	return nil
}

// missing lists the commands that are not there and the packages that have them, each sorted and once.
func missing(commands []needed, find func(string) (string, bool)) (absent, packages []string) {
	for _, c := range commands {
		if _, ok := find(c.name); !ok {
			absent = append(absent, c.name)
			packages = append(packages, c.debian)
		}
	}
	slices.Sort(packages)
	return absent, slices.Compact(packages)
}

// find looks for a command in PATH and where the system keeps root's.
func find(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range systemFolders {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}
