package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/operator"
	"github.com/promwire/promwire/tests/lab/setup"
)

// BenchmarkState is the first `up` of fleets of existing machines that run nothing, with the real engine, its file backend and the lab's
// plugins: what the state of a fleet weighs, and how the time grows with it. The machines cost next to nothing here, so the time is Pulumi's.
func BenchmarkState(b *testing.B) {
	rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "\nTARGETS\tSTATE\tA TARGET\tOF THE MONITOR\tUP\tUNCHANGED\tCONNECTIONS\t")
	for _, targets := range []int{1, 15, 100} {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			hosts := newPuppets(b)
			o := newOperator(b)
			for b.Loop() {
				up := func() time.Duration {
					var progress bytes.Buffer
					start := time.Now()
					if _, err := o.Up(b.Context(), "existing", operator.Options{Progress: &progress, Edit: hosts.fleet(targets)}); err != nil {
						b.Fatalf("%v\n%s", err, progress.Bytes())
					}
					return time.Since(start)
				}
				first := up()
				connections := hosts.connections.Load()
				unchanged := up()
				state, err := o.Export(b.Context(), "existing")
				if err != nil {
					b.Fatal(err)
				}
				shares, err := operator.Shares(state, monitor, "node-1")
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(state.Deployment)), "state-B")
				b.ReportMetric(float64(shares["node-1"].Bytes), "state-B/target")
				fmt.Fprintf(rows, "%d\t%d B\t%d B\t%d B\t%v\t%v\t%d\t\n", targets, len(state.Deployment), shares["node-1"].Bytes,
					shares[monitor].Bytes, first.Round(100*time.Millisecond), unchanged.Round(100*time.Millisecond), connections)
			}
		})
	}
	rows.Flush()
}

// newOperator is one with a backend of its own, and without a lab.
func newOperator(b *testing.B) *operator.Operator {
	source, err := fixture.Checkout()
	if err != nil {
		b.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(b.TempDir(), "run")
	if err := setup.Ensure(context.Background(), f, os.Stderr, setup.Tools); err != nil {
		b.Fatal(err)
	}
	o, err := operator.New(f, operator.Lab{From: []string{"127.0.0.0/8"}}, operator.Tools{}, stacks.Run)
	if err != nil {
		b.Fatal(err)
	}
	return o
}

// fleet makes all hosts of a fleet puppets, each with an address of the loopback for itself.
func (p *puppets) fleet(targets int) operator.Edit {
	host := func(name string, n int) map[string]any {
		return map[string]any{
			"name": name, "region": "here", "address": fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250), "port": p.Port, "hostKey": p.HostKey,
		}
	}
	return func(fleet map[string]any) {
		fleet["network"] = map[string]any{"cidr": "10.98.0.0/20"}
		fleet["monitor"] = host(monitor, 0)
		list := make([]any, targets)
		for i, name := range names(targets) {
			list[i] = host(name, 1+i)
		}
		fleet["targets"] = list
		delete(fleet, "releases") // the pinned ones, which nobody loads here
	}
}
