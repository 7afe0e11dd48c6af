// Package operator is the machine of whoever runs `pulumi up` in the lab: a Pulumi CLI with a home, a backend, plugins
// and a passphrase of its own, and copies of the stacks' files that are filled in with what only the lab knows. It runs
// the very program that `pulumi up` runs elsewhere, by Pulumi's Automation API, which needs no language host.
package operator

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/tests/lab/folder"
)

// Project is the Pulumi project's name, as in Pulumi.yaml.
const Project = "promwire"

// Tools are the programs that the operator uses. The zero value uses those that the lab built.
type Tools struct {
	Pulumi  string // path of a Pulumi CLI; empty: the lab's own
	Plugins string // folder of plugins named pulumi-resource-NAME, taken where they exist; empty: none
	Kube    string // folder of the programs that clusters' nodes run; empty: the lab's own
}

// Operator runs Pulumi on the stacks of one lab. Its methods may be called in parallel for different stacks.
type Operator struct {
	// Key is the operator's private SSH key, in OpenSSH's format.
	Key []byte
	// AuthorizedKey is Key's public half, as a line of authorized_keys without its newline.
	AuthorizedKey string

	folder  folder.Folder
	lab     Lab
	program pulumi.RunFunc
	cli     auto.PulumiCommand
	seal    *seal
}

// New prepares the operator's machine below f.Run: what is there already (key, passphrase, state) is kept, plugins are
// installed again. program is what `up` and `preview` run.
func New(f folder.Folder, lab Lab, tools Tools, program pulumi.RunFunc) (*Operator, error) {
	o := &Operator{folder: f, lab: lab, program: program}
	for _, dir := range []string{o.home(), o.backend()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("prepare the operator's machine: %w", err)
		}
	}
	var err error
	if o.cli, err = commandLine(f, tools.Pulumi); err != nil {
		return nil, err
	}
	if err := installPlugins(o.home(), f.Bin(), tools.Plugins); err != nil {
		return nil, err
	}
	if o.seal, err = openSeal(filepath.Join(o.dir(), "passphrase")); err != nil {
		return nil, err
	}
	if o.Key, o.AuthorizedKey, err = Key(f); err != nil {
		return nil, err
	}
	return o, nil
}

// Lab is what the operator knows of the lab, for an operator of another process.
func (o *Operator) Lab() Lab { return o.lab }

func (o *Operator) dir() string     { return dir(o.folder) }
func (o *Operator) home() string    { return filepath.Join(o.dir(), "home") }
func (o *Operator) backend() string { return filepath.Join(o.dir(), "state") }

// backendURL has Pulumi write no .attrs files beside those of the state. It writes these in place, and one that a kill has cut short
// makes the stack unreadable; the state itself takes its place in one step.
func (o *Operator) backendURL() string { return "file://" + o.backend() + "?metadata=skip" }

// work is the folder from which a stack is run. Each stack has its own, so that stacks can be run in parallel.
func (o *Operator) work(stack string) string { return filepath.Join(o.dir(), "work", stack) }

// dir is where the operator's machine keeps its things.
func dir(f folder.Folder) string { return filepath.Join(f.Run, "operator") }

// commandLine finds the CLI. The Automation API needs it at bin/pulumi below some root, so a link is made there.
func commandLine(f folder.Folder, path string) (auto.PulumiCommand, error) {
	if path == "" {
		path = filepath.Join(f.Bin(), "pulumi")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("find the Pulumi CLI: %w; name another with -pulumi", err)
	}
	root := filepath.Join(dir(f), "cli")
	if err := relink(path, filepath.Join(root, "bin", "pulumi")); err != nil {
		return nil, err
	}
	cli, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: root})
	if err != nil {
		return nil, fmt.Errorf("use the Pulumi CLI %s: %w", path, err)
	}
	return cli, nil
}

// relink makes the symbolic link at path lead to target, in one step, so that there is always one.
func relink(target, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if now, err := os.Readlink(path); err == nil && now == target {
		return nil
	}
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// environment is what a run of the CLI on a stack gets beside the environment of this process. An empty SSH_AUTH_SOCK
// counts as none; a dead agent's would make each command of the fleet fail.
func (o *Operator) environment(stack string) map[string]string {
	return map[string]string{
		"PULUMI_HOME":                   o.home(),
		"PULUMI_BACKEND_URL":            o.backendURL(),
		"PULUMI_CONFIG_PASSPHRASE_FILE": "",
		"PULUMI_CONFIG_PASSPHRASE":      o.seal.passphrase,
		"PULUMI_SKIP_UPDATE_CHECK":      "true",
		"PULUMI_STACK":                  stack,
		"SSH_AUTH_SOCK":                 "",
		"KUBECONFIG":                    o.lab.Kubeconfig,
		"DIGITALOCEAN_TOKEN":            "",
		"DIGITALOCEAN_ACCESS_TOKEN":     "",
		// Only the plugins put in place above are used: none of PATH's, and none is downloaded.
		"PULUMI_IGNORE_AMBIENT_PLUGINS":               "true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
	}
}
