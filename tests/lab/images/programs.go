package images

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// own is a program of the project's, in the folder of its name beside this file.
func own(name, path string) func(kitchen) (tree, error) {
	return func(k kitchen) (tree, error) {
		binary, err := k.build(name)
		return tree{path: {file: binary, mode: 0o755}}, err
	}
}

// build compiles one of the project's programs, unless it was compiled from the very same sources.
func (k kitchen) build(name string) (string, error) {
	key, err := k.programKey(name)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(k.dir(), name+"-"+key[:16])
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	fmt.Fprintf(k.log, "building %s\n", name)
	partial, err := os.MkdirTemp(k.dir(), name+"-*.partial")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	built := filepath.Join(partial, name)
	// Neither the checkout's path nor its commit is in the binary: equal sources make equal images.
	_, err = k.golang("build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", built, "./tests/lab/images/"+name)
	if err != nil {
		return "", err
	}
	return binary, os.Rename(built, binary)
}

// programKey is a digest of all that the binary depends on. go.sum stands for the sources of other modules.
func (k kitchen) programKey(name string) (string, error) {
	compiler, err := k.golang("env", "GOVERSION")
	if err != nil {
		return "", err
	}
	sources, err := filepath.Glob(filepath.Join(k.folder.Source, "tests", "lab", "images", name, "*.go"))
	if err != nil || len(sources) == 0 {
		return "", fmt.Errorf("%s is not a checkout of promwire: it has no source of %s", k.folder.Source, name)
	}
	sources = append(sources, filepath.Join(k.folder.Source, "go.mod"), filepath.Join(k.folder.Source, "go.sum"))
	digest := sha256.New()
	fmt.Fprintln(digest, strings.TrimSpace(compiler), runtime.GOARCH)
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(digest, "%s %d\n%s", filepath.Base(source), len(text), text)
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// golang runs the go command in the checkout, for static programs, and returns what it printed.
func (k kitchen) golang(args ...string) (string, error) {
	cmd := exec.CommandContext(k.ctx, "go", args...)
	cmd.Dir = k.folder.Source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return string(out), nil
}
