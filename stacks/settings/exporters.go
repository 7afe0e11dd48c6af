package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/stacks/settings/document"
)

// targetExporters are what a target is to run: the node exporter, then the others in the stack file's order.
func (c *checker) targetExporters(path string, t document.Target) []exporter.Choice {
	names := t.Exporters
	if names == nil {
		names = []string{exporter.Node}
	}
	rows := []exporter.Exporter{row(exporter.Node)}
	for i, name := range names {
		at := document.Index(path+".exporters", i)
		found, err := exporter.Find(name)
		switch {
		case name == "": // reported when it was decoded
		case strings.TrimSuffix(name, "_exporter") == exporter.Blackbox:
			c.Add(at, "%s runs on the monitor only; list the URLs that it is to ask in probes", name)
		case err != nil:
			c.Add(at, "%v", err)
		case slices.Contains(names[:i], name):
			c.Add(at, "%s is in the list twice; write it once", name)
		case name != exporter.Node:
			rows = append(rows, found)
		}
	}
	if !slices.Contains(names, exporter.Node) && !slices.Contains(names, "") { // an empty one was reported already, and may be it
		c.Add(path+".exporters", "%s is missing; every target runs it, because promwire's own checks and alerts need it", exporter.Node)
	}
	return c.choices(path, rows, t.Flags, t.Secrets)
}

// monitorExporters are what the monitor runs: the node exporter, and the blackbox exporter where there is something to probe.
func (c *checker) monitorExporters(path string, m document.Monitor, probing bool) []exporter.Choice {
	rows := []exporter.Exporter{row(exporter.Node)}
	if probing {
		rows = append(rows, row(exporter.Blackbox))
	}
	return c.choices(path, rows, m.Flags, nil)
}

// row is a row that the table always has.
func row(name string) exporter.Exporter {
	found, err := exporter.Find(name)
	if err != nil {
		panic(err)
	}
	return found
}

// choices are the rows with the host's own settings for them.
func (c *checker) choices(path string, rows []exporter.Exporter, flags map[string][]string, secrets map[string]string) []exporter.Choice {
	var names []string
	var all []exporter.Choice
	for _, r := range rows {
		names = append(names, r.Name)
		all = append(all, exporter.Choice{
			Exporter: r, Release: c.pinned[r.Release],
			MoreFlags:  c.flags(path+".flags."+r.Name, r, flags[r.Name]),
			SecretFile: c.secretFile(path+".secrets."+r.Name, r, secrets[r.Name]),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		c.onHost(path+".flags", name, names)
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		c.onHost(path+".secrets", name, names)
	}
	return all
}

// onHost reports a setting for an exporter that the host does not run.
func (c *checker) onHost(path, name string, names []string) {
	switch {
	case slices.Contains(names, name):
	case name == exporter.Blackbox:
		c.Add(path+"."+name, "%s runs on the monitor only, and only if there are probes", name)
	default:
		c.Add(path+"."+name, "this host does not run the exporter %q; it runs %s", name, strings.Join(names, ", "))
	}
}

// guarded are a host's TCP ports that nobody but the monitor may reach, and what has each of them.
func guarded(exporters []exporter.Choice) map[int]string {
	ports := map[int]string{certificate.ReceivePort: "the renewal of certificates", fence.Port: "the fence"}
	for _, e := range exporters {
		ports[e.Port] = "the exporter " + e.Name
		ports[e.Port+exporter.TLSOffset] = "the exporter " + e.Name
	}
	return ports
}
