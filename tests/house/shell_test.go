package house

import (
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"testing"
)

// shell says whether a file is a shell script: by its name, or, where it has no extension, by its first line.
func shell(p string, entry fs.DirEntry) bool {
	if path.Ext(p) == ".sh" {
		return true
	}
	if path.Ext(entry.Name()) != "" {
		return false
	}
	text, err := read(p)
	return err == nil && shebang.Match(text)
}

// shebang is the first line of a script for any of the Bourne shells. All scripts here are bash, and are checked as bash.
var shebang = regexp.MustCompile(`^#![^\n]*\b(ba|da|)sh\b`)

// TestShell checks every script with bash and shellcheck.
func TestShell(t *testing.T) {
	scripts, err := files(shell)
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatal("no shell scripts found")
	}
	bash := need(t, "bash", "apt-get install bash")
	shellcheck := need(t, "shellcheck", "apt-get install shellcheck")
	for _, script := range scripts {
		t.Run(script, func(t *testing.T) {
			check(t, script, bash, "-n")
			check(t, script, shellcheck, "--shell=bash", "--external-sources")
		})
	}
}

// need finds a tool, and fails the test with the command that installs it.
func need(t *testing.T, tool, install string) string {
	t.Helper()
	found, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%s is not installed, so scripts can't be checked; run `%s`", tool, install)
	}
	return found
}

func check(t *testing.T, script, tool string, args ...string) {
	t.Helper()
	cmd := exec.Command(tool, append(args, filepath.Base(script))...)
	cmd.Dir = filepath.Join(root, filepath.Dir(script))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, err, out)
	}
}
