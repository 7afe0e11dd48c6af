package prometheus

import (
	"fmt"
	"strings"
)

const (
	// JobPushed is the job of all series from the monitor's Pushgateway.
	JobPushed = "pushgateway"
	// PushedPassword is the password of PushedUser, with which Prometheus scrapes it.
	PushedPassword = TLS + "/pushgateway.password"
	PushedUser     = "prometheus"
)

// Pushed is the Pushgateway that Prometheus scrapes.
type Pushed struct {
	At   string   // host:port
	Jobs []string // batch jobs whose series are kept; their names have no special characters of regular expressions
}

// render is a scrape configuration. A batch job's label job becomes exported_job, and only those of Jobs are kept; its own label
// exported_job would become exported_exported_job. The fleet's own metrics can't be pushed: alerts and proofs read them.
func (p *Pushed) render(self Labels) string {
	return fmt.Sprintf(pushed, JobPushed, PushedUser, PushedPassword, p.At, self.JSON(), strings.Join(p.Jobs, "|"))
}

const pushed = `  - job_name: %s
    honor_labels: false
    follow_redirects: false
    basic_auth:
      username: %q
      password_file: %s
    static_configs:
      - targets: ['%s']
        labels: %s
    relabel_configs:
      - source_labels: [name]
        target_label: instance
    metric_relabel_configs:
      - source_labels: [exported_job, exported_exported_job]
        regex: '(|%s);'
        action: keep
      - source_labels: [__name__]
        regex: 'promwire[_:].*'
        action: drop
`
