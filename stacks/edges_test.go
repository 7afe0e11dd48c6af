package stacks

import (
	"net/netip"
	"testing"

	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// TestEdgesOfPods: pods of two namespaces are one end of the tunnel, so the host has one edge with them, and the gateway two dials.
func TestEdgesOfPods(t *testing.T) {
	s := &settings.Settings{Network: settings.Network{V4: netip.MustParsePrefix("10.98.0.0/24")}}
	for _, namespace := range []string{"shop", "till"} {
		s.Allow = append(s.Allow, settings.Edge{From: "a", To: "db-1", Port: 5432, Namespace: namespace})
	}
	fleet := translation{settings: s, addresses: ledger.Ledger{Hosts: map[string]int{"db-1": 2, "a": 3}}}
	if got := fleet.admits("db-1"); len(got) != 1 || got[0].Address.String() != "10.98.0.3" {
		t.Errorf("db-1 admits %v", got)
	}
	if got := fleet.podsDial("a"); len(got) != 2 || got[1].To.String() != "10.98.0.2:5432" {
		t.Errorf("pods dial %v", got)
	}
}

// TestPicture: a node is one wherever it stands, also if it is called as a word of the language.
func TestPicture(t *testing.T) {
	const want = `flowchart LR
  h1[web-1] -->|5432| h2[end]
  h2[end] -->|9090| h3[monitor-1]
`
	if got := picture([]settings.Edge{{From: "web-1", To: "end", Port: 5432}, {From: "end", To: "monitor-1", Port: 9090}}); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
