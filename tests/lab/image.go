package main

import (
	"context"
	"errors"

	"github.com/promwire/promwire/tests/lab/images"
)

func image(ctx context.Context, c *cli, args, rest []string) error {
	if len(args) != 2 || len(rest) > 0 {
		return errors.New("an image's NAME and a FILE to write are needed")
	}
	return images.Write(ctx, c.folder, args[0], args[1], progress)
}
