package remote

import (
	"context"
	"fmt"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/retry"
)

// persist tries until try succeeds, with pauses from 100 ms to 5 s, each half as long again as the one before (the
// defaults of package retry). More than limit failures end it, which makes limit+1 tries; a negative limit is none.
func persist[T any](ctx context.Context, what string, limit int, try func() (T, error)) (T, error) {
	var result T
	done, _, err := retry.Until(ctx, retry.Acceptor{
		Accept: func(earlier int, _ time.Duration) (bool, any, error) {
			var err error
			if result, err = try(); err == nil {
				return true, nil, nil
			}
			if limit >= 0 && earlier >= limit {
				return true, nil, fmt.Errorf("after %d failed attempts: %w", earlier, err)
			}
			total := fmt.Sprint(limit)
			if limit == -1 {
				total = "inf"
			}
			p.GetLogger(ctx).InfoStatusf("%s %d/%s failed: retrying", what, earlier+1, total)
			return false, nil, nil
		},
	})
	if err == nil && !done {
		err = ctx.Err() // cancelled meanwhile
	}
	return result, err
}
