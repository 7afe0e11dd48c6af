package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// pushgateway is the monitor's: what batch jobs pushed there.
func pushgateway() *dashboard.DashboardBuilder {
	const chosen = `job="pushgateway",role="monitor",exported_job=~"$exported_job"`
	return newDashboard("promwire-pushgateway", "promwire: Pushgateway", "Batch jobs that push to the monitor's Pushgateway.").
		WithVariable(choice("exported_job", "Batch job", `push_time_seconds{job="pushgateway",role="monitor"}`, true)).
		WithPanel(number("Down", "docs/alerts.md, PushgatewayDown.", units.Short, 1, howMany(`up{job="pushgateway",role="monitor"} == 0`, `up{job="pushgateway",role="monitor"}`))).
		WithPanel(number("Groups", "Of pushed series, a batch job and instance each.", units.Short, 0, `count(push_time_seconds{`+chosen+`})`)).
		WithPanel(number("Last push refused", "docs/alerts.md, PushFailed.", units.Short, 1,
			howMany(`push_failure_time_seconds{`+chosen+`} > push_time_seconds{`+chosen+`}`, `push_time_seconds{`+chosen+`}`))).
		WithRow(dashboard.NewRowBuilder("Over time")).
		WithPanel(plot("Since the last push", units.Seconds, 12, query{`time() - push_time_seconds{` + chosen + `}`, "{{exported_job}} {{exported_instance}}"})).
		WithPanel(plot("Series in a scrape", units.Short, 12, query{`scrape_samples_scraped{job="pushgateway",role="monitor"}`, "pushed"}))
}
