package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/operator"
)

const (
	stack   = "lab"
	monitor = "monitor-1" // as stacks/Pulumi.lab.yaml has it
	prefix  = operator.Project + "-" + stack + "-"
)

var regions = []any{"lon1", "sfo3", "sgp1"}

// openLab is a lab of the benchmarks' own, which ends with them. What labs build once, it shares.
func openLab(b *testing.B) *fixture.Lab {
	source, err := fixture.Checkout()
	if err != nil {
		b.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(source, ".lab", "bench")
	end := func() {
		if err := fixture.Close(context.Background(), f, os.Stderr); err != nil {
			b.Error(err)
		}
	}
	end() // what a benchmark that was killed may have left
	b.Cleanup(end)
	lab, err := fixture.Open(b.Context(), f, operator.Tools{}, stacks.Run, os.Stderr)
	if err != nil {
		b.Fatal(err)
	}
	return lab
}

// fleet is the lab's stack with targets of the benchmark's choice.
type fleet struct {
	b       *testing.B
	lab     *fixture.Lab
	targets []string
}

// run is what one run of Pulumi cost.
type run struct {
	took        time.Duration
	connections map[string]int // SSH connections that were made, by host; hosts without any are not there
}

// edit puts the targets in the place of the stack file's, spread over the regions. A target's region follows from its name,
// so that taking one away moves no other.
func (f *fleet) edit(document map[string]any) {
	list := make([]any, len(f.targets))
	for i, name := range f.targets {
		list[i] = map[string]any{"name": name, "region": regions[int(name[len(name)-1])%len(regions)]}
	}
	document["targets"] = list
}

func (f *fleet) up() run {
	before := f.connections()
	var progress bytes.Buffer
	start := time.Now()
	_, err := f.lab.Operator.Up(f.b.Context(), stack, operator.Options{Progress: &progress, Edit: f.edit})
	r := run{took: time.Since(start), connections: f.connections()}
	if err != nil {
		f.b.Fatalf("%v\n%s", err, progress.Bytes())
	}
	for host := range r.connections {
		if r.connections[host] -= before[host]; r.connections[host] == 0 {
			delete(r.connections, host)
		}
	}
	return r
}

func (f *fleet) destroy() run {
	var progress bytes.Buffer
	start := time.Now()
	if _, err := f.lab.Operator.Destroy(f.b.Context(), stack, operator.Options{Progress: &progress, Edit: f.edit}); err != nil {
		f.b.Fatalf("%v\n%s", err, progress.Bytes())
	}
	return run{took: time.Since(start)}
}

// connections are the SSH connections that each host of the fleet has accepted since it booted.
func (f *fleet) connections() map[string]int {
	byMachine, err := f.lab.Connections(f.b.Context())
	if err != nil {
		f.b.Fatal(err)
	}
	byHost := map[string]int{}
	for machine, count := range byMachine {
		byHost[strings.TrimPrefix(machine, prefix)] = count
	}
	return byHost
}

// share is what the monitor takes of the state, and what the target that has most does.
func (f *fleet) share() (ofMonitor, ofTarget operator.Share) {
	state, err := f.lab.Operator.Export(f.b.Context(), stack)
	if err != nil {
		f.b.Fatal(err)
	}
	shares, err := operator.Shares(state, append([]string{monitor}, f.targets...)...)
	if err != nil {
		f.b.Fatal(err)
	}
	for _, host := range f.targets {
		if shares[host].Bytes > ofTarget.Bytes {
			ofTarget = shares[host]
		}
	}
	return shares[monitor], ofTarget
}

// names are those of a fleet's targets.
func names(targets int) []string {
	list := make([]string, targets)
	for i := range list {
		list[i] = fmt.Sprintf("node-%d", i+1)
	}
	return list
}
