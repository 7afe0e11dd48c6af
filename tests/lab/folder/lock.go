package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/promwire/promwire/tests/lab/wait"
)

// Lock takes a directory for one caller, in this process or another, until unlock or the end of the process. It waits its turn.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	err = wait.Until(ctx, func() (bool, error) {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return false, nil
		}
		return true, err
	})
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { d.Close() }, nil
}
