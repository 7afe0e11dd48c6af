package operator

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Existing is a machine that a stack's file takes to be there already.
type Existing struct {
	Name    string
	Region  string
	User    string
	Bastion string // name of the only machine through which this one is reached; empty: it is reached directly
}

// BastionName is the lab's name for a bastion that is not a machine of the fleet itself.
const BastionName = "bastion"

// host is as much of a machine in promwire:fleet as the lab must know.
type host struct {
	Name    string `yaml:"name"`
	Region  string `yaml:"region"`
	Address string `yaml:"address"`
	User    string `yaml:"user"`
	Bastion *host  `yaml:"bastion"`
}

// Existing lists the machines that the file of a stack takes to be there already, each after its bastion.
func (o *Operator) Existing(stack string) ([]Existing, error) {
	fleet, err := o.read(stack)
	if err != nil {
		return nil, err
	}
	return existing(append([]host{fleet.Monitor, fleet.Hub}, fleet.Targets...)), nil
}

// fleet is as much of promwire:fleet as the lab must know.
type fleet struct {
	Monitor  host      `yaml:"monitor"`
	Hub      host      `yaml:"hub"`
	Targets  []host    `yaml:"targets"`
	Clusters []cluster `yaml:"clusters"`
}

// read reads the fleet from the checkout's file of a stack.
func (o *Operator) read(stack string) (fleet, error) {
	raw, err := os.ReadFile(filepath.Join(o.folder.Source, stackFile(stack)))
	if err != nil {
		return fleet{}, fmt.Errorf("read the file of the stack %s: %w", stack, err)
	}
	var document struct {
		Config struct {
			Fleet fleet `yaml:"promwire:fleet"`
		} `yaml:"config"`
	}
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return fleet{}, fmt.Errorf("read the file of the stack %s: %w", stack, err)
	}
	return document.Config.Fleet, nil
}

// existing are those of the hosts that have an address. A bastion that has another host's address is that host.
func existing(hosts []host) []Existing {
	names := map[string]string{} // by address
	for _, h := range hosts {
		names[h.Address] = h.Name
	}
	var direct, behind []Existing
	for _, h := range hosts {
		switch {
		case h.Address == "":
		case h.Bastion == nil:
			direct = append(direct, h.existing(""))
		default:
			b := h.Bastion
			if names[b.Address] == "" {
				names[b.Address] = BastionName
				b.Name, b.Region = BastionName, h.Region
				direct = append(direct, b.existing(""))
			}
			behind = append(behind, h.existing(names[b.Address]))
		}
	}
	return append(direct, behind...)
}

func (h host) existing(bastion string) Existing {
	return Existing{Name: h.Name, Region: cmp.Or(h.Region, "existing"), User: cmp.Or(h.User, "root"), Bastion: bastion}
}
