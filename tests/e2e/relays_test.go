package e2e

import (
	"fmt"
	"strings"

	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/tests/lab/operator"
)

// relayedPorts are the plain ports of node-1's exporter and services that have no certificates of their own.
var relayedPorts = []int{9121, 8080, 8081}

const tlsOffset = 10000

// relayed: an exporter without certificates and two services, in the tunnel, and the same exporter outside of it. A relay on the host gives
// them the host's certificate, and admits nobody but the monitor.
func relayed(s *story) {
	s.offers("node-1", "127.0.0.1", 8080, "/metrics", "shop_orders_total 42")
	s.offers("node-1", "0.0.0.0", 8081, "/internal/metrics", "queue_length 7")
	s.edit(target("node-1", func(t map[string]any) {
		t["exporters"] = []any{"node", "redis"}
		t["scrape"] = []any{map[string]any{"job": "shop", "port": 8080}, map[string]any{"job": "queue", "port": 8081, "path": "/internal/metrics"}}
	}))
	s.edit(target(direct, func(t map[string]any) { t["exporters"] = []any{"node", "redis"} }))
	s.noMissedScrape(func() { s.up() })
	s.relayedJobsUp("https")
	for _, host := range []string{"node-1", direct} {
		listening := s.mustOn(host, "ss --no-header --listening --tcp --numeric 'sport = :9121' | awk '{ print $4 }'")
		assert.Equal(s.t, "127.0.0.1:9121", listening, host)
	}

	var monitors []end
	impostors, node := s.impostors(), s.scraped()["node-1"]
	for i, served := range []string{"/metrics redis_up", "/metrics shop_orders_total 42", "/internal/metrics queue_length 7"} {
		port := relayedPorts[i] + tlsOffset
		path, metric, _ := strings.Cut(served, " ")
		url := fmt.Sprintf("https://%s:%d%s", node, port, path)
		monitors = append(monitors, tcp(node, port))
		assert.Contains(s.t, s.mustOn("monitor-1", "curl -s "+asScraper+" "+url), metric, url)
		s.refuses(url, impostors)
	}
	s.refuses(fmt.Sprintf("https://%s:19121/metrics", s.scraped()[direct]), impostors)
	ports := relayedPorts
	for _, port := range relayedPorts {
		ports = append(ports, port+tlsOffset)
	}
	s.firewall([]string{"node-1"}, ports, map[string][]end{"monitor-1": monitors})

	serials := map[int]string{}
	for _, port := range relayedPorts {
		serials[port] = s.serialAt(node, port+tlsOffset)
	}
	assert.Equal(s.t, s.serial("node-1"), serials[8080], "a relay shows another certificate than the exporter")
	life := s.relayLife()
	s.edit(tls(map[string]any{"validity": "62d"}))
	s.noMissedScrape(func() { s.up() })
	for port, before := range serials {
		assert.NotEqual(s.t, before, s.serialAt(node, port+tlsOffset), "%d shows its former certificate", port)
	}
	assert.Equal(s.t, life, s.relayLife(), "renewing restarts nothing")
	assertUnchanged(s.t, s.up(func(o *operator.Options) { o.ExpectNoChanges = true }))
	s.fault("a service behind a relay stopped", "at rest", named, func() {
		s.mustOn("node-1", "systemctl stop e2e-8080")
	}, func() {
		s.finds(`promwire_target_cause{name="monitor-1",host="node-1",exported_job="shop",cause="relay"}`)
	})
	s.offers("node-1", "127.0.0.1", 8080, "/metrics", "shop_orders_total 42")
	s.relayedJobsUp("https")
}

// relayLife is what must not change when a certificate does.
func (s *story) relayLife() string {
	s.t.Helper()
	return s.mustOn("node-1", "systemctl show --property MainPID,ActiveEnterTimestampMonotonic prometheus-redis-exporter 'promwire-relay-*.socket'")
}

// relayedJobsUp waits until Prometheus scrapes what the targets serve, among it all of node-1's, by this scheme.
func (s *story) relayedJobsUp(scheme string) {
	s.t.Helper()
	s.eventually(func() error {
		scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
		if err != nil {
			return err
		}
		jobs := map[string]bool{}
		for _, scrape := range scrapes {
			if scrape.Labels["role"] != "target" {
				continue
			}
			if scrape.Health != "up" || scrape.Scheme != scheme {
				return fmt.Errorf("%s of %s by %s is %s: %s", scrape.Labels["job"], scrape.Labels["name"], scrape.Scheme, scrape.Health, scrape.Error)
			}
			jobs[scrape.Labels["name"]+"."+scrape.Labels["job"]] = true
		}
		for _, job := range []string{"node", "redis", "shop", "queue"} {
			if !jobs["node-1."+job] {
				return fmt.Errorf("node-1's %s is not scraped", job)
			}
		}
		return nil
	})
}

// relaysGo: what leaves the list leaves nothing of its relay, and what is the owner's goes on.
func relaysGo(s *story) {
	s.edit(target("node-1", func(t map[string]any) { delete(t, "exporters"); delete(t, "scrape") }))
	s.edit(target(direct, func(t map[string]any) { delete(t, "exporters") }))
	s.noMissedScrape(func() { s.up() })
	for _, host := range []string{"node-1", direct} {
		assert.Empty(s.t, s.mustOn(host, "find /etc/promwire /etc/systemd -name '*relay*'"), host)
		assert.Empty(s.t, s.mustOn(host, "systemctl list-units --all --plain --no-legend 'promwire-relay*'"), host)
		s.gone(host, "prometheus-redis-exporter", 9121)
		for _, port := range relayedPorts {
			assert.Empty(s.t, s.mustOn(host, fmt.Sprintf("ss --no-header --listening --tcp --numeric 'sport = :%d'", port+tlsOffset)), host)
		}
	}
	assert.Equal(s.t, "active\nactive", s.mustOn("node-1", "systemctl is-active e2e-8080 e2e-8081"))
	files := strings.Fields(s.mustOn("monitor-1", "ls /etc/prometheus/targets.d"))
	assert.NotContains(s.t, files, "node-1.shop.json")
	assert.NotContains(s.t, files, direct+".redis.json")
}
