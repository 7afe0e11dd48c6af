package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/fixture"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ line, args, rest, dir string }{
		{"", "", "", "default"},
		{"lab", "lab", "", "default"},
		{"-dir x lab", "lab", "", "x"},
		{"lab -dir x", "lab", "", "x"},
		{"a -dir x b", "a b", "", "x"},
		{"lab -- stack -dir x --", "lab", "stack -dir x --", "default"},
		{"-- ls", "", "ls", "default"},
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		dir := flags.String("dir", "default", "")
		args, rest, err := parse(flags, strings.Fields(c.line))
		if err != nil || strings.Join(args, " ") != c.args || strings.Join(rest, " ") != c.rest || *dir != c.dir {
			t.Errorf("%q: args %q, rest %q, dir %q, error %v", c.line, args, rest, *dir, err)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		args, rest []string
		stack      string // of stackArgument; empty: refused
		one, none  bool   // whether oneArgument and noArguments take them
	}{
		{nil, nil, "lab", false, true},
		{[]string{"prod"}, nil, "prod", true, false},
		{[]string{"prod", "lab"}, nil, "", false, false},
		{nil, []string{"prod"}, "", false, false},
	} {
		if stack, err := stackArgument(c.args, c.rest); stack != c.stack || (err == nil) != (c.stack != "") {
			t.Errorf("%q -- %q: stack %q, error %v", c.args, c.rest, stack, err)
		}
		if _, err := oneArgument("host", c.args); (err == nil) != c.one {
			t.Errorf("%q as one argument: %v", c.args, err)
		}
		if err := noArguments(c.args, c.rest); (err == nil) != c.none {
			t.Errorf("%q -- %q as none: %v", c.args, c.rest, err)
		}
	}
}

func TestEachCommandSaysWhatItDoes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range commands {
		if c.run == nil || c.summary == "" || (c.help == "") != c.hidden {
			t.Errorf("%s is described by halves", c.name)
		}
		if seen[c.name] {
			t.Errorf("%s is there twice", c.name)
		}
		seen[c.name] = true
	}
}

func TestBrief(t *testing.T) {
	err := fmt.Errorf("up lab: %w", errors.New("failed to run update: exit status 1\ncode: 1\nstdout: pages of it"))
	if got := brief(err); got != "up lab: failed to run update: exit status 1" {
		t.Errorf("got %q", got)
	}
}

func TestPassStatus(t *testing.T) {
	var status exitStatus
	if err := passStatus(exec.Command("sh", "-c", "exit 7").Run()); !errors.As(err, &status) || status != 7 {
		t.Errorf("exit 7 gives %v", err)
	}
	if err := passStatus(exec.Command("/nowhere").Run()); err == nil || errors.As(err, &status) {
		t.Errorf("a program that is not there gives %v", err)
	}
	if err := passStatus(nil); err != nil {
		t.Errorf("success gives %v", err)
	}
}

func TestTargetsTable(t *testing.T) {
	targets, err := readTargets([]any{
		map[string]any{"name": "node-1", "region": "lon1", "address": "198.51.100.40", "tunnel": "10.98.0.2"},
		map[string]any{"name": "node-2", "region": "sgp1", "address": "198.51.100.70", "tunnel": "10.98.0.3"},
		map[string]any{"name": "node-3", "region": "sfo3", "address": "198.51.100.99", "tunnel": "10.98.0.4"},
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 5, 1, 10, 0, 0, 0, time.UTC)
	var table bytes.Buffer
	writeTargets(&table, targets, map[string]fixture.Scrape{
		"10.98.0.2": {Health: "up", Last: now.Add(-3 * time.Second)},
		"10.98.0.3": {Health: "down", Last: now.Add(-90 * time.Second)},
	}, now)
	const want = `
TARGET  REGION  ADDRESS        TUNNEL     UP   LAST SCRAPE
node-1  lon1    198.51.100.40  10.98.0.2  yes  3s ago
node-2  sgp1    198.51.100.70  10.98.0.3  no   1m30s ago
node-3  sfo3    198.51.100.99  10.98.0.4  no   never
`
	if got := "\n" + table.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
	for _, bad := range []any{nil, "text", []any{"text"}} {
		if _, err := readTargets(bad); err == nil {
			t.Errorf("%v was taken for targets", bad)
		}
	}
}
