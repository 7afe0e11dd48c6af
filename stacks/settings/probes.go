package settings

import (
	"slices"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/stacks/settings/document"
)

// probes are what the monitor asks from outside.
func (c *checker) probes(urls []string) []exporter.Probe {
	var probes []exporter.Probe
	for i, text := range urls {
		at := document.Index("probes", i)
		probe, err := exporter.ParseProbe(text)
		switch {
		case text == "": // reported when it was decoded
		case err != nil:
			c.Add(at, "%v", err)
		case slices.Contains(urls[:i], text):
			c.Add(at, "%q is in the list twice; write it once", text)
		default:
			probes = append(probes, probe)
		}
	}
	return probes
}
