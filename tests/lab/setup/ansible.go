package setup

import (
	"context"
	"io"

	"github.com/promwire/promwire/tests/lab/folder"
)

// ansibleCommands are what a benchmark compares promwire with.
var ansibleCommands = []needed{{"ansible-playbook", "ansible-core"}}

func ensureAnsible(ctx context.Context, _ folder.Folder, log io.Writer) error {
	return ensureCommands(ctx, ansibleCommands, log)
}
