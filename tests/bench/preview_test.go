// Package bench measures; it asserts nothing about time. See the README for how to run it.
package bench

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/promwire/promwire/tests/mocks"
)

// BenchmarkPreview is the program alone, against mocks, with many targets: time and memory that a preview needs before any
// plugin answers.
func BenchmarkPreview(b *testing.B) {
	for _, targets := range []int{100, 1000} {
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
