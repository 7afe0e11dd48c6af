package prometheus

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/promwire/promwire/provisioners/exporter"
)

// JobProbe is the job of the monitor's probes.
const JobProbe = exporter.Blackbox

// Probes are those of the monitor's blackbox exporter.
type Probes struct {
	At   netip.AddrPort // of the exporter
	List []exporter.Probe
}

// render is a scrape configuration: the address of each target is the exporter's, and the URL is a parameter. The instance is
// the URL as the stack file has it.
func (p *Probes) render(self Labels) string {
	var b strings.Builder
	fmt.Fprintf(&b, probes, JobProbe)
	for _, probe := range p.List {
		labels := map[string]string{"__param_module": probe.Module, "__param_target": probe.Target, "instance": probe.URL, "name": self.Name}
		fmt.Fprintf(&b, "      - targets: ['%s']\n        labels: %s\n", p.At, compact(labels))
	}
	return b.String()
}

const probes = `  - job_name: %s
    follow_redirects: false
    metrics_path: /probe
    static_configs:
`
