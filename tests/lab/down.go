package main

import (
	"context"
	"fmt"

	"github.com/promwire/promwire/tests/lab/fixture"
)

func down(ctx context.Context, c *cli, args, rest []string) error {
	if err := noArguments(args, rest); err != nil {
		return fmt.Errorf("%w: down ends the whole lab, destroy STACK removes one stack", err)
	}
	if !fixture.Exists(c.folder) {
		fmt.Fprintf(progress, "there is no lab in %s\n", c.folder.Run)
		return nil
	}
	return fixture.Close(ctx, c.folder, progress)
}
