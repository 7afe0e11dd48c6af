package machines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Sweep ends everything of the lab of a folder, also after a crash: machines, network, and what they changed on the
// operator's machine. What is not the lab's stays. It is not an error if there is no lab.
func Sweep(ctx context.Context, f folder.Folder, log io.Writer) error {
	l, err := locate(f, log)
	if err != nil {
		return fmt.Errorf("sweep lab: %w", err)
	}
	if !l.anything() {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("sweep lab: %w", errRoot)
	}
	if err := l.sweep(ctx); err != nil {
		return fmt.Errorf("sweep lab: %w", err)
	}
	fmt.Fprintf(log, "ended all machines of %s\n", f.Run)
	return nil
}

// anything reports whether there can be something to sweep.
func (l *Lab) anything() bool {
	for _, path := range []string{l.folder, l.groups.unified, l.groups.named, namespaceFile(l.router()), inotifyBefore, "/sys/class/net/" + l.link()} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// sweep works from what is there, not from records: processes first, the records last.
func (l *Lab) sweep(ctx context.Context) error {
	unlock, err := folder.Lock(ctx, machineWide)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.groups.kill(ctx, ""); err != nil {
		return err
	}
	if err := l.closeNetwork(ctx); err != nil {
		return err
	}
	if err := restoreLimits(); err != nil {
		return err
	}
	if err := os.RemoveAll(l.folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
