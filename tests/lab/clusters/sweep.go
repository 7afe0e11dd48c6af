package clusters

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Sweep ends all clusters of a lab, also after a crash, and removes what they are made of. It works from what is there, not from
// records. It is not an error if there are no clusters. The machines' own Sweep, which removes the router, comes after it.
func Sweep(ctx context.Context, f folder.Folder, log io.Writer) error {
	l, err := locate(f, log)
	if err != nil {
		return fmt.Errorf("sweep clusters: %w", err)
	}
	if there, err := l.anything(); err != nil || !there {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("sweep clusters: %w", errRoot)
	}
	if err := l.sweep(ctx); err != nil {
		return fmt.Errorf("sweep clusters: %w", err)
	}
	fmt.Fprintf(log, "ended all clusters of %s\n", f.Run)
	return nil
}

// anything reports whether there can be something to sweep.
func (l *lab) anything() (bool, error) {
	for _, pattern := range []string{
		l.folder, filepath.Join(l.groups.unified, l.groups.name), "/sys/class/net/" + l.linkPrefix() + "*", "/run/netns/" + l.namespace("*"),
	} {
		if found, err := filepath.Glob(pattern); len(found) > 0 || err != nil {
			return true, err
		}
	}
	return false, nil
}

func (l *lab) sweep(ctx context.Context) error {
	if err := l.groups.kill(ctx, ""); err != nil {
		return err
	}
	records, err := l.records()
	if err != nil {
		return err
	}
	for _, r := range records { // their ends at the router; they go with the router at the latest
		if err := l.disconnect(ctx, r); err != nil {
			return err
		}
	}
	link := func(name string) bool { return strings.HasPrefix(name, l.linkPrefix()) }
	namespace := func(name string) bool { return strings.HasPrefix(name, l.namespace("")) }
	if err := l.unplug(ctx, link, namespace); err != nil {
		return err
	}
	return os.RemoveAll(l.folder)
}
