package dashboards

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
	"github.com/promwire/promwire/tests/page/stage"
)

//go:generate go -C ../../docs/dashboards/source run . ..

const committed = "../../docs/dashboards"

// TestGenerated: the files are what their source writes.
func TestGenerated(t *testing.T) {
	fresh := t.TempDir()
	cmd := exec.Command("go", "-C", filepath.Join(committed, "source"), "run", ".", fresh)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"fleet", "host", "cluster", "pushgateway"} {
		want, err := os.ReadFile(filepath.Join(fresh, name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(committed, name+".json")); err != nil || string(got) != string(want) {
			t.Errorf("docs/dashboards/%s.json is not what its source writes (%v): go generate ./tests/dashboards", name, err)
		}
	}
}

// firing is an alert that fires for what is down.
const firing = `groups:
  - name: promwire
    interval: 1s
    rules:
      - alert: TargetDown
        expr: up == 0
        labels: {severity: critical}
      - alert: Loaded
        expr: node_load1 >= 0
      - alert: Federated
        expr: job:up:sum >= 0
`

// more are metrics of a host that only dashboards show.
const more = "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 5\nnode_disk_io_time_seconds_total{device=\"vda\"} 5\nnode_boot_time_seconds 1000\nnode_time_seconds 2000\n" +
	"promwire_healed_total{what=\"tunnel\"} 1\npromwire_fence_open_addresses{to=\"monitor\",port=\"22\"} 0\n"

// moreOfCluster is what a cluster's own rules make.
const moreOfCluster = `cluster:volume_available_bytes:min{namespace="shop",persistentvolumeclaim="db"} 3
cluster:volume_capacity_bytes:max{namespace="shop",persistentvolumeclaim="db"} 4
job:apiserver_request:rate5m{job="kubernetes-apiservers"} 2
cluster:node_ready:min{node="a"} 0
cluster:kubelet_up:min{node="a"} 0
cluster:pod_not_ready:max{namespace="shop",pod="db-0"} 1
`

// pushed is what a Pushgateway shows, as Prometheus has it.
const pushed = `{job="pushgateway",role="monitor",name="monitor-1"`

// start starts a Prometheus, and reads the dashboards.
func start(t *testing.T, o stage.Options) (*stage.Stage, []Dashboard) {
	t.Helper()
	here := folder.Default(filepath.Join("..", ".."))
	if err := setup.Ensure(t.Context(), here, os.Stderr, setup.Tools); err != nil {
		t.Fatal(err)
	}
	all, err := Read(committed)
	if err != nil {
		t.Fatal(err)
	}
	o.Bin, o.Interval = here.Bin(), time.Second
	return stage.New(t, o), all
}

// well are a host and a cluster that are up, bad those that are down.
var (
	well = map[string]string{"region": ".*", "name": "node-1", "cluster": "shop", "exported_job": "backup"}
	bad  = map[string]string{"region": ".*", "name": "node-4", "cluster": "gone", "exported_job": "backup"}
)

// TestQueries asks a real Prometheus, with a fleet that has all of it, what each panel and each variable asks: all have something to show. Where
// a query is two by "or 0 *", the first finds what is bad and the second says that nothing is: each has something to show by itself.
func TestQueries(t *testing.T) {
	hosts := stage.Lively()
	for i := range hosts {
		if hosts[i].Cluster == "" {
			hosts[i].Metrics += more
		} else {
			hosts[i].Metrics += moreOfCluster
		}
	}
	hosts = append(hosts, stage.Host{Cluster: bad["cluster"], Down: true})
	s, all := start(t, stage.Options{Rules: firing, Hosts: hosts, History: history()})
	s.Has(`count(ALERTS{alertstate="firing"}) >= 12`)
	s.Has(`count_over_time(node_load1{name="node-1"}[1m]) >= 3`)
	for _, d := range all {
		for _, v := range d.Variables {
			if query := v.Values(); query != "" && s.Count(query) == 0 {
				t.Errorf("%s: the variable %s has no values: %s", d.Name, v.Name, query)
			}
		}
		ofBad := d.Queries(bad)
		for title, queries := range d.Queries(well) {
			for i, query := range queries {
				finds, none, _ := strings.Cut(query, " or 0 * ")
				findsBad, _, _ := strings.Cut(ofBad[title][i], " or 0 * ")
				switch {
				case s.Count(query) == 0:
					t.Errorf("%s: %s shows nothing: %s", d.Name, title, query)
				case s.Count(finds) == 0 && s.Count(findsBad) == 0:
					t.Errorf("%s: %s never finds anything: %s", d.Name, title, finds)
				case none != "" && s.Count(none) == 0:
					t.Errorf("%s: %s never says that nothing is bad: %s", d.Name, title, none)
				}
			}
		}
	}
}

// TestBlind asks a Prometheus that scrapes nothing but itself and has no rules: no panel says of a fleet that all is well.
func TestBlind(t *testing.T) {
	s, all := start(t, stage.Options{})
	s.Has(`rate(prometheus_tsdb_head_samples_appended_total{job="prometheus"}[1m])`)
	for _, d := range all {
		for title, queries := range d.Queries(well) {
			for _, query := range queries {
				itself := title == "Series in memory" || title == "Samples taken"
				if shows := s.Count(query) > 0; shows != itself {
					t.Errorf("%s: %s of a blind Prometheus shows something: %t: %s", d.Name, title, shows, query)
				}
			}
		}
		for _, p := range d.Panels {
			if said := p.FieldConfig.Defaults.NoValue; said != "" {
				t.Errorf("%s: %s says %q when nothing is known", d.Name, p.Title, said)
			}
		}
	}
}

// many is more than a peer of these fleets can have, of seconds or bytes; and less than seconds since 1970.
const many = 1e9

// TestLiar: what a target says of other hosts' tunnels is shown nowhere.
func TestLiar(t *testing.T) {
	lies := func() string {
		return fmt.Sprintf("promwire_peer_last_handshake_seconds{host=\"direct\"} 1\npromwire_peer_receive_bytes_total{host=\"direct\"} %[1]g\n"+
			"promwire_peer_transmit_bytes_total{host=\"direct\"} %[1]g\n", 1e8*float64(time.Now().UnixMilli()))
	}
	s, all := start(t, stage.Options{Hosts: append(stage.Fleet(3),
		stage.Host{Name: "direct", Region: "fra1", Role: prometheus.RoleTarget, Metrics: stage.Usual(1)},
		stage.Host{Name: "liar", Region: "fra1", Role: prometheus.RoleTarget, Live: lies})})
	s.Has(fmt.Sprintf(`rate(promwire_peer_transmit_bytes_total{name="liar"}[1m]) > %g and time() - promwire_peer_last_handshake_seconds > %[1]g`, many))
	asked := 0
	for _, d := range all {
		of := map[string]string{"region": ".*", "name": "direct"}
		for title, queries := range d.Queries(of) {
			for _, query := range queries {
				if !strings.Contains(query, "promwire_peer_") {
					continue
				}
				if asked++; s.Count(fmt.Sprintf("(%s) > %g", query, many)) > 0 {
					t.Errorf("%s: %s shows what a target says of another: %s", d.Name, title, query)
				}
			}
		}
	}
	if asked < 6 {
		t.Errorf("only %d queries are about peers", asked)
	}
}

// TestNever: of a peer that never had a handshake, the panels say so, and name it.
func TestNever(t *testing.T) {
	hosts := append(stage.Fleet(3), stage.Host{Name: "new", Region: "fra1", Role: prometheus.RoleTarget, Metrics: stage.Usual(1)})
	hosts[0].Metrics += "promwire_peer_last_handshake_seconds{host=\"new\"} 0\n"
	s, all := start(t, stage.Options{Hosts: hosts})
	s.Has(`promwire_peer_last_handshake_seconds{host="new"}`)
	said := 0
	for _, d := range all {
		queries := d.Queries(map[string]string{"name": "new"})
		for _, p := range d.Panels {
			for _, m := range p.FieldConfig.Defaults.Mappings {
				if m.Options.Result.Text != "never" || m.Options.From == nil || m.Options.To != nil {
					continue
				}
				said++
				query := fmt.Sprintf(`(%s) > %g and on (host) promwire_peer_last_handshake_seconds{host="new"}`, queries[p.Title][0], *m.Options.From)
				if s.Count(query) != 1 {
					t.Errorf("%s: %s does not say never: %s", d.Name, p.Title, query)
				}
			}
		}
	}
	if said != 2 {
		t.Errorf("%d panels can say never; want those of the fleet and of a host", said)
	}
}

// history is the Pushgateway's, until a moment ago. It is down.
func history() string {
	var text strings.Builder
	now := time.Now()
	for _, line := range []string{
		"push_time_seconds" + pushed + `,exported_job="backup",exported_instance="db"} 1000`,
		"push_failure_time_seconds" + pushed + `,exported_job="backup",exported_instance="db"} 2000`,
		"scrape_samples_scraped" + pushed + `} 7`,
		"up" + pushed + `} 0`,
	} {
		for at := now.Add(-time.Minute); at.Before(now.Add(-10 * time.Second)); at = at.Add(5 * time.Second) {
			fmt.Fprintf(&text, "%s %d\n", line, at.Unix())
		}
	}
	return text.String() + "# EOF\n"
}
