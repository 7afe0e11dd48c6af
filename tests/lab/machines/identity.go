package machines

import (
	"io"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Identify is what distinguishes a lab's links, namespaces and cgroups from another's: six hex digits, derived only from its folder.
func Identify(f folder.Folder) (string, error) {
	l, err := locate(f, io.Discard)
	if err != nil {
		return "", err
	}
	return l.id, nil
}

// Router is the network namespace that routes in the lab of an id. Whatever else joins the lab's network has a link there.
func Router(id string) string { return (&Lab{id: id}).router() }
