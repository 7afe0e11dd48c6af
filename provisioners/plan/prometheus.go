package plan

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// ownName stands for the monitor in its own file's name, which a new name for it must not double; no host is called so.
const ownName = "_monitor"

func prometheusUser() []call {
	return join(user(prometheus.Name, "Prometheus"), []call{do("dir", "/etc/prometheus", "755")})
}

func (v MonitorValues) prometheusFiles() []call {
	self := prometheus.Labels{Name: v.Host, Region: v.Region, Role: prometheus.RoleMonitor, Own: v.Labels}
	server := prometheus.Server{
		Self: self, ScrapeInterval: v.ScrapeInterval, RetentionTime: v.RetentionTime, RetentionSize: v.RetentionSize,
		TLS: v.TLS.Enabled(), Web: v.Web, Pushed: v.pushed(),
	}
	scraped := v.exporter()
	at := net.JoinHostPort(scraped.Own[0].String(), strconv.Itoa(scraped.Port()))
	return join(
		v.web(),
		[]call{
			do("dir", prometheus.Rules, "755"),
			do("dir", prometheus.Targets, "755"),
			do("dir", prometheus.Clusters, "755"),
			do("dir", prometheus.Data, "750", prometheus.Name),
			put(prometheus.Rules+"/promwire.yml", "644", prometheus.RulesFile(), "promtool", "check", "rules"),
			put(prometheus.Config, "644", server.Render(), "promtool", "check", "config"),
			{words: []string{"turn", ownName, scraped.Scheme() + "://" + at + "/"}, input: prometheus.Target(self, at, scraped.TLS)},
			unit(prometheus.Name+".service", prometheus.Unit(v.Tunnel.Addresses, v.talksTo(), v.Web)),
		})
}

// talksTo are the networks of all targets; none where some are anywhere.
func (v MonitorValues) talksTo() []netip.Prefix {
	if v.Outside {
		return nil
	}
	return v.Tunnel.Networks
}

func (v MonitorValues) prometheusRuns() []call {
	return []call{
		do("service", prometheus.Name+".service", "/usr/local/bin/prometheus"),
		v.answers(),
		do("reload_prometheus"),
		do("prune", v.Releases.Prometheus.Name, v.Releases.Prometheus.Version),
	}
}
