// Package wait asks again and again, for what tells nobody when it has come about.
package wait

import (
	"context"
	"time"
)

// pause is the time between two questions: short beside what the lab waits for, and long beside the time that an answer takes.
const pause = 20 * time.Millisecond

// Until asks until the answer is yes, an error, or the context's end, which is an error too.
func Until(ctx context.Context, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
