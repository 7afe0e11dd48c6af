// Package bench measures, and asserts nothing about time. See the README for how to run it.
package bench

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/promwire/promwire/tests/lab/operator"
	"github.com/promwire/promwire/tests/mocks"
)

// sizes of fleets that are previewed, in targets.
var sizes = []int{100, 1000}

// BenchmarkProgram is only the program, against mocks, with many targets: time and memory that a preview needs before any
// plugin answers.
func BenchmarkProgram(b *testing.B) {
	for _, targets := range sizes {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			fleet := fmt.Sprintf(`{
				"network": {"cidr": "10.98.0.0/20"},
				"monitor": {"name": "monitor", "region": "tor1"},
				"targets": [{"name": "node", "count": %d, "regions": ["lon1", "sfo3", "sgp1"]}]
			}`, targets)
			b.ReportAllocs()
			for b.Loop() {
				resources := mocks.MustRun(b, fleet, "")
				b.ReportMetric(float64(len(resources)), "resources")
			}
			var memory runtime.MemStats
			runtime.ReadMemStats(&memory)
			b.ReportMetric(float64(memory.Sys)/1e6, "MB-from-OS")
		})
	}
}

// BenchmarkPreview is a real `pulumi preview` of a fleet that does not exist yet, with the lab's plugins: its time, and the
// peak of the resident memory of the CLI, of its plugins, and of the program, which runs in this process.
func BenchmarkPreview(b *testing.B) {
	lab := openLab(b)
	for _, targets := range sizes {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			for b.Loop() {
				var progress bytes.Buffer
				stop := watch(b)
				_, err := lab.Operator.Preview(b.Context(), stack, operator.Options{Progress: &progress, Edit: group(targets)})
				peak := stop()
				if err != nil {
					b.Fatalf("%v\n%s", err, progress.Bytes())
				}
				b.ReportMetric(peak.cli/1e6, "MB-cli")
				b.ReportMetric(peak.plugins/1e6, "MB-plugins")
				b.ReportMetric(peak.program/1e6, "MB-program")
			}
		})
	}
}

// group makes all targets of the fleet one group, in a network that is large enough.
func group(targets int) operator.Edit {
	return func(fleet map[string]any) {
		fleet["network"] = map[string]any{"cidr": "10.98.0.0/20"}
		fleet["targets"] = []any{map[string]any{"name": "node", "count": targets, "regions": regions}}
	}
}
