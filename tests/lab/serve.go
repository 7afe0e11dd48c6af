package main

import (
	"context"
	"os"

	"github.com/promwire/promwire/tests/lab/daemon"
)

// serve is the daemon. `up` starts it; nobody needs to call it by hand.
func serve(ctx context.Context, c *cli, args, rest []string) error {
	if err := noArguments(args, rest); err != nil {
		return err
	}
	return daemon.Serve(ctx, c.folder, os.Stderr)
}
