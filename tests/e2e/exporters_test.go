package e2e

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/operator"
)

//go:embed metrics.py
var metricsScript string

// exportersHosts: the monitor, a target with a database and a cache, and one that has little.
var exportersHosts = []string{"monitor-1", "db-1", "web-1"}

// exporterPorts are those of the exporters of db-1's packages, servicePorts of what it and web-1 serve already.
var (
	exporterPorts = []int{9187, 9121, 9256, 9301}
	servicePorts  = []int{8080, 8081}
)

// TestExporters is the life of a fleet whose hosts serve more than the node exporter: exporters from the distribution's packages that see
// real servers, services that are there already, and URLs that the monitor asks from outside.
func TestExporters(t *testing.T) {
	s := newStory(t, "exporters")
	require.NoError(t, s.lab.Place(t.Context(), s.stack))
	outside := newProbed(t, s.lab.Machines.Network().OperatorV4)
	s.edit(outside.settings)
	people := newPeople(t, s.lab.Machines.Network().OperatorV4)
	s.secrets = map[string]string{}
	s.edit(target("web-1", func(t map[string]any) { t["closeOthers"] = true })) // its owner's exporter listens on all addresses
	s.step("the servers are up", func(s *story) { serversUp(s, outside) })
	s.step("from nothing to all jobs up", everyJobUp)
	s.step("real values", func(s *story) { realValues(s, outside) })
	s.step("a second up changes nothing", func(s *story) {
		s.noMissedScrape(func() { assertUnchanged(s.t, s.up(func(o *operator.Options) { o.ExpectNoChanges = true })) })
		s.nothingDrifts()
	})
	s.step("nobody but the monitor gets in", onlyTheMonitor)
	s.step("what is refused is named, and changes nothing", refusals)
	s.step("alerts reach people", func(s *story) { alertsReachPeople(s, people) })
	s.step("history goes elsewhere", historyElsewhere)
	s.step("a monitor only forwards", onlyForwards)
	s.step("history is saved and restored", historySaved)
	s.step("flags change, an exporter and all probes less", exporterLess)
	s.step("destroy leaves nothing", func(s *story) {
		s.destroy()
		nothingOf(s)
	})
}

// settings are the stack's, with what the lab can probe in place of the internet, and a job in Prometheus's own terms.
func (p probed) settings(fleet map[string]any) {
	fleet["probes"] = []any{
		"http://" + p.plain + "/", "http://" + p.plain + "/missing", "https://" + p.secure + "/",
		"tcp://" + p.plain, "tcp://" + p.nobody, "tls://" + p.secure, "icmp://" + p.address.String(),
	}
	fleet["scrapeConfigs"] = []any{map[string]any{
		"job_name": "own", "metrics_path": "/probe", "params": map[string]any{"module": []any{"tcp"}, "target": []any{p.plain}},
		"static_configs": []any{map[string]any{"targets": []any{"127.0.0.1:9115"}}},
	}}
}

// serversUp installs on db-1 what its owner would, starts the services, and gives web-1 an exporter that is the owner's.
func serversUp(s *story, outside probed) {
	for _, host := range exportersHosts {
		s.eventually(func() error {
			_, err := s.on(host, "systemctl is-system-running --wait | grep -E 'running|degraded'")
			return err
		})
	}
	const install = "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && apt-get -qq -y --no-install-recommends install %s >/dev/null"
	s.mustOn("db-1", fmt.Sprintf(install, "postgresql redis-server squid"))
	s.mustOn("db-1", `runuser -u postgres -- psql -q -c 'CREATE USER prometheus' -c 'GRANT pg_monitor TO prometheus'`)
	s.mustOn("web-1", fmt.Sprintf(install, "prometheus-redis-exporter"))
	s.offers("db-1", "127.0.0.1", 8080, "/metrics", "shop_orders_total 42")
	s.offers("db-1", "0.0.0.0", 8081, "/internal/metrics", "queue_length 7")
	s.mustOn("monitor-1", fmt.Sprintf("cat >/usr/local/share/ca-certificates/e2e.crt <<'END'\n%sEND\nupdate-ca-certificates >/dev/null", outside.authority))
}

// offers makes a host serve a metric, as a service of the owner's, and sees that it does.
func (s *story) offers(host, address string, port int, path, metric string) {
	s.t.Helper()
	s.mustOn(host, fmt.Sprintf("cat >/run/e2e-metrics.py <<'END'\n%sEND\nsystemd-run --quiet --unit=e2e-%d python3 /run/e2e-metrics.py %s %d %s '%s'",
		metricsScript, port, address, port, path, metric))
	s.eventually(func() error {
		_, err := s.on(host, fmt.Sprintf("ss --no-header --listening --tcp --numeric 'sport = :%d' | grep .", port))
		return err
	})
}

// everyJobUp watches db-1's ports all the time: no package's exporter may ever listen but in the tunnel, or on loopback behind a relay.
func everyJobUp(s *story) {
	s.mustOn("db-1", `systemd-run --quiet --unit=e2e-watch bash -c 'while :; do
		ss --no-header --listening --tcp --numeric "( sport = :9187 or sport = :9121 or sport = :9256 or sport = :9301 )" >>/run/e2e-listened; sleep 0.1; done'`)
	s.up()
	s.jobsUp(map[string][]string{
		"db-1": {"node", "postgres", "process", "queue", "redis", "shop", "squid"}, "web-1": {"node"}, "monitor-1": {"blackbox", "node", "prometheus"}, "": {"own"},
	})
	s.mustOn("db-1", "systemctl stop e2e-watch")
	listened := strings.Split(s.mustOn("db-1", "awk '{ print $4 }' /run/e2e-listened | sort -u"), "\n")
	want := []string{"127.0.0.1:9121", "127.0.0.1:9301"}
	for _, port := range exporterPorts {
		want = append(want, fmt.Sprintf("%s:%d", s.tunnels()["db-1"], port))
	}
	assert.ElementsMatch(s.t, want, listened, "where they ever listened")
	for _, row := range s.output("matrix").([]any) {
		row := row.(map[string]any)
		assert.Equal(s.t, row["expected"], row["seen"], row)
	}
}

// jobsUp waits until Prometheus scrapes exactly these jobs of each host, and all scrapes succeed.
func (s *story) jobsUp(want map[string][]string) {
	s.t.Helper()
	s.eventually(func() error {
		scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
		if err != nil {
			return err
		}
		seen := map[string][]string{}
		for _, scrape := range scrapes {
			host, job := scrape.Labels["name"], scrape.Labels["job"]
			if scrape.Health != "up" {
				return fmt.Errorf("%s of %s is %s: %s", job, host, scrape.Health, scrape.Error)
			}
			seen[host] = append(seen[host], job)
		}
		for host, jobs := range seen {
			slices.Sort(jobs)
			seen[host] = slices.Compact(jobs)
		}
		if !maps.EqualFunc(seen, want, slices.Equal) {
			return fmt.Errorf("scraped: %v, wanted: %v", seen, want)
		}
		return nil
	})
}

// becomes waits until a query has exactly this result.
func (s *story) becomes(promql string, want float64) {
	s.t.Helper()
	s.eventually(func() error {
		got, err := s.value(promql)
		if err == nil && got != want {
			err = fmt.Errorf("%s is %v, not %v", promql, got, want)
		}
		return err
	})
}

func realValues(s *story, outside probed) {
	for promql, value := range map[string]float64{
		`pg_up{name="db-1"}`:    1,
		`redis_up{name="db-1"}`: 1,
		`squid_up{name="db-1"}`: 1,
		`namedprocess_namegroup_num_procs{name="db-1",groupname="redis-server"}`: 1,
		`shop_orders_total{name="db-1",job="shop",instance="db-1"}`:              42,
		`queue_length{name="db-1",job="queue",instance="db-1"}`:                  7,
		`count({job="redis",__name__=~"go_.+"}) or vector(0)`:                    0, // its flag
		`probe_success{job="own"}`:                                               1,
	} {
		s.becomes(promql, value)
	}
	for url, value := range map[string]float64{
		"http://" + outside.plain + "/": 1, "http://" + outside.plain + "/missing": 0, "https://" + outside.secure + "/": 1,
		"tcp://" + outside.plain: 1, "tcp://" + outside.nobody: 0, "tls://" + outside.secure: 1, "icmp://" + outside.address.String(): 1,
	} {
		s.becomes(fmt.Sprintf("probe_success{job=%q,instance=%q}", "blackbox", url), value)
	}
	for _, scheme := range []string{"https", "tls"} {
		s.becomes(fmt.Sprintf(`probe_ssl_earliest_cert_expiry{instance=~"%s:.*"} == bool %d`, scheme, outside.expires.Unix()), 1)
	}
	// What an exporter says of its server is not what Prometheus says of the exporter.
	s.mustOn("db-1", "systemctl stop redis-server postgresql squid")
	s.becomes(`pg_up{name="db-1"}`, 0)
	s.becomes(`redis_up{name="db-1"}`, 0)
	s.becomes(`squid_up{name="db-1"}`, 0)
	s.becomes(`min(up{name="db-1"})`, 1)
	s.mustOn("db-1", "systemctl start redis-server postgresql squid")
	s.becomes(`pg_up{name="db-1"}`, 1)
	s.becomes(`redis_up{name="db-1"}`, 1)
	s.becomes(`squid_up{name="db-1"}`, 1)
}

// onlyTheMonitor tries the exporters, the services, and those ports of web-1 that nobody serves, from everywhere.
func onlyTheMonitor(s *story) {
	ports := slices.Concat([]int{9100, 9115}, exporterPorts, servicePorts)
	db := s.tunnels()["db-1"]
	monitors := []end{tcp(db, 9100), tcp(s.tunnels()["web-1"], 9100)}
	for _, port := range slices.Concat(exporterPorts, servicePorts) {
		monitors = append(monitors, tcp(db, port))
	}
	s.firewall(exportersHosts, ports, map[string][]end{"monitor-1": monitors})
}

// lives are the processes of a host's exporters, and what they run as. Who changes nothing restarts nothing.
func (s *story) lives(host string) string {
	s.t.Helper()
	return s.mustOn(host, "systemctl show --property Id,MainPID,ExecStart,NRestarts node_exporter.service 'prometheus-*-exporter.service' | sed 's/start_time=[^;]*;//'")
}

// refusals: a flag that an exporter does not know, and an exporter that the owner runs already. Both are found in one update, each by
// its host's name, and nothing that runs is touched.
func refusals(s *story) {
	before := map[string]string{"db-1": s.lives("db-1"), "web-1": s.lives("web-1")}
	assert.Contains(s.t, before["web-1"], "prometheus-redis-exporter")
	s.fault("a flag unknown to its exporter, an exporter of the owner's", "an update", unchanged, func() {
		s.edit(target("db-1", func(t map[string]any) {
			t["flags"].(map[string]any)["redis"] = []any{"--redis-only-metrics", "--no-such-flag=1"}
		}))
		s.edit(target("web-1", func(t map[string]any) { t["exporters"] = []any{"node", "redis"} }))
	}, func() {
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
		assert.Regexp(s.t, `promwire: db-1: converge: .*redis.*no-such-flag`, printed)
		assert.Regexp(s.t, `promwire: web-1: converge: .*prometheus-redis-exporter`, printed)
		for host, was := range before {
			assert.Equal(s.t, was, s.lives(host), host)
		}
		assert.NotContains(s.t, s.mustOn("db-1", "cat /etc/systemd/system/prometheus-redis-exporter.service.d/*"), "no-such-flag")
	})
	s.mustOn("db-1", "systemctl restart prometheus-redis-exporter") // as after a reboot
	s.becomes(`redis_up{name="db-1"}`, 1)
	s.edits = s.edits[:len(s.edits)-2]
}

// exporterLess: redis and squid are taken off db-1, postgres gets a flag, web-1's own exporter is scraped as it is, and nothing is probed any more.
// The package of a removed exporter stays, and its unit stays off, even when the package is installed again, as an upgrade does.
func exporterLess(s *story) {
	// The operator's own jobs may be anywhere: without any, Prometheus's unit names the networks that it may reach, and it starts again.
	s.edit(func(fleet map[string]any) { delete(fleet, "scrapeConfigs") })
	s.up()
	s.edit(target("db-1", func(t map[string]any) {
		t["exporters"] = []any{"node", "postgres", "process"}
		t["flags"] = map[string]any{"process": []any{"--procnames=postgres"}, "postgres": []any{"--disable-settings-metrics"}}
	}))
	s.edit(target("web-1", func(t map[string]any) { t["scrape"] = []any{map[string]any{"job": "cache", "port": 9121}} }))
	s.edit(func(fleet map[string]any) { delete(fleet, "probes") })
	// Flags are of a process, so these two exporters start again, and nobody listens on their ports meanwhile.
	s.noMissedScrape(func() { s.up() }, "postgres", "process")
	s.jobsUp(map[string][]string{
		"db-1": {"node", "postgres", "process", "queue", "shop"}, "web-1": {"cache", "node"}, "monitor-1": {"node", "prometheus"},
	})
	assert.Empty(s.t, s.mustOn("monitor-1", "find /etc /opt /usr/local -name '*blackbox*'; ss --no-header --listening --tcp --numeric 'sport = :9115'"))
	// Of the last scrapes: a series that ends while Prometheus reads its configuration again stays visible for five minutes.
	s.becomes(`count(present_over_time({job="postgres",__name__=~"pg_settings_.+"}[15s])) or vector(0)`, 0)
	s.becomes(`count(present_over_time(namedprocess_namegroup_num_procs{name="db-1"}[15s]))`, 1)
	assert.NotContains(s.t, s.mustOn("monitor-1", "ls /etc/prometheus/targets.d"), "db-1.redis")
	s.gone("db-1", "prometheus-squid-exporter", 9301)
	s.gone("db-1", "prometheus-redis-exporter", 9121)
	s.mustOn("db-1", "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --reinstall prometheus-redis-exporter >/dev/null")
	s.gone("db-1", "prometheus-redis-exporter", 9121)
	// The owner's exporter listens on all addresses, and the firewall keeps all but the monitor away.
	web := s.tunnels()["web-1"]
	s.firewall([]string{"web-1"}, []int{9100, 9121}, map[string][]end{"monitor-1": {tcp(web, 9100), tcp(web, 9121)}})
}

// gone sees that an exporter of a package is off: installed, but not running, not to be started, and without a trace of promwire.
func (s *story) gone(host, unit string, port int) {
	s.t.Helper()
	assert.Equal(s.t, "ii", s.mustOn(host, "dpkg-query --show --showformat='${db:Status-Abbrev}' "+unit), unit)
	assert.Equal(s.t, "disabled inactive", s.mustOn(host, fmt.Sprintf("echo $(systemctl is-enabled %[1]s) $(systemctl is-active %[1]s)", unit)), unit)
	assert.Empty(s.t, s.mustOn(host, fmt.Sprintf("ss --no-header --listening --tcp --numeric 'sport = :%d'", port)))
	assert.Empty(s.t, s.mustOn(host, "find /etc/systemd/system -path '*"+unit+"*'"))
}

// nothingOf sees that machines that stay have nothing of the fleet any more, and that what was their owner's goes on.
func nothingOf(s *story) {
	for _, host := range exportersHosts {
		assert.Empty(s.t, s.mustOn(host, `find /etc /opt /usr/local /var/lib /run -ignore_readdir_race -xdev \( -name '*promwire*' -o -name 'node_exporter*' -o -name 'blackbox*' \) `+
			`-not -path '/run/log/*'`), host)
		assert.Empty(s.t, s.mustOn(host, "nft list tables"), host)
		units := s.mustOn(host, "systemctl list-units --all --plain --no-legend 'promwire*' 'node_exporter*' 'blackbox*' 'wg-quick*' 'prometheus.service'")
		assert.Empty(s.t, units, host)
	}
	for port, unit := range map[int]string{9187: "prometheus-postgres-exporter", 9256: "prometheus-process-exporter", 9121: "prometheus-redis-exporter",
		9301: "prometheus-squid-exporter"} {
		s.gone("db-1", unit, port)
	}
	assert.Equal(s.t, "enabled active", s.mustOn("web-1", "echo $(systemctl is-enabled prometheus-redis-exporter) $(systemctl is-active prometheus-redis-exporter)"))
	s.mustOn("db-1", "systemctl is-active redis-server postgresql@15-main e2e-8080 e2e-8081")
}

// target edits one target's settings.
func target(name string, change func(map[string]any)) operator.Edit {
	return targets(func(list []any) []any {
		for _, t := range list {
			if t := t.(map[string]any); t["name"] == name {
				change(t)
			}
		}
		return list
	})
}
