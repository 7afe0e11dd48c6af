// Package secrets knows how a service of the monitor's reads the operator's secrets: each is a file of its own, and the service's
// configuration, in its own terms, has the file's path.
package secrets

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Folder has a file for each secret of one service, named as the secret. Only this service and root read them.
type Folder string

// File is the path of a secret.
func (f Folder) File(name string) string { return string(f) + "/" + name }

// Name is the secret that a text is the path of; "" if it is none.
func (f Folder) Name(text string) string {
	name, _ := strings.CutPrefix(text, f.File(""))
	if name == text {
		return ""
	}
	return name
}

// Names are the secrets that a document reads, sorted.
func (f Folder) Names(document any) []string {
	names := map[string]bool{}
	Each("", document, func(_, _, value string) {
		if name := f.Name(value); name != "" {
			names[name] = true
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// Each visits all texts of a document of maps and lists, with their paths and keys.
func Each(at string, value any, visit func(at, key, value string)) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			Each(strings.TrimPrefix(at+"."+key, "."), value[key], visit)
		}
	case []any:
		for i, element := range value {
			Each(fmt.Sprintf("%s[%d]", at, i), element, visit)
		}
	case string:
		visit(at, at[strings.LastIndex(at, ".")+1:], value)
	}
}
