package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// fleet is all hosts at once.
func fleet() *dashboard.DashboardBuilder {
	const (
		chosen = `role="target",region=~"$region"`
		busy   = `1 - avg by (name) (rate(node_cpu_seconds_total{mode="idle",job="node",region=~"$region"}[$__rate_interval]))`
	)
	return newDashboard("promwire-fleet", "promwire: fleet", "Every host of a fleet, as its monitor sees it.").
		WithVariable(choice("region", "Region", `up{role="target"}`, true)).
		WithPanel(number("Hosts", "Hosts of the fleet that Prometheus scrapes, beside the monitor.", units.Short, 0,
			`count(count by (name) (up{`+chosen+`}))`)).
		WithPanel(number("Not scraped", "Endpoints that are down: docs/alerts.md, TargetDown.", units.Short, 1,
			howMany(`up{`+chosen+`} == 0`, `up{`+chosen+`}`))).
		WithPanel(number("Alerts", "What fires now.", units.Short, 1, howMany(`ALERTS{alertstate="firing",alertname!="Watchdog"}`, rules))).
		WithPanel(handshake("Oldest handshake", "The peer of the monitor's tunnel, and how long ago. One that works has a handshake every two minutes.",
			`topk(1, time() - promwire_peer_last_handshake_seconds{`+monitor+`})`).TextMode(common.BigValueTextModeValueAndName)).
		WithPanel(number("Open, and must not be", "Ports that hosts reach in the tunnel, and must not: docs/alerts.md, FenceOpen.", units.Short, 1,
			`sum(promwire_fence_open_addresses{region=~"$region"})`)).
		WithPanel(number("Healed in a day", "What hosts mended by themselves.", units.Short, 0, `sum(increase(promwire_healed_total{region=~"$region"}[1d]))`)).
		WithPanel(list("Alerts that fire", "Each is explained in docs/alerts.md.", []string{"alertname", "severity", "name", "job", "cluster", "cause"},
			`ALERTS{alertstate="firing",alertname!="Watchdog"}`)).
		WithRow(dashboard.NewRowBuilder("Hosts")).
		WithPanel(fraction("Processors", 12, query{busy, "{{name}}"})).
		WithPanel(fraction("Memory", 12, query{`1 - node_memory_MemAvailable_bytes{job="node",region=~"$region"} / node_memory_MemTotal_bytes{job="node",region=~"$region"}`, "{{name}}"})).
		WithPanel(fraction("Fullest file system", 12, query{
			`max by (name) (1 - node_filesystem_avail_bytes{job="node",region=~"$region",fstype!~"tmpfs|ramfs"} / node_filesystem_size_bytes{job="node",region=~"$region",fstype!~"tmpfs|ramfs"})`,
			"{{name}}",
		})).
		WithPanel(plot("Load", units.Short, 12, query{`node_load1{job="node",region=~"$region"}`, "{{name}}"})).
		WithRow(dashboard.NewRowBuilder("Tunnel")).
		WithPanel(plot("Seconds since the last handshake", units.Seconds, 12, query{`time() - (promwire_peer_last_handshake_seconds{` + monitor + `} > 0)`, "{{host}}"}).
			Description("Without peers that never had one.")).
		WithPanel(plot("From the hosts", units.BytesPerSecondSI, 12, query{`rate(promwire_peer_receive_bytes_total{` + monitor + `}[$__rate_interval])`, "{{host}}"})).
		WithRow(dashboard.NewRowBuilder("The monitor's Prometheus")).
		WithPanel(plot("Series in memory", units.Short, 8, query{`prometheus_tsdb_head_series{job="prometheus",role="monitor"}`, "{{name}}"})).
		WithPanel(plot("Samples taken", units.Short, 8, query{`rate(prometheus_tsdb_head_samples_appended_total{job="prometheus",role="monitor"}[$__rate_interval])`, "{{type}} a second"})).
		WithPanel(plot("Slowest scrapes", units.Seconds, 8, query{`topk(10, scrape_duration_seconds{` + chosen + `})`, "{{name}} {{job}}"}))
}
