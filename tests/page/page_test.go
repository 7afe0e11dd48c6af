// Package page looks at the fleet page in a real browser, as a real Prometheus serves it.
package page

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
	"github.com/promwire/promwire/tests/page/stage"
)

var lab = folder.Default(filepath.Join("..", ".."))

func TestMain(m *testing.M) {
	if err := setup.Ensure(context.Background(), lab, os.Stderr, setup.Packages, setup.Tools, setup.Browser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestFleet: all hosts are drawn and listed, with what is known of their tunnels, and the browser has nothing to complain about.
func TestFleet(t *testing.T) {
	s := stage.New(t, stage.Options{Bin: lab.Bin(), Interval: time.Second, Hosts: stage.Fleet(6)})
	s.Has(`count(up == 1) == 8`)
	tab := stage.Open(t, stage.Browser(t), s.URL, stage.Look{})
	tab.Until(`document.querySelectorAll(".picture a").length === 7`)
	tab.Until(`document.querySelectorAll("#hosts tbody tr").length === 7`)
	if dir := os.Getenv("SHOT"); dir != "" {
		os.WriteFile(dir+"/fleet.png", tab.Picture(), 0o644)
	}
	if said := tab.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}
