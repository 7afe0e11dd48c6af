package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// host is one host, the monitor included.
func host() *dashboard.DashboardBuilder {
	const node = `job="node",name="$name"`
	disk := `device!~"(loop|ram|sr).*",` + node
	return newDashboard("promwire-host", "promwire: host", "One host of a fleet: what promwire knows of it, and its usual plots.").
		WithVariable(choice("name", "Host", `up{job="node",cluster=""}`, false)).
		WithPanel(number("Not scraped", "Of its jobs.", units.Short, 1, howMany(`up{name="$name"} == 0`, `up{name="$name"}`))).
		WithPanel(number("Alerts", "What fires for it now.", units.Short, 1, howMany(`ALERTS{alertstate="firing",name="$name"}`, rules))).
		WithPanel(handshake("Since the last handshake", "Of its tunnel with the monitor. The monitor itself, and a target behind a hub, have none.",
			`time() - promwire_peer_last_handshake_seconds{host="$name",`+monitor+`}`)).
		WithPanel(number("Since it was looked at", "By its own watch, which runs every 20 seconds.", units.Seconds, 120,
			`time() - promwire_watch_last_run_timestamp_seconds{`+node+`}`)).
		WithPanel(number("Open, and must not be", "Ports that it reaches in the tunnel, and must not.", units.Short, 1,
			`sum(promwire_fence_open_addresses{`+node+`})`)).
		WithPanel(number("Up for", "Since it booted.", units.Seconds, 0, `node_time_seconds{`+node+`} - node_boot_time_seconds{`+node+`}`)).
		WithPanel(list("Alerts that fire", "Each is explained in docs/alerts.md.", []string{"alertname", "severity", "job", "cause"},
			`ALERTS{alertstate="firing",name="$name"}`)).
		WithRow(dashboard.NewRowBuilder("Usual plots")).
		WithPanel(plot("Scraped (1: up)", units.Short, 8, query{`up{name="$name"}`, "{{job}}"}).Max(1)).
		WithPanel(fraction("Processors", 8, query{`sum by (mode) (rate(node_cpu_seconds_total{mode!="idle",` + node + `}[$__rate_interval])) / scalar(count(node_cpu_seconds_total{mode="idle",` + node + `}))`, "{{mode}}"})).
		WithPanel(plot("Load", units.Short, 8, query{`node_load1{` + node + `}`, "1 min"}, query{`node_load15{` + node + `}`, "15 min"})).
		WithPanel(plot("Memory", units.BytesIEC, 8, query{`node_memory_MemTotal_bytes{` + node + `}`, "total"}, query{`node_memory_MemAvailable_bytes{` + node + `}`, "available"})).
		WithPanel(fraction("File systems", 8, query{`1 - node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs",` + node + `} / node_filesystem_size_bytes{fstype!~"tmpfs|ramfs",` + node + `}`, "{{mountpoint}}"})).
		WithPanel(fraction("Disks are busy", 8, query{`rate(node_disk_io_time_seconds_total{` + disk + `}[$__rate_interval])`, "{{device}}"})).
		WithPanel(plot("Network", units.BytesPerSecondSI, 8,
			query{`rate(node_network_receive_bytes_total{device!="lo",` + node + `}[$__rate_interval])`, "{{device}} in"},
			query{`rate(node_network_transmit_bytes_total{device!="lo",` + node + `}[$__rate_interval])`, "{{device}} out"})).
		WithPanel(plot("Tunnel", units.BytesPerSecondSI, 8,
			query{`rate(promwire_peer_receive_bytes_total{host="$name",` + monitor + `}[$__rate_interval])`, "to the monitor"},
			query{`rate(promwire_peer_transmit_bytes_total{host="$name",` + monitor + `}[$__rate_interval])`, "from the monitor"}).
			Description("Of its tunnel with the monitor. A hub's is that of all hosts behind it, and these have none.")).
		WithPanel(plot("Time of a scrape", units.Seconds, 8, query{`scrape_duration_seconds{name="$name"}`, "{{job}}"}))
}
