package plan

import (
	"net/netip"
	"slices"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/page"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
)

// ownName is the monitor in its own file's name, so that renaming it makes no second file; no host can have this name.
const ownName = "_monitor"

func prometheusUser() []call {
	return join(user(prometheus.Name, "Prometheus"), []call{do("dir", prometheus.Folder, "755")})
}

func (v MonitorValues) prometheusFiles() []call {
	server := prometheus.Server{
		Self: v.self(), ScrapeInterval: v.ScrapeInterval, RetentionTime: v.RetentionTime, RetentionSize: v.RetentionSize,
		TLS: v.TLS.Enabled(), Web: v.Web, Pushed: v.pushed(), Jobs: append([]string{exporter.Node}, v.Scraped...),
		Probes: v.probes(), ScrapeConfigs: v.ScrapeConfigs, RemoteWrite: v.RemoteWrite, Limits: v.Limits, Clusters: v.Clusters,
		Alertmanager: v.alertmanagerAt(), Agent: v.Agent,
	}
	files := join(
		v.web(),
		[]call{
			do("dir", prometheus.Rules, "755"),
			do("dir", prometheus.Targets, "755"),
			do("targets_by_job"),
			do("dir", prometheus.Clusters, "755"),
			do("dir", prometheus.Data, "750", prometheus.Name),
		},
		v.kept(),
		v.ownRules(),
		[]call{
			v.retained(put(prometheus.Config, "644", server.Render(), v.checked()...)),
			unit(prometheus.Service, prometheus.Process{
				Own: v.Tunnel.Addresses, Networks: v.peers(), Web: v.Web, Tells: v.Alertmanager != nil, External: v.ExternalURL, Agent: v.Agent,
			}.Unit()),
		},
	)
	if v.TLS.Enabled() {
		return files
	}
	return join(files, v.scrapeItself())
}

// kept are the files of what Prometheus does with its history. An agent has none: what a server left is removed, all but the history. It does not
// read the rules, which are there for a store of RemoteWrite.
func (v MonitorValues) kept() []call {
	if v.Agent {
		return []call{do("remove", prometheus.HistoryPath), do("no_page"), v.alerts(), v.heartbeat()}
	}
	return []call{putText("history", prometheus.HistoryPath, "755", "bash", "-n"), do("page", page.Version()), v.alerts(), v.heartbeat()}
}

// checked is the command that checks Prometheus's configuration.
func (v MonitorValues) checked() []string {
	if v.Agent {
		return []string{"promtool", "check", "config", "--agent"}
	}
	return []string{"promtool", "check", "config"}
}

// alerts are promwire's own rules.
func (v MonitorValues) alerts() call {
	put := putText("rules", prometheus.RulesPath, "644", "promtool", "check", "rules")
	if len(v.Mute) > 0 {
		put.words = slices.Concat(put.words[:2], []string{"muted"}, v.Mute, []string{"--"}, put.words[2:])
	}
	return put
}

// ownRules are the operator's, and no others that he had.
func (v MonitorValues) ownRules() []call {
	var calls []call
	only := []string{"rules_only"}
	for _, file := range v.Rules {
		calls = append(calls, put(file.Path(), "644", file.Text, "promtool", "check", "rules"))
		only = append(only, file.Path())
	}
	return append(calls, do(only...))
}

// heartbeat is the rule that a heartbeat needs, and that would page people without one.
func (v MonitorValues) heartbeat() call {
	if v.Alertmanager == nil || !v.Alertmanager.Heartbeat {
		return do("remove", prometheus.HeartbeatPath)
	}
	return put(prometheus.HeartbeatPath, "644", prometheus.Heartbeat(alertmanager.Watchdog, v.ScrapeInterval), "promtool", "check", "rules")
}

// self are the labels of the monitor's own series.
func (v MonitorValues) self() prometheus.Labels {
	return prometheus.Labels{Name: v.Host, Region: v.Region, Role: prometheus.RoleMonitor, Own: v.Labels}
}

// retained compares what Prometheus may keep with the disk, which only the monitor knows, before its configuration is put there.
func (v MonitorValues) retained(configuration call) call {
	if v.RetentionSize == "" {
		return configuration
	}
	how := "exact"
	if v.RetentionFits {
		how = "fit"
	}
	configuration.words = append([]string{"retention", how, v.RetentionSize}, configuration.words...)
	return configuration
}

// scrapeItself makes Prometheus scrape the monitor's own node exporter. The blackbox exporter is asked only for probes.
func (v MonitorValues) scrapeItself() []call {
	var nodes []exporter.Choice
	for _, c := range v.Exporters {
		if c.Name != exporter.Blackbox {
			nodes = append(nodes, c)
		}
	}
	return scrapes(ownName, v.self(), v.Tunnel.Addresses[0].String(), exporter.Endpoints(nodes, nil, v.TLS.Enabled()))
}

// probes are those that Prometheus requests from the blackbox exporter.
func (v MonitorValues) probes() *prometheus.Probes {
	for _, c := range v.Exporters {
		if c.Name == exporter.Blackbox {
			return &prometheus.Probes{At: netip.AddrPortFrom(loopback, uint16(c.Port)), List: v.Probes}
		}
	}
	return nil
}

// peers are the networks of all targets; none if targets, the operator's own jobs or those it writes to may be
// anywhere.
func (v MonitorValues) peers() []netip.Prefix {
	if v.Direct || len(v.ScrapeConfigs) > 0 || len(v.RemoteWrite.Entries) > 0 {
		return nil
	}
	return v.Tunnel.Networks
}

// prometheusRuns starts Prometheus, or makes it read its configuration again. It turns to the monitor's exporter with certificates only
// after that: by the former configuration it knows none.
func (v MonitorValues) prometheusRuns() []call {
	runs := []call{
		do("service", prometheus.Service, release.Binaries+"/"+prometheus.Name),
		v.answers(),
		do("reload_prometheus"),
		do("prune", v.Releases.Prometheus.Name, v.Releases.Prometheus.Version),
	}
	if !v.TLS.Enabled() {
		return runs
	}
	return join(runs, v.scrapeItself())
}
