package page

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/promwire/promwire/tests/page/stage"
)

//go:embed testdata/access.js
var access string

// views are the page's, by what shows that they are there.
var views = map[string]string{
	"":              `document.querySelectorAll("#hosts tbody tr").length > 0`,
	"#/host/h0":     `document.getElementById("detail").innerText.includes("State")`,
	"#/host/node-1": `document.querySelectorAll("#detail canvas").length === 6`,
}

// TestAccess: names, headings, tables and contrast are as people need them who can't see well, in both themes, on phones, and when
// Prometheus is away; and nothing is wider than a phone.
func TestAccess(t *testing.T) {
	fleet := stage.Fleet(6)
	fleet[3].Metrics = "not metrics"
	fleet[4].Name = "a-name-that-is-as-long-as-a-name-of-a-host-can-be-which-is-63-let"
	s := start(t, fleet, downRule)
	s.Has(`ALERTS{alertstate="firing"}`)
	browser := stage.Browse(t)
	backs := map[string]bool{}
	for _, look := range []stage.Look{{}, {Dark: true}, {Width: 375, Height: 800}, {Width: 320, Height: 600, Dark: true}} {
		for hash, there := range views {
			t.Run(fmt.Sprintf("%d dark %v %s", look.Width, look.Dark, hash), func(t *testing.T) {
				tab := browser.Open(t, s.URL+hash, look)
				tab.Until(there)
				check := func(when string) {
					t.Helper()
					for _, complaint := range stage.Eval[[]string](tab, access) {
						t.Errorf("%s: %s", when, complaint)
					}
				}
				check("there")
				if wide := stage.Eval[int](tab, `document.scrollingElement.scrollWidth - innerWidth`); wide > 0 {
					t.Errorf("it is %d pixels wider than the window", wide)
				}
				backs[stage.Eval[string](tab, `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector(".sign")).fill`)] = true
				contentWith(t, tab)
				stage.Eval[any](tab, `clearTimeout(timer), failed(new Away("test")), 1`)
				check("away")
			})
		}
	}
	if len(backs) != 2 {
		t.Errorf("light and dark have the colours %v", backs)
	}
}
