package clusters

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// kubernetes are the programs that the lab's own binary "kubernetes" can be.
var kubernetes = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"}

// plugins are what Debian's containernetworking-plugins has, and nodes use.
var plugins = []string{"bridge", "host-local", "loopback", "portmap"}

// pluginFolder is where Debian keeps them.
const pluginFolder = "/usr/lib/cni"

// definitions is the file of Calico's custom resource definitions, beside the programs.
const definitions = setup.Definitions

// ensurePrograms finds what nodes run, after building it if that is needed. A folder may have the programs under their own names,
// or one binary "kubernetes" that can be all of Kubernetes's; it must have "calico" and its definitions.
func ensurePrograms(ctx context.Context, f folder.Folder, from string, log io.Writer) (programs, error) {
	parts := []setup.Part{setup.Packages, setup.Nodes, setup.Image}
	if from == "" {
		parts = append(parts, setup.Kubernetes)
	}
	if err := setup.Ensure(ctx, f, log, parts...); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(from)
	if err != nil {
		return nil, err
	}
	if from == "" {
		dir = f.Bin()
	}
	found := programs{}
	for _, name := range kubernetes {
		if found[name], err = first(filepath.Join(dir, name), filepath.Join(dir, "kubernetes")); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"calico", definitions} {
		if found[name], err = first(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	for _, name := range plugins {
		found[name] = filepath.Join(pluginFolder, name)
	}
	return found, nil
}

// first is the first of the files that is there.
func first(paths ...string) (string, error) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s: put it there, or leave -kube out, and the lab builds its own", paths[0])
}
