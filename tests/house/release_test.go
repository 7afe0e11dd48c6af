package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"github.com/promwire/promwire/provisioners/version"
)

// compiler stands in for go, which would take an hour: the program that it makes is a text that says how.
const compiler = `#!/usr/bin/env bash
while [ "$1" != -o ]; do said+=" $1"; shift; done
echo "$GOOS/$GOARCH CGO_ENABLED=$CGO_ENABLED$said ${*:3}" >"$2"
`

// release makes a release with that compiler, and returns its folder.
func release(t *testing.T, platforms ...string) string {
	t.Helper()
	bin, dist := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(compiler), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{".ci/release", "Pulumi.yaml"} { // go test runs again only what has read another text
		text(t, file)
	}
	cmd := exec.CommandContext(t.Context(), ".ci/release", platforms...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "DIST="+dist)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dist
}

// inside runs a command in a folder.
func inside(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, out)
	}
}

// lastCommit is when it was made.
func lastCommit(t *testing.T) time.Time {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "log", "-1", "--format=%ct")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(seconds, 0)
}

// TestRelease: a release has an archive for each platform, with a program built for it, a project that runs that program, and checksums.
// The files are as old as the commit, so that the same commit makes the same archives.
func TestRelease(t *testing.T) {
	dist, committed := release(t), lastCommit(t)
	inside(t, dist, "sha256sum", "--check", "--strict", "SHA256SUMS")
	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"} {
		name := "promwire-" + version.Release + "-" + strings.ReplaceAll(platform, "/", "-")
		inside(t, dist, "tar", "--extract", "--gzip", "--file", name+".tar.gz")
		program := "promwire"
		if strings.HasPrefix(platform, "windows") {
			program += ".exe"
		}
		said, err := os.ReadFile(filepath.Join(dist, name, program))
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`^` + platform + ` CGO_ENABLED=0 build -trimpath .*-X github\.com/promwire/promwire/provisioners/version\.revision=[0-9a-f]{12}\+? \.\n$`)
		if !want.Match(said) {
			t.Errorf("%s was built with %q", name, said)
		}
		project, err := workspace.LoadProject(filepath.Join(dist, name, "Pulumi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if binary := project.Runtime.Options()["binary"]; binary != "./promwire" || project.Runtime.Name() != "go" {
			t.Errorf("the project of %s runs %v with %s", name, binary, project.Runtime.Name())
		}
		for _, file := range append(stackFiles(t), "LICENSE", "CHANGELOG.md") {
			if info, err := os.Stat(filepath.Join(dist, name, file)); err != nil || !info.ModTime().Equal(committed) {
				t.Errorf("%v, and it is not of %s, when the commit was made", err, committed)
			}
		}
	}
}

// stackFiles are those that come with a release: all but the lab's.
func stackFiles(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../stacks/Pulumi.*.yaml")
	if err != nil || len(found) < 2 {
		t.Fatalf("%q, %v", found, err)
	}
	var files []string
	for _, file := range found {
		if name := filepath.Base(file); name != "Pulumi.lab.yaml" {
			files = append(files, "stacks/"+name)
		}
	}
	return files
}

// TestReleaseOfOne: a platform can be chosen.
func TestReleaseOfOne(t *testing.T) {
	found, err := filepath.Glob(filepath.Join(release(t, "linux/arm64"), "promwire-*.tar.gz"))
	if err != nil || len(found) != 1 || !strings.HasSuffix(found[0], "-linux-arm64.tar.gz") {
		t.Errorf("%q, %v", found, err)
	}
}

// TestChangelog: what the change log begins with is what version.Release says: changes that are not released yet while it ends in -dev,
// and otherwise that release.
func TestChangelog(t *testing.T) {
	sections := regexp.MustCompile(`(?m)^## (.*)\n`).FindAllStringSubmatch(text(t, "CHANGELOG.md"), -1)
	if len(sections) < 2 {
		t.Fatalf("CHANGELOG.md has the sections %q; this test looks for nothing", sections)
	}
	first := sections[0][1]
	_, dev := strings.CutSuffix(version.Release, "-dev")
	if dev && first != "Unreleased" || !dev && !strings.HasPrefix(first, version.Release+" - ") {
		t.Errorf("CHANGELOG.md begins with %q, and the release is %s", first, version.Release)
	}
}
