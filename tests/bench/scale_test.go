package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/stacks"
	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/operator"
	"github.com/promwire/promwire/tests/lab/setup"
)

// checkpoints is when Pulumi writes the state: after each step, as it does by itself, or once at the end of a run (docs/performance.md). To
// write all of it after each step takes time that grows with the square of the fleet.
type checkpoints struct {
	name     string
	variable map[string]string
	sizes    []int
}

// BenchmarkScale is the life of fleets of hosts that run nothing, with the real engine, its file backend and the lab's plugins: what a run costs
// beside what the hosts do, what the state weighs, and how both grow. PROMWIRE_BENCH_TARGETS has other sizes, with commas between them.
func BenchmarkScale(b *testing.B) {
	for _, when := range []checkpoints{
		{name: "each step", sizes: sizesOr(b, 10, 100)},
		{name: "once", sizes: sizesOr(b, 10, 100, 1000), variable: map[string]string{"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}},
	} {
		for _, targets := range when.sizes {
			b.Run(fmt.Sprintf("targets=%d/written %s", targets, when.name), func(b *testing.B) {
				for name, value := range when.variable {
					b.Setenv(name, value)
				}
				hosts := newPuppets(b)
				for b.Loop() {
					(&scale{b: b, hosts: hosts, operator: newOperator(b), rows: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)}).life(targets)
				}
			})
		}
	}
}

func sizesOr(b *testing.B, otherwise ...int) []int {
	text, ok := os.LookupEnv("PROMWIRE_BENCH_TARGETS")
	if !ok {
		return otherwise
	}
	var sizes []int
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			b.Fatalf("PROMWIRE_BENCH_TARGETS: %v", err)
		}
		sizes = append(sizes, n)
	}
	return sizes
}

// scale is one fleet from nothing to nothing.
type scale struct {
	b        *testing.B
	hosts    *puppets
	operator *operator.Operator
	rows     *tabwriter.Writer
}

func (s *scale) life(targets int) {
	fmt.Fprintln(s.rows, "\nTARGETS\tRUN\tTIME\tCONNECTIONS\tWRITTEN\tCLI\tPLUGINS\tPROGRAM\tSTATE\tA TARGET\tTHE MONITOR\t")
	s.run("first up", targets, s.up)
	s.run("unchanged", targets, s.up)
	s.run("preview", targets, s.preview)
	s.run("one more", targets+1, s.up)
	s.run("one less", targets, s.up)
	s.run("destroy", targets, s.destroy)
	s.rows.Flush()
}

// run measures one run, and reports its time.
func (s *scale) run(name string, targets int, do func(context.Context, operator.Options) error) {
	before := s.hosts.connections.Load()
	stop := watch(s.b)
	var progress bytes.Buffer
	start := time.Now()
	err := do(s.b.Context(), operator.Options{Progress: &progress, Edit: s.hosts.fleet(targets)})
	took := time.Since(start)
	peak := stop()
	if err != nil { // which has all of the progress, a line a resource
		_, said, _ := strings.Cut(progress.String(), "\nDiagnostics:\n")
		s.b.Fatalf("%s: it failed:\n%s", name, said)
	}
	state, err := s.operator.Export(s.b.Context(), "existing")
	if err != nil {
		s.b.Fatal(err)
	}
	shares, err := operator.Shares(state, monitor, "node-1")
	if err != nil {
		s.b.Fatal(err)
	}
	s.b.ReportMetric(took.Seconds(), strings.ReplaceAll(name, " ", "-")+"-s")
	fmt.Fprintf(s.rows, "%d\t%s\t%v\t%d\t%.1f MB\t%.0f MB\t%.0f MB\t%.0f MB\t%.2f MB\t%d B\t%d B\t\n", targets, name, took.Round(100*time.Millisecond),
		s.hosts.connections.Load()-before, peak.written/1e6, peak.cli/1e6, peak.plugins/1e6, peak.program/1e6, float64(len(state.Deployment))/1e6,
		shares["node-1"].Bytes, shares[monitor].Bytes)
}

func (s *scale) up(ctx context.Context, options operator.Options) error {
	_, err := s.operator.Up(ctx, "existing", options)
	return err
}

func (s *scale) preview(ctx context.Context, options operator.Options) error {
	_, err := s.operator.Preview(ctx, "existing", options)
	return err
}

func (s *scale) destroy(ctx context.Context, options operator.Options) error {
	_, err := s.operator.Destroy(ctx, "existing", options)
	return err
}

// newOperator is one with a backend of its own, and without a lab.
func newOperator(b *testing.B) *operator.Operator {
	source, err := fixture.Checkout()
	if err != nil {
		b.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(b.TempDir(), "run")
	if err := setup.Ensure(b.Context(), f, os.Stderr, setup.Tools, setup.Plugins); err != nil {
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
