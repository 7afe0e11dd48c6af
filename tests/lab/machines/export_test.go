package machines

import (
	"io"

	"github.com/promwire/promwire/tests/lab/folder"
)

// ID is what tells a lab's links, namespaces and cgroups.
func ID(run string) string {
	l, err := locate(folder.Folder{Run: run}, io.Discard)
	if err != nil {
		panic(err)
	}
	return l.id
}
