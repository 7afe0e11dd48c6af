// Package outlook says what an update will do to each host, in one table for a preview. It is pure: what the engine would do to resources
// comes in, text goes out. What nobody knows before the update is said to be unknown.
package outlook

import (
	"slices"

	"github.com/promwire/promwire/provisioners/plan"
)

// Machine is where a host is. The zero Machine is an existing one.
type Machine struct {
	Role   string // as prometheus.RoleMonitor; "": not known
	Region string // of a droplet
	Size   string // of a droplet; "": an existing machine
}

// Host is one of the stack file.
type Host struct {
	Name string
	Machine
}

// What is a resource of a host.
type What string

// The resources of hosts: the ends of their names in the stack.
const (
	Droplet     What = "droplet"
	Bootstrap   What = "bootstrap"
	Enrol       What = "enrol" // runs on the monitor
	Peer        What = "peer"  // runs on the hub
	Converge    What = "converge"
	Alerting    What = "alerting"
	RemoteWrite What = "remote-write"
)

// Step is what the engine would do to one resource. One that stays as it is has none.
type Step struct {
	Host          string // or the end of the tunnel that is enrolled
	What          What
	Created       bool // made, or made again; not changed in place
	Before, After Values
}

// Values are what matters of a resource. The zero Values are of one that is not there.
type Values struct {
	Script  string
	Unknown bool   // Script is known only when other resources are there
	At      string // how the machine is reached and recognised; "": known only then
	Region  string // of a droplet
	Size    string // of a droplet
}

// Outlook is all that is known before an update.
type Outlook struct {
	Hosts   []Host             // of the stack file, the monitor first
	Had     map[string]Machine // of the last update, by host
	Leaving int                // how many ends of the tunnel the monitor withdraws
	Steps   []Step
	Hub     string // name of the host where all ends of the tunnel meet; "": the monitor
	Prices  Prices
}

// kind is what happens to a host in a word. The first of several counts.
type kind int

const (
	removed kind = iota
	replace
	isNew
	restart
	unknown
	files
	cloud
	nothing
)

var words = [...]string{"removed", "replace", "new", "restart", "unknown", "files", "cloud", "nothing"}

// change is what happens to one host, and why.
type change struct {
	kind kind
	why  []string
	all  bool // of the host is made or removed: its steps say nothing more
}

func (c *change) add(k kind, why ...string) {
	c.kind = min(c.kind, k)
	for _, w := range why {
		if !slices.Contains(c.why, w) {
			c.why = append(c.why, w)
		}
	}
}

// changes are what happens to each host, by its name.
func (o Outlook) changes() map[string]*change {
	all := map[string]*change{}
	for _, h := range o.Hosts {
		all[h.Name] = o.machine(h)
	}
	for name, m := range o.Had {
		if all[name] != nil {
			continue
		}
		all[name] = whole(removed, "what promwire made there is undone")
		if m.Size != "" {
			all[name].why = []string{"its droplet is deleted"}
		}
	}
	enrolled, peers := 0, 0
	for _, s := range o.Steps {
		switch c := all[s.Host]; {
		case s.What == Enrol:
			enrolled++
		case s.What == Peer:
			peers++
		case c == nil || c.all:
		default:
			c.step(s)
		}
	}
	o.monitor(all, enrolled)
	o.hub(all, peers)
	return all
}

// machine is what happens to a host as a whole.
func (o Outlook) machine(h Host) *change {
	had, there := o.Had[h.Name]
	switch {
	case !there && h.Size != "":
		return whole(isNew, "a droplet, "+h.Size)
	case !there:
		return whole(isNew, "an existing machine")
	case (had.Size == "") != (h.Size == ""):
		return whole(replace, had.kind()+" → "+h.Machine.kind())
	case had.Size != "" && had.Region != h.Region:
		return whole(replace, "another droplet: region "+had.Region+" → "+h.Region)
	case had.Role == "" || had.Role == h.Role:
		return &change{kind: nothing}
	case had.Size != "":
		return whole(replace, "another droplet: "+had.Role+" → "+h.Role)
	}
	return whole(restart, had.Role+" → "+h.Role)
}

// whole is a change of all of a host.
func whole(k kind, why string) *change { return &change{kind: k, why: []string{why}, all: true} }

func (m Machine) kind() string {
	if m.Size == "" {
		return "an existing machine"
	}
	return "a droplet"
}

// step adds what one step does to a host that stays.
func (c *change) step(s Step) {
	switch s.What {
	case Droplet:
		c.droplet(s)
	case Bootstrap:
		c.add(files, "bootstrap runs again")
	case Converge:
		c.converge(s)
	case Alerting:
		c.add(files, "secrets of alerting, or their test")
	case RemoteWrite:
		c.add(files, "secrets of remote writing")
	}
}

func (c *change) droplet(s Step) {
	switch {
	case s.Created:
		c.add(replace, "another droplet")
	case s.Before.Size != s.After.Size:
		c.add(restart, "the droplet is off meanwhile: size "+s.Before.Size+" → "+s.After.Size)
	default:
		c.add(cloud, "only what the cloud keeps of the droplet, such as tags")
	}
}

func (c *change) converge(s Step) {
	switch {
	case s.Before.Script == "":
		c.add(unknown, "it did not converge yet, or the state does not say how")
		return
	case s.After.Unknown:
		c.add(unknown, "its plan is known when bootstrap and enrol have run")
		return
	case s.After.At == "" || s.Before.At != s.After.At:
		c.add(unknown, "it is reached in another way: it may be another machine")
	}
	e, err := plan.Difference(s.Before.Script, s.After.Script)
	if err != nil {
		c.add(unknown, "its former plan cannot be read")
		return
	}
	c.effect(e)
}
