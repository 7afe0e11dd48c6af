package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
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

// called are the documents' lines that call the lab: what stands behind the command, up to the end of the code.
var called = regexp.MustCompile("go run \\./tests/lab\\b([^`\n#]*)")

// TestWhatDocumentsCall: each command and flag that people are told to use is there.
func TestWhatDocumentsCall(t *testing.T) {
	calls := 0
	for _, document := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "stacks/Pulumi.lab.yaml", "stacks/Pulumi.existing.yaml"} {
		text, err := os.ReadFile("../../" + document)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range called.FindAllStringSubmatch(string(text), -1) {
			calls++
			if err := understood(strings.Fields(call[1])); err != nil {
				t.Errorf("%s: %s: %v", document, call[0], err)
			}
		}
	}
	if calls == 0 {
		t.Error("no document calls the lab")
	}
	for _, wrong := range []string{"", "upp", "cloud", "-verbose up", "up -verbose", "up lab prod", "ssh", "status lab", "pulumi lab stack"} {
		if err := understood(strings.Fields(wrong)); err == nil {
			t.Errorf("%q is understood", wrong)
		}
	}
}

// understood says whether the lab would understand a command line, without doing what it says.
func understood(line []string) error {
	c := &cli{}
	global := flag.NewFlagSet("lab", flag.ContinueOnError)
	global.SetOutput(io.Discard)
	c.commonFlags(global)
	if err := global.Parse(line); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == global.Arg(0) && !c.hidden })
	if i < 0 {
		return fmt.Errorf("there is no command %q", global.Arg(0))
	}
	flags := flag.NewFlagSet(commands[i].name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	c.allFlags(commands[i], flags)
	args, rest, err := parse(flags, global.Args()[1:])
	if err != nil {
		return err
	}
	return taken(commands[i].arguments, args, rest)
}

// taken compares arguments with how a command describes them: STACK must be there, [STACK] may, and the rest stands
// behind --.
func taken(described string, args, rest []string) error {
	words := strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(described))
	may, behind := len(words), slices.Index(words, "--")
	if behind >= 0 {
		may = behind
	}
	must := may
	if strings.HasPrefix(described, "[") {
		must = 0
	}
	if len(args) < must || len(args) > may || behind < 0 && len(rest) > 0 {
		return fmt.Errorf("it takes %q, not %q -- %q", described, args, rest)
	}
	return nil
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
	wrapped := fmt.Errorf("build the lab: %w", exec.Command("sh", "-c", "exit 1").Run())
	if err := passStatus(wrapped); !errors.Is(err, wrapped) {
		t.Errorf("another program's failure is kept quiet: %v", err)
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
	writeTargets(&table, targets, []fixture.Scrape{
		{Address: "10.98.0.2", Labels: map[string]string{"job": "node"}, Health: "up", Last: now.Add(-3 * time.Second)},
		{Address: "10.98.0.2", Labels: map[string]string{"job": "redis"}, Health: "up", Last: now.Add(-8 * time.Second)},
		{Address: "10.98.0.3", Labels: map[string]string{"job": "node"}, Health: "up", Last: now.Add(-9 * time.Second)},
		{Address: "10.98.0.3", Labels: map[string]string{"job": "redis"}, Health: "down", Last: now.Add(-90 * time.Second)},
	}, now)
	const want = `
TARGET  REGION  ADDRESS        TUNNEL     UP         LAST SCRAPE
node-1  lon1    198.51.100.40  10.98.0.2  yes        8s ago
node-2  sgp1    198.51.100.70  10.98.0.3  no: redis  1m30s ago
node-3  sfo3    198.51.100.99  10.98.0.4  no         never
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
