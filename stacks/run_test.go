package stacks

import (
	"strings"
	"testing"

	"github.com/promwire/promwire/stacks/settings"
)

// A program's own pods dial the monitor, which nobody can where there is a hub.
func TestCheckEnds(t *testing.T) {
	hub := &settings.Settings{Hub: &settings.Hub{}}
	if err := checkEnds(hub, []string{"queue", "shop"}); err == nil || !strings.Contains(err.Error(), "or queue, shop in the program") {
		t.Errorf("error %v", err)
	}
	for name, err := range map[string]error{"no hub": checkEnds(&settings.Settings{}, []string{"queue"}), "no ends": checkEnds(hub, nil)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
