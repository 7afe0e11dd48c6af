package document

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is one thing wrong with the settings.
type Problem struct {
	Path    string // where, such as "targets[2].region"
	Message string // what is wrong, and what to do

	// meant is the path of the key that was probably meant, if Path is an unknown key. What is wrong there (most likely that
	// it's missing) is a consequence of this problem and no news.
	meant string
}

// Error is the path and the message.
func (p Problem) Error() string { return p.Path + ": " + p.Message }

// Problems gathers problems, so that an author sees all of them at once. The zero value is empty and ready.
type Problems []Problem

// Add notes a problem. Format and args are those of fmt.Sprintf.
func (ps *Problems) Add(path, format string, args ...any) {
	*ps = append(*ps, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Merge appends those of more that no problem so far explains.
func (ps *Problems) Merge(more Problems) {
	known := *ps
	for _, p := range more {
		if !known.explain(p.Path) {
			*ps = append(*ps, p)
		}
	}
}

// explain says whether one of the problems is at the path or above it.
func (ps Problems) explain(path string) bool {
	for _, p := range ps {
		if p.Path == Root || within(path, p.Path) || (p.meant != "" && within(path, p.meant)) {
			return true
		}
	}
	return false
}

func within(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Err joins the problems to one error, a line each; nil if there are none.
func (ps Problems) Err() error {
	all := make([]error, len(ps))
	for i, p := range ps {
		all[i] = p
	}
	return errors.Join(all...)
}
