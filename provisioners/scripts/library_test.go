package scripts

import (
	"os/exec"
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
	t.Parallel()
	for name, text := range map[string]string{
		"library": Functions().text, "bootstrap": Bootstrap, "undo": Undo, "use": Use, "fence": Fence, "history": History, "receive": Receive, "renew": Renew, "watch": Watch,
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
	t.Parallel()
	for _, text := range []string{"", "a\n", "no newline", "END\n", "ä $HOME `id` \\ '\n", Functions().text} {
		pipe, input := Unpack(text)
		if got := bash(t, pipe+"\n"+input); got != text {
			t.Errorf("%.20q became %.20q", text, got)
		}
		if _, again := Unpack(text); again != input {
			t.Errorf("%.20q is packed another way the second time", text)
		}
	}
	if _, input := Unpack(Functions().text); len(input) > len(Functions().text)/2 {
		t.Errorf("%d bytes became %d", len(Functions().text), len(input))
	}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	texts := map[string]string{"a": "first\n", "b": "END\n$HOME\n\n# kept\n"}
	l := Functions().With(texts)
	for name, text := range texts {
		said := bash(t, l.Text()+"from_library "+name+" cat\n")
		if want := strings.TrimRight(text, "\n") + "\n"; said != want {
			t.Errorf("text %s became %q", name, said)
		}
	}
	if !strings.Contains(l.Text(), "\nreadonly SCRIPTS="+l.Version()+"\n") {
		t.Errorf("version %s: it begins with %.120q", l.Version(), l.Text())
	}
	if Functions().With(texts).Version() != l.Version() {
		t.Error("the same library has another version")
	}
	other := Functions().With(map[string]string{"a": texts["a"], "b": "other\n"})
	if other.Version() == l.Version() || Functions().Version() == l.Version() {
		t.Error("another library has the same version")
	}
}

// TestUse: a command after the plan uses the library only if it is the one that it was made for.
func TestUse(t *testing.T) {
	t.Parallel()
	const install = "mkdir -p /mnt/promwire && mount -t tmpfs none /usr/local/lib && mkdir /usr/local/lib/promwire\n" +
		"cat >/usr/local/lib/promwire/lib.sh <<'LIBRARY'\n"
	const goesOn = "echo go''es on >&2\n" // not printed with a failing command's own text
	l := Functions()
	here := install + l.Text() + "LIBRARY\n"
	older := install + l.text + "LIBRARY\n"
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
