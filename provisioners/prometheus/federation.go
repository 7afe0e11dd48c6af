package prometheus

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// JobFederate is the job of a federation's own metrics, such as up.
const JobFederate = "federate"

// Federation is how the monitor's Prometheus federates a cluster's.
type Federation struct {
	Cluster  string     // name
	Address  netip.Addr // in the tunnel
	Match    []string   // selectors of the series to take
	Interval time.Duration
}

// Render is the file, in the format of scrape_config_files. Labels are honored, so that series have the labels of the cluster;
// only the label cluster is set by the monitor. A cluster speaks for itself alone: alerts and proofs find the fleet's hosts by the label
// role, promwire's own metrics by their name, and federations by what Prometheus says of the job, so series with these are dropped. (The job alone
// is no sign: a series that has none, as many recorded ones, gets the federation's.)
func (f Federation) Render() string {
	var match strings.Builder
	for _, selector := range f.Match {
		fmt.Fprintf(&match, "        - %s\n", quote(selector))
	}
	at := net.JoinHostPort(f.Address.String(), strconv.Itoa(Port))
	return fmt.Sprintf(federation, f.Cluster, model.Duration(f.Interval), model.Duration(min(f.Interval, longestTimeout)), match.String(),
		at, JobFederate, RoleMonitor, RoleTarget)
}

// quote is a text in YAML's single quotes, where a quote is doubled and nothing else has a meaning.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

const federation = `scrape_configs:
  - job_name: cluster-%[1]s
    scrape_interval: %[2]s
    scrape_timeout: %[3]s
    honor_labels: true
    follow_redirects: false
    metrics_path: /federate
    params:
      match[]:
%[4]s    static_configs:
      - targets: ['%[5]s']
    relabel_configs:
      - target_label: job
        replacement: %[6]s
      - target_label: instance
        replacement: '%[1]s'
      - target_label: cluster
        replacement: '%[1]s'
    metric_relabel_configs:
      - source_labels: [role]
        regex: '%[7]s|%[8]s'
        action: drop
      - source_labels: [__name__, job]
        regex: '(up|scrape_.*);%[6]s'
        action: drop
      - source_labels: [__name__]
        regex: 'promwire[_:].*'
        action: drop
      - target_label: cluster
        replacement: '%[1]s'
`
