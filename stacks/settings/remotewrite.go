package settings

import (
	"maps"
	"slices"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// remoteWrite is where else samples go. An entry with a secret is not decoded: what is said of it then could quote one. Keys that the program
// does not know are passed on, see prometheus.RemoteWrite.
func (c *checker) remoteWrite(path string, list []map[string]any) prometheus.RemoteWrite {
	var all prometheus.RemoteWrite
	names := map[string]bool{}
	before := len(c.Problems)
	for i, entry := range list {
		at, known := document.Index(path, i), len(c.Problems)
		c.secretless(at, entry, ofRemoteWrite)
		prometheus.TooLate(at, entry, func(at, name string) {
			c.Add(at, "can't be %s, because Prometheus needs this file already when it starts; put it into another one on the monitor", prometheus.Secrets.File(name))
		})
		for _, name := range prometheus.Secrets.Names(entry) {
			names[name] = true
		}
		alone := prometheus.RemoteWrite{Entries: []string{oneLine(entry)}}
		if len(c.Problems) == known {
			c.wrong(at, alone.Accepted())
		}
		all.Entries = append(all.Entries, alone.Entries...)
	}
	if len(c.Problems) == before { // each is good by itself
		c.wrong(path, all.Accepted())
	}
	all.Secrets = slices.Sorted(maps.Keys(names))
	return all
}

// wrong reports an error, if it is one.
func (c *checker) wrong(path string, err error) {
	if err != nil {
		c.Add(path, "%v", err)
	}
}
