package setup

import (
	"context"
	"io"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Chromium is the browser that tests look at the fleet page with, by its command.
const Chromium = "chromium"

var browserCommands = []needed{{Chromium, "chromium"}}

func ensureBrowser(ctx context.Context, _ folder.Folder, log io.Writer) error {
	return ensureCommands(ctx, browserCommands, log)
}
