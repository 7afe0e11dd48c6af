package stacks

import (
	"testing"

	"github.com/promwire/promwire/stacks/settings"
)

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
