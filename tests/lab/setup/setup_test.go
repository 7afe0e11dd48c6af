package setup

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// TestLock makes sure that a second set-up waits for the first, says so, and can be called off.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	unlock, err := lock(t.Context(), dir, &log)
	if err != nil || log.Len() > 0 {
		t.Fatalf("free: %v, said %q", err, &log)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*lockPoll)
		defer cancel()
		_, err := lock(ctx, dir, &log)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), dir) {
			t.Errorf("taken: %v", err)
		}
	})
	if strings.Count(log.String(), "waiting for another set-up in "+dir) != 1 {
		t.Errorf("said %q", &log)
	}
	unlock()
	again, err := lock(t.Context(), dir, &log)
	if err != nil {
		t.Fatalf("free again: %v", err)
	}
	again()
}
