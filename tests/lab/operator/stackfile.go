package operator

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"
)

// Edit changes a stack's promwire:fleet, as decoded from YAML, before a run.
type Edit func(fleet map[string]any)

// prepare writes the work folder of a stack: Pulumi.yaml, and the stack's file filled in with what the lab knows. The
// checkout's own files are read only.
func (o *Operator) prepare(stack string, options Options) error {
	project, err := os.ReadFile(filepath.Join(o.folder.Source, "Pulumi.yaml"))
	if err != nil {
		return fmt.Errorf("copy the project's file: %w", err)
	}
	file := stackFile(stack)
	raw, err := os.ReadFile(filepath.Join(o.folder.Source, file))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no stack %q: no %s", stack, file)
	} else if err != nil {
		return fmt.Errorf("copy the file of the stack %s: %w", stack, err)
	}
	filled, err := o.fill(raw, options)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", file, err)
	}
	work := o.work(stack)
	if err := os.MkdirAll(filepath.Join(work, filepath.Dir(file)), 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(work, "Pulumi.yaml"), project, 0o600),
		os.WriteFile(filepath.Join(work, file), filled, 0o600),
	)
}

// stackFile is the path of a stack's file in the checkout, which follows from Pulumi.yaml's stackConfigDir.
func stackFile(stack string) string {
	return filepath.Join("stacks", "Pulumi."+stack+".yaml")
}

// StackFile is where the lab's own version of a stack's file lies once it has run.
func (o *Operator) StackFile(stack string) string {
	return filepath.Join(o.work(stack), stackFile(stack))
}

// fill turns a stack's file of the checkout into the one that the lab runs.
func (o *Operator) fill(raw []byte, options Options) ([]byte, error) {
	var document struct {
		Config map[string]any `yaml:"config"`
		Salt   string         `yaml:"encryptionsalt"`
	}
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	fleet, ok := document.Config["promwire:fleet"].(map[string]any)
	if !ok {
		return nil, errors.New("promwire:fleet is not an object")
	}
	if ssh, ok := fleet["ssh"].(map[string]any); ok && ssh["from"] != nil {
		ssh["from"] = o.from()
	}
	placeMachines(fleet, o.lab.Machines)
	nameImages(fleet, o.lab.Images)
	fleet["releases"] = o.releases()
	if options.Edit != nil {
		options.Edit(fleet)
	}
	placeClusters(fleet, o.lab.Kubeconfig)
	var err error
	if document.Config["digitalocean:token"], err = o.seal.secret(o.lab.Token); err != nil {
		return nil, err
	}
	if document.Config["promwire:sshPrivateKey"], err = o.seal.secret(string(o.Key)); err != nil {
		return nil, err
	}
	if len(options.Secrets) > 0 {
		sealed := map[string]any{}
		for name, secret := range options.Secrets {
			if sealed[name], err = o.seal.secret(secret); err != nil {
				return nil, err
			}
		}
		document.Config["promwire:secrets"] = sealed
	}
	document.Config["digitalocean:apiEndpoint"] = o.lab.API
	document.Salt = o.seal.salt
	return yaml.Marshal(document)
}

// releases is the setting that makes hosts load what the lab built from its mirror.
func (o *Operator) releases() map[string]any {
	releases := map[string]any{"mirror": o.lab.Mirror}
	for name, release := range o.lab.Releases {
		releases[name] = map[string]any{"version": release.Version, "sha256": release.SHA256}
	}
	return releases
}

// from are the networks that SSH connections come from: the operator's own, and the bastions.
func (o *Operator) from() []string {
	from := slices.Clone(o.lab.From)
	for _, machine := range o.lab.Machines {
		if b := machine.Bastion; b != nil {
			from = append(from, b.Address+"/32")
		}
	}
	slices.Sort(from)
	return slices.Compact(from)
}

// placeMachines gives each existing machine of a fleet the address, port, user and host key that it has in the lab.
// Machines that the lab does not have stay as they are.
func placeMachines(fleet map[string]any, known map[string]Machine) {
	hosts, _ := fleet["targets"].([]any)
	for _, host := range append([]any{fleet["monitor"], fleet["hub"]}, hosts...) {
		host, ok := host.(map[string]any)
		if !ok || host["address"] == nil {
			continue // not a machine, or a droplet: the program itself will report the problem
		}
		name, _ := host["name"].(string)
		machine, ok := known[name]
		if !ok {
			continue
		}
		place(host, machine)
	}
}

func place(host map[string]any, machine Machine) {
	host["address"], host["port"] = machine.Address, machine.Port
	host["user"], host["hostKey"] = machine.User, machine.HostKey
	delete(host, "bastion")
	if machine.Bastion != nil {
		bastion := map[string]any{}
		place(bastion, *machine.Bastion)
		host["bastion"] = bastion
	}
}
