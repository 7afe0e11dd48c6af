package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/systemd"
)

// call is one command of a script: its words, and what it reads on standard input ("": nothing).
type call struct {
	words []string
	input string
}

// String is the command in bash. The input becomes a here-document in which nothing is expanded, so that the text in the script is
// the text of the file.
func (c call) String() string {
	quoted := make([]string, len(c.words))
	for i, word := range c.words {
		quoted[i] = quote(word)
	}
	line := strings.Join(quoted, " ")
	if c.input == "" {
		return line + "\n"
	}
	end := scripts.Delimiter(c.input)
	text := c.input
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return fmt.Sprintf("%s <<'%s'\n%s%s\n", line, end, text, end)
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quote makes a word one word of bash.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// function is a named part of a script.
type function struct {
	name  string
	calls []call
}

func (f function) String() string {
	var b strings.Builder
	b.WriteString(f.name + "() {\n")
	for _, c := range f.calls {
		b.WriteString(c.String())
	}
	b.WriteString("}\n")
	return b.String()
}

// script is a whole script: what it is, what it stands on, and a function for each verb, the first argument. Bash has read it to
// its end before anything runs. Commands inside have an empty standard input, because the real one is the script.
func script(title, library string, verbs ...function) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/usr/bin/env bash\n# promwire: %s\nset -euo pipefail\n\n%s\n", title, library)
	for _, verb := range verbs {
		b.WriteString(verb.String() + "\n")
	}
	b.WriteString("case ${1-} in\n")
	for _, verb := range verbs {
		if verb.name == apply && undoable(verbs) {
			b.WriteString(apply + " | " + update + ") WANTED=$1 " + apply + " </dev/null ;;\n")
			continue
		}
		fmt.Fprintf(&b, "%s) %s </dev/null ;;\n", verb.name, verb.name)
	}
	b.WriteString("*) echo \"promwire: bash -s -- VERB is missing\" >&2; exit 2 ;;\nesac\n")
	return b.String()
}

func undoable(verbs []function) bool {
	return slices.ContainsFunc(verbs, func(f function) bool { return f.name == undo })
}

// withUndo are the verbs of a script that can be undone, and replaced. command names what it makes on its host, among all that is counted
// there. The first call of make and of remove begins the script.
func withUndo(command string, make, remove []call) []function {
	return []function{
		{apply, append(slices.Clone(make), do("made", command))},
		{undo, slices.Insert(slices.Clone(remove), 1, do("unless_replaced", command))},
		{replace, []call{make[0], do("replaces", command)}},
	}
}

// do makes a command without input.
func do(words ...string) call { return call{words: words} }

// put is a file; check, if any, is the command that has to accept it. What all our units have in common stays in the library: the
// state has each script twice, and a unit is read faster without it.
func put(name, mode, text string, check ...string) call {
	words := append([]string{"put", name, mode}, check...)
	if strings.Contains(text, sandbox) {
		words = append([]string{"with_sandbox"}, words...)
		text = strings.Replace(text, sandbox, "$SANDBOX\n", 1)
	}
	return call{words: words, input: text}
}

// sandbox is systemd.Sandbox as it stands in a unit.
var sandbox = strings.Join(systemd.Sandbox(), "\n") + "\n"

// putText is put for one of the library's texts, by name.
func putText(text, name, mode string, check ...string) call {
	return do(append([]string{"from_library", text, "put", name, mode}, check...)...)
}

// inline is how a script brings functions that its host does not have yet: packed, because Pulumi's state has each script twice.
func inline(functions string) string {
	unpack, packed := scripts.Unpack(scripts.Lean(functions))
	return "functions=$(" + unpack + "\n" + packed + ")\neval \"$functions\"\n"
}
