package plan

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/promwire/promwire/provisioners/scripts"
)

// call is one command of a script: its words, and what it reads on standard input ("": nothing). Where the input has a name, it is one
// of the library's texts.
type call struct {
	words []string
	input string
	name  string
}

// String is the command in bash. The input becomes a here-document in which nothing is expanded, so that the text in the script is
// the text of the file.
func (c call) String() string {
	words := c.words
	if c.name != "" {
		words = append([]string{"from_library", c.name}, words...)
	}
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	line := strings.Join(quoted, " ")
	if c.input == "" || c.name != "" {
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
		fmt.Fprintf(&b, "%s) %s </dev/null ;;\n", verb.name, verb.name)
	}
	b.WriteString("*) echo \"promwire: bash -s -- VERB is missing\" >&2; exit 2 ;;\nesac\n")
	return b.String()
}

// do makes a command without input.
func do(words ...string) call { return call{words: words} }

// put is a file; check, if any, is the command that has to accept it.
func put(name, mode, text string, check ...string) call {
	return call{words: append([]string{"put", name, mode}, check...), input: text}
}

// putText is put for a text that no setting changes, called name in the library: it travels with that, packed.
func putText(name, path, mode, text string, check ...string) call {
	c := put(path, mode, text, check...)
	c.name = name
	return c
}

// texts are those that calls take from the library, by name.
func texts(calls []call) map[string]string {
	all := map[string]string{}
	for _, c := range calls {
		if c.name != "" {
			all[c.name] = c.input
		}
	}
	return all
}

// use begins a script that stands on the library which the host has. One that names no version takes any: what undoes may be older than
// the plan that the host has got since.
func use(host, verb, version string) call {
	if version == "" {
		return do("use", host, verb)
	}
	return do("use", host, verb, version)
}

// head is what such a script begins with.
var head = scripts.Lean(scripts.Use)

// installLibrary is the function that writes the library to the host, for the plan and for later commands, unless it is there. It is
// packed, because Pulumi's state holds each script twice.
func installLibrary(library scripts.Library) string {
	unpack, packed := scripts.Unpack(library.Text())
	return fmt.Sprintf(`# install_library writes the functions that are called below, version %s.
install_library() {
local library=%s
! grep -qsxF '%s' "$library" || return 0
mkdir -p %s
%s >"$library.$$"
%smv "$library.$$" "$library"
}
`, library.Version(), scripts.LibraryPath, library.Named(), path.Dir(scripts.LibraryPath), unpack, packed)
}

// inline is the same for a script that runs before its host has a library.
func inline(functions string) string {
	unpack, packed := scripts.Unpack(scripts.Lean(functions))
	return "functions=$(" + unpack + "\n" + packed + ")\neval \"$functions\"\n"
}
