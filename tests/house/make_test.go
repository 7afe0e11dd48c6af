package house

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeTests: the command that README.md gives for testing everything is what CI runs, and each stage of CI is a target of make.
func TestReadmeTests(t *testing.T) {
	if !regexp.MustCompile(`(?m)^ {4}make all$`).MatchString(text(t, "README.md")) {
		t.Error("README.md does not say that `make all` tests everything")
	}
	makefile := text(t, "Makefile")
	all := regexp.MustCompile(`(?m)^all: ## .*: (.*) \(as root\)\n\t\.ci/run$`).FindStringSubmatch(makefile)
	stages := regexp.MustCompile(`(?m)^stages=\((.*)\)$`).FindStringSubmatch(text(t, ".ci/run"))
	if all == nil || stages == nil {
		t.Fatalf("the target all of Makefile is %q, the stages of .ci/run are %q", all, stages)
	}
	if said := strings.ReplaceAll(all[1], ",", ""); said != stages[1] {
		t.Errorf("Makefile says of all that it is %q, .ci/run does %q", said, stages[1])
	}
	for stage := range strings.FieldsSeq(stages[1]) {
		if !regexp.MustCompile(`(?m)^` + stage + `: ## `).MatchString(makefile) {
			t.Errorf(".ci/run calls make %s, which is not a target", stage)
		}
	}
}

// TestCIStops: CI says how long each stage took, and ends with the status of the first that fails.
func TestCIStops(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{"make": "#!/bin/sh\n[ \"$2\" != test ] || exit 7\n", "shellcheck": "#!/bin/sh\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text(t, ".ci/run") // go test runs again only what has read another text
	cmd := exec.CommandContext(t.Context(), ".ci/run")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	want := regexp.MustCompile(`^==> make lint\n==> lint +passed in \d+ min \d\d s\n==> make test\n==> test +failed in \d+ min \d\d s\n$`)
	if !want.Match(out) || cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, and it says:\n%s", err, out)
	}
}

// TestEveryPackageIsTested: `make test` runs all packages but those that Makefile leaves to other targets. These have tests, and another
// target runs each.
func TestEveryPackageIsTested(t *testing.T) {
	tested, err := files(func(p string, _ fs.DirEntry) bool { return strings.HasSuffix(p, "_test.go") })
	if err != nil {
		t.Fatal(err)
	}
	makefile := text(t, "Makefile")
	list := func(name string) []string {
		match := regexp.MustCompile(`(?m)^` + name + ` := (.*)$`).FindStringSubmatch(makefile)
		if match == nil {
			t.Fatalf("Makefile has no list %s", name)
		}
		return strings.Fields(match[1])
	}
	const lab = "$(lab_packages)"
	slow := list("slow_packages")
	for _, run := range slow { // $(lab_packages) is one of them
		if !strings.Contains(makefile, " "+run+"\n") {
			t.Errorf("no target of Makefile runs %s", run)
		}
	}
	for _, folder := range append(list("lab_packages"), slow...) {
		if folder != lab && !slices.ContainsFunc(tested, func(p string) bool { return "./"+path.Dir(p) == folder }) {
			t.Errorf("Makefile leaves %s out of `make test`, which has no tests", folder)
		}
	}
}

// TestVirtualMachinesAreTested: tests with the build tag vm, which nothing else runs, are run by `make e2e-vm`, by their name and package.
func TestVirtualMachinesAreTested(t *testing.T) {
	run := regexp.MustCompile(`(?m)^e2e-vm: ## .*\n\tgo test -v -tags vm .* -run '\^(\w+)\$\$' (.*)$`).FindStringSubmatch(text(t, "Makefile"))
	if run == nil {
		t.Fatal("Makefile has no target e2e-vm that runs the tests with the tag vm by name")
	}
	tagged, err := files(func(p string, _ fs.DirEntry) bool {
		return strings.HasSuffix(p, "_test.go") && strings.HasPrefix(text(t, p), "//go:build vm\n")
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(tagged) == 0 {
		t.Error("no test has the tag vm")
	}
	for _, file := range tagged {
		if !slices.Contains(strings.Fields(run[2]), "./"+path.Dir(file)) {
			t.Errorf("%s has the tag vm, and `make e2e-vm` does not run its package", file)
		}
		for _, test := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(text(t, file), -1) {
			if test[1] != run[1] {
				t.Errorf("%s has the tag vm, and `make e2e-vm` runs only %s", test[1], run[1])
			}
		}
	}
}

// TestWhatIsSkippedRunsElsewhere: a test that one target of Makefile leaves out is all that another one runs.
func TestWhatIsSkippedRunsElsewhere(t *testing.T) {
	makefile := text(t, "Makefile")
	skipped := regexp.MustCompile(`-skip '(.*?)' (\S+)\n`).FindAllStringSubmatch(makefile, -1)
	if strings.Count(makefile, "-skip") != len(skipped) {
		t.Errorf("a -skip of Makefile is not in this form: -skip 'TEST' PACKAGE")
	}
	for _, s := range skipped {
		if !regexp.MustCompile(`-run '` + regexp.QuoteMeta(s[1]) + `' ` + regexp.QuoteMeta(s[2]) + `\n`).MatchString(makefile) {
			t.Errorf("Makefile skips %s of %s, and no target runs it", s[1], s[2])
		}
	}
}
