package stacks

import (
	"slices"
	"testing"

	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/stacks/settings"
)

// TestKnown: what is leaving may be there until the proof, on the hub a monitor that has another name now.
func TestKnown(t *testing.T) {
	state := record.State{}
	for name, by := range map[string]string{
		"old-1-peer": monitor.Type, "mon-1-peer": monitor.Type, "hub-1-enrol": target.Type, "web-1-peer": target.Type, "web-1-enrol": target.Type,
		"gone-1-peer": target.Type, "gone-1-enrol": target.Type,
	} {
		state["urn:pulumi:prod::promwire::promwire:index:Fleet$"+by+"$"+remote.Type+"::"+name] = map[string]any{"outputs": map[string]any{}}
	}
	host := func(name string) settings.Host { return settings.Host{Name: name} }
	s := &settings.Settings{
		Monitor: settings.Monitor{Host: host("mon-1")}, Hub: &settings.Hub{Host: host("hub-1")}, Targets: []settings.Host{host("web-1")},
	}
	k := translation{settings: s, state: state}.known(nil)
	if !slices.Equal(k.Leaving, []string{"gone-1"}) || !slices.Equal(k.AtHub, []string{"old-1"}) {
		t.Errorf("leaving: %v, at the hub: %v", k.Leaving, k.AtHub)
	}
}
