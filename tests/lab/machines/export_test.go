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

// NamespaceFile is where a machine's network namespace is while there is one.
func (l *Lab) NamespaceFile(name string) string { return namespaceFile(l.namespace(name)) }
