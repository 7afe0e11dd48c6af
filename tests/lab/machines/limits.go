package machines

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
)

// Each machine's systemd takes about eight inotify instances, all of root's, and the kernel's 128 are enough for sixteen
// machines. The value that was there before the first lab is kept where it goes with the next boot, as the setting does.
const (
	inotifyFile   = "/proc/sys/fs/inotify/max_user_instances"
	inotifyBefore = "/run/promwire-lab.max_user_instances"
	inotifyWanted = 4096
)

// raiseLimits lets many machines run. The caller holds the machine-wide lock.
func raiseLimits() error {
	text, err := os.ReadFile(inotifyFile)
	if err != nil {
		return err
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || now >= inotifyWanted {
		return err
	}
	if err := os.WriteFile(inotifyBefore, text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(inotifyFile, []byte(strconv.Itoa(inotifyWanted)), 0)
}

// restoreLimits restores the limits when no lab is left, unless somebody else changed them meanwhile. The caller holds the
// machine-wide lock.
func restoreLimits() error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, link := range links {
		if strings.HasPrefix(link.Name, linkPrefix) {
			return nil
		}
	}
	before, err := os.ReadFile(inotifyBefore)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now, err := os.ReadFile(inotifyFile)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(now)) == strconv.Itoa(inotifyWanted) {
		if err := os.WriteFile(inotifyFile, before, 0); err != nil {
			return err
		}
	}
	return os.Remove(inotifyBefore)
}
