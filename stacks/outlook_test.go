package stacks

import (
	"testing"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/stacks/outlook"
)

// The end of a name says which resource it is, with hyphens or without.
func TestOfHost(t *testing.T) {
	for name, c := range map[string]struct {
		kind string
		host string
		what outlook.What // "": it is none of a host
	}{
		"lon-droplet":              {"digitalocean:index/droplet:Droplet", "lon", outlook.Droplet},
		"lon-1-converge":           {remote.Type, "lon-1", outlook.Converge},
		"monitor-alerting":         {remote.Type, "monitor", outlook.Alerting},
		"monitor-remote-write":     {remote.Type, "monitor", outlook.RemoteWrite},
		"remote-enrol":             {remote.Type, "remote", outlook.Enrol},
		"lon-1-peer":               {remote.Type, "lon-1", outlook.Peer},
		"monitor-verification":     {remote.Type, "", ""},
		"remote-write":             {remote.Type, "", ""},
		"lon-1-remote-write-enrol": {remote.Type, "lon-1-remote-write", outlook.Enrol},
		"droplet-converge":         {"digitalocean:index/droplet:Droplet", "", ""},
	} {
		host, what, of := ofHost(c.kind, name)
		if host != c.host || what != c.what || of != (c.what != "") {
			t.Errorf("%s: %q, %q, %v", name, host, what, of)
		}
	}
}
