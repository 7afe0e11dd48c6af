package scripts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// literal is a part of a script's text where nothing is expanded, and whether it is the whole of a word, such as prometheus in
// "chown prometheus FILE", and not of a sentence.
type literal struct {
	text  string
	whole bool
	line  uint
}

// parse is a script as bash reads it.
func parse(t *testing.T, name, script string) *syntax.File {
	t.Helper()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// literals are those of a script, without its comments.
func literals(t *testing.T, name, script string) []literal {
	t.Helper()
	var all []literal
	syntax.Walk(parse(t, name, script), func(node syntax.Node) bool {
		switch n := node.(type) {
		case *syntax.Lit:
			all = append(all, literal{n.Value, false, n.Pos().Line()})
		case *syntax.SglQuoted:
			all = append(all, literal{n.Value, false, n.Pos().Line()})
		case *syntax.Word:
			if text := n.Lit(); text != "" {
				all = append(all, literal{text, true, n.Pos().Line()})
			}
		}
		return true
	})
	return all
}

// simple is a value that is a word of English too: it is looked for only where it is a word of a command, or a part of an owner.
var simple = regexp.MustCompile(`^[a-z]+$`)

// holds says whether a literal has a constant's value in it: not as a part of a longer name.
func (l literal) holds(c constant) bool {
	if !strings.Contains(l.text, c.value) || l.whole != simple.MatchString(c.value) {
		return false
	}
	if l.whole {
		return slices.Contains(regexp.MustCompile(`[:=.]`).Split(l.text, -1), c.value)
	}
	return regexp.MustCompile(`(^|[^\w-])` + regexp.QuoteMeta(c.value) + `($|[^\w-])`).MatchString(l.text)
}

// sources are all scripts of the provisioners, by path.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../*/*.sh")
	if err != nil || len(files) < 25 {
		t.Fatalf("%d scripts: %v", len(files), err)
	}
	all := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(text)
	}
	return all
}

// TestConstants: no script holds what it can have from Go. PATH is a list of the system's folders, not only of ours.
func TestConstants(t *testing.T) {
	t.Parallel()
	for file, text := range sources(t) {
		for _, l := range literals(t, file, text) {
			if strings.HasPrefix(l.text, "/usr/local/sbin:/usr/local/bin:") {
				continue
			}
			for _, c := range constants {
				if l.holds(c) {
					t.Errorf("%s:%d: %q has %s, which is $%s", file, l.line, l.text, c.value, c.name)
				}
			}
		}
	}
}

// TestLiterals: TestConstants finds what it looks for, wherever it is.
func TestLiterals(t *testing.T) {
	t.Parallel()
	group, port, folder := constant{"G", "promwire"}, constant{"P", "9090"}, constant{"F", "/etc/promwire"}
	for _, c := range []struct {
		script string
		of     constant
		held   bool
	}{
		{"chown root:promwire /mnt/a", group, true},
		{"group=promwire", group, true},
		{"nft list table inet promwire", group, true},
		{`say "promwire has failed"`, group, false},
		{"ls promwire-turn.service", group, false},
		{"# promwire", group, false},
		{`curl "http://$address:9090/-/ready"`, port, true},
		{"a=(9090)", port, true},
		{"bash -c 'nc -l 9090'", port, true},
		{"echo 19090 9090s", port, false},
		{"ls /etc/promwire/tls", folder, true},
		{"a <<END\n/etc/promwire\nEND\n", folder, true},
		{`a=${b:-/etc/promwire}`, folder, true},
		{"ls /etc/promwires /mnt/etc/promwire", folder, false},
		{`ls "$F/tls" # /etc/promwire`, folder, false},
	} {
		held := slices.ContainsFunc(literals(t, "script", c.script), func(l literal) bool { return l.holds(c.of) })
		if held != c.held {
			t.Errorf("%q holds %s: %v", c.script, c.of.value, held)
		}
	}
}

// TestConstantsAreNotAssigned: no script gives a constant, which is not readonly, another value.
func TestConstantsAreNotAssigned(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range constants {
		names[c.name] = true
	}
	for file, text := range sources(t) {
		syntax.Walk(parse(t, file, text), func(node syntax.Node) bool {
			if a, ok := node.(*syntax.Assign); ok && a.Name != nil && names[a.Name.Value] {
				t.Errorf("%s:%d: it assigns $%s", file, a.Pos().Line(), a.Name.Value)
			}
			return true
		})
	}
}

// TestWithConstants: a script has the constants that it uses, and its first line stays the first.
func TestWithConstants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ script, want string }{
		{"echo a\n", "echo a\n"},
		{"echo $INTERFACE_ $INTERFACES INTERFACE\n", "echo $INTERFACE_ $INTERFACES INTERFACE\n"},
		{"echo $INTERFACE\n", "INTERFACE=promwire0\necho $INTERFACE\n"},
		{"#!/bin/bash\n# a\necho ${RUN%/*} \"$STATE\"\n", "#!/bin/bash\nSTATE=/var/lib/promwire\nRUN=/run/promwire\n# a\necho ${RUN%/*} \"$STATE\"\n"},
	} {
		if got := WithConstants(c.script); got != c.want {
			t.Errorf("%q became\n%swant\n%s", c.script, got, c.want)
		}
	}
}

// TestConstantsAreWords: each is one word of bash, without quotes or in single ones, of one name, and used.
func TestConstantsAreWords(t *testing.T) {
	t.Parallel()
	texts := ""
	for _, text := range sources(t) {
		texts += text
	}
	names := map[string]bool{}
	for _, c := range constants {
		if !regexp.MustCompile(`^([A-Za-z0-9@:._/-]+|'[^']+')$`).MatchString(c.value) {
			t.Errorf("%s: %q needs quotes", c.name, c.value)
		}
		if names[c.name] {
			t.Errorf("%s is twice in the list", c.name)
		}
		if names[c.name] = true; !c.in(texts) {
			t.Errorf("%s: no script uses it", c.name)
		}
	}
}
