package scripts

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// bash runs a text and returns what it prints.
func bash(t *testing.T, text string) string {
	t.Helper()
	cmd := exec.Command("bash", "-s")
	cmd.Stdin = strings.NewReader("set -euo pipefail\n" + text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// read is a text as bash has read it: without comments, one command a line.
func read(t *testing.T, text string) string {
	t.Helper()
	return bash(t, "whole() {\n"+text+"\n}\ndeclare -f whole\n")
}

// TestLean: the removed lines have no meaning in bash.
func TestLean(t *testing.T) {
	for name, text := range map[string]string{
		"library": All(), "bootstrap": Bootstrap, "undo": Undo, "use": Use, "fence": Fence, "receive": Receive, "renew": Renew,
	} {
		lean := Lean(text)
		if read(t, lean) != read(t, text) {
			t.Errorf("%s: bash reads something else", name)
		}
		if len(lean) >= len(text)*9/10 {
			t.Errorf("%s: %d of %d bytes are left", name, len(lean), len(text))
		}
		if strings.HasPrefix(text, "#!") != strings.HasPrefix(lean, "#!/usr/bin/env bash\n") {
			t.Errorf("%s: begins with %.20q", name, lean)
		}
	}
	const text = "a <<END\n# b\n\nEND\n  # c\n\n((d << 1)) <<<e # f\n# g\n"
	if lean, want := Lean(text), "a <<END\n# b\n\nEND\n((d << 1)) <<<e # f\n"; lean != want {
		t.Errorf("%q became %q, want %q", text, lean, want)
	}
}

func TestUnpack(t *testing.T) {
	for _, text := range []string{"", "a\n", "no newline", "END\n", "ä $HOME `id` \\ '\n", All()} {
		pipe, input := Unpack(text)
		if got := bash(t, pipe+"\n"+input); got != text {
			t.Errorf("%.20q became %.20q", text, got)
		}
		if _, again := Unpack(text); again != input {
			t.Errorf("%.20q is packed another way the second time", text)
		}
	}
	if _, input := Unpack(All()); len(input) > len(All())/2 {
		t.Errorf("%d bytes became %d", len(All()), len(input))
	}
}

var (
	defined = regexp.MustCompile(`(?m)^([a-z_]+)\(\) \{`)
	quoted  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'[^']*'`)
)

func functions(text string) map[string]bool {
	all := map[string]bool{}
	for _, match := range defined.FindAllStringSubmatch(text, -1) {
		all[match[1]] = true
	}
	return all
}

// TestLibrariesAreWhole: no function of a library calls one that is not in it.
func TestLibrariesAreWhole(t *testing.T) {
	all := functions(All())
	for name, l := range map[string]Library{
		"target": Target(false), "target with certificates": Target(true), "monitor": Monitor(),
	} {
		own := functions(l.Text())
		if len(own) < 30 {
			t.Errorf("%s: %d functions", name, len(own))
		}
		text := strings.ReplaceAll(read(t, l.Text()), "systemd-analyze verify", "") // a command's verb, and a function's name
		for _, word := range strings.Fields(quoted.ReplaceAllString(text, `""`)) {
			if all[word] && !own[word] {
				t.Errorf("%s: calls %s, which it does not have", name, word)
			}
		}
	}
}

func TestLibrary(t *testing.T) {
	texts := map[string]string{"a": "first\n", "b": "END\n$HOME\n\n# kept\n"}
	l := Monitor().With(texts)
	for name, text := range texts {
		said := bash(t, l.Text()+"from_library "+name+" cat\n")
		if want := strings.TrimRight(text, "\n") + "\n"; said != want {
			t.Errorf("text %s became %q", name, said)
		}
	}
	if !strings.HasPrefix(l.Text(), l.Named()+"\n") || !strings.HasSuffix(l.Named(), "="+l.Version()) {
		t.Errorf("version %s: it begins with %.40q", l.Version(), l.Text())
	}
	versions := map[string]bool{}
	for _, other := range []Library{
		Target(false), Target(true), Monitor(), l, Monitor().With(map[string]string{"a": "first\n", "b": "other\n"}),
	} {
		versions[other.Version()] = true
	}
	if len(versions) != 5 {
		t.Errorf("5 libraries have %d versions", len(versions))
	}
	if Monitor().With(texts).Version() != l.Version() {
		t.Error("the same library has another version")
	}
}

// TestUse: a command after the plan uses the library only if it is the one that it was made for.
func TestUse(t *testing.T) {
	const install = "mkdir -p /mnt/promwire && mount -t tmpfs none /usr/local/lib && mkdir /usr/local/lib/promwire\n" +
		"cat >/usr/local/lib/promwire/lib.sh <<'LIBRARY'\n"
	const goesOn = "echo go''es on >&2\n" // not printed with a failing command's own text
	l := Monitor()
	here := install + l.Text() + "LIBRARY\n"
	older := install + All() + "LIBRARY\n"
	for _, c := range []struct {
		name, there, use string
		said             string
		fails            bool
	}{
		{"the right one", here, "use node enrol " + l.Version(), "goes on", false},
		{"another one", here, "use node enrol 0123456789ab", "promwire: node: enrol: this machine has the scripts " + l.Version() +
			" and needs 0123456789ab; run its converge command again", true},
		{"one that names no version", older, "use node enrol 0123456789ab", "has the scripts of an older program and needs", true},
		{"any version is accepted", older, "use node withdraw", "goes on", false},
		{"none, and one is needed", "", "use node confirm 0123456789ab", "promwire: node: confirm: this machine has not converged yet", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := check(t, c.there+"exec 9>&-\nbash -s <<'USE'\nset -euo pipefail\n"+Use+c.use+"\n"+goesOn+"USE", c.said, c.fails)
			if c.fails && strings.Contains(said, "goes on") {
				t.Errorf("it did not stop: %s", said)
			}
		})
	}
	t.Run("none, and nothing is left to undo", func(t *testing.T) {
		if said := check(t, "bash -s <<'USE'\n"+Use+"use node withdraw\n"+goesOn+"USE\necho ended", "ended", false); strings.Contains(said, "goes on") {
			t.Errorf("it did not stop: %s", said)
		}
	})
}
