package prometheus

import "fmt"

// Limits are what one scrape may bring. A scrape with more is refused as a whole, and is Prometheus's "up 0" of that target alone. A number of 0
// and an empty text are no limit.
type Limits struct {
	Samples    int    // after relabeling
	Labels     int    // of a series
	LabelName  int    // bytes
	LabelValue int    // bytes
	BodySize   string // of the answer, uncompressed, such as "16MB", in powers of 1024
}

// Render is lines of Prometheus's <global>. The metrics scrape_sample_limit and scrape_body_size_bytes, of each target, are what the alert
// TargetOverLimit reads: Prometheus's own counters of refused scrapes do not say whose they were.
func (l Limits) Render() string {
	var text string
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"sample_limit", l.Samples}, {"label_limit", l.Labels}, {"label_name_length_limit", l.LabelName}, {"label_value_length_limit", l.LabelValue},
	} {
		if limit.value > 0 {
			text += fmt.Sprintf("  %s: %d\n", limit.key, limit.value)
		}
	}
	if l.BodySize != "" {
		text += fmt.Sprintf("  body_size_limit: %s\n", l.BodySize)
	}
	return text + "  extra_scrape_metrics: true\n"
}

// notACluster keeps what a host says its cluster is, under another name: the label cluster means that a series came from that cluster.
const notACluster = `      - source_labels: [cluster]
        regex: '(.+)'
        target_label: exported_cluster
      - regex: cluster
        action: labeldrop
`
