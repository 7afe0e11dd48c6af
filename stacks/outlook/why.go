package outlook

import (
	"fmt"
	"strings"

	"github.com/promwire/promwire/provisioners/plan"
)

// most is how many names a line says; more are counted.
const most = 3

// effect says what another plan does to a host.
func (c *change) effect(e plan.Effect) {
	c.add(files)
	if len(e.Restarts) > 0 {
		c.add(restart, "restarts "+few(units(e.Restarts)))
	}
	if len(e.Starts) > 0 {
		c.add(files, "starts "+few(units(e.Starts)))
	}
	if len(e.Ends) > 0 {
		c.add(restart, "ends "+few(units(e.Ends)))
	}
	if len(e.May) > 0 {
		c.add(files, "may restart "+few(units(e.May)))
	}
	switch {
	case len(e.Files) > 0:
		c.add(files, "files: "+few(e.Files))
	case len(e.Calls) > 0:
		c.add(files, "also "+few(e.Calls))
	case len(c.why) == 0:
		c.add(files, "converge runs again")
	}
}

// units are their names without the type that needs no word.
func units(names []string) []string {
	var short []string
	for _, name := range names {
		short = append(short, strings.TrimSuffix(name, ".service"))
	}
	return short
}

// few are the first names, and how many more there are.
func few(names []string) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// monitor adds what others make the monitor do.
func (o Outlook) monitor(all map[string]*change, enrolled int) {
	if len(o.Hosts) == 0 || all[o.Hosts[0].Name].all {
		return
	}
	c := all[o.Hosts[0].Name]
	if enrolled > 0 {
		c.add(files, fmt.Sprintf("enrols %d", enrolled))
	}
	if o.Leaving > 0 {
		c.add(files, fmt.Sprintf("withdraws %d", o.Leaving))
	}
}

// hub adds what others make the hub do.
func (o Outlook) hub(all map[string]*change, peers int) {
	if c := all[o.Hub]; c != nil && !c.all && peers > 0 {
		c.add(files, fmt.Sprintf("peers: %d", peers))
	}
}
