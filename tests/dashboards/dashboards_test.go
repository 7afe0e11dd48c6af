package dashboards

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
const moreOfCluster = "cluster:volume_available_bytes:min{namespace=\"shop\",persistentvolumeclaim=\"db\"} 3\n" +
	"cluster:volume_capacity_bytes:max{namespace=\"shop\",persistentvolumeclaim=\"db\"} 4\njob:apiserver_request:rate5m{job=\"kubernetes-apiservers\"} 2\n"

// pushed is what a Pushgateway shows, as Prometheus has it.
const pushed = `{job="pushgateway",role="monitor",name="monitor-1"`

// TestQueries asks a real Prometheus, with a fleet that has all of it, what each panel and each variable asks: all have something to show.
func TestQueries(t *testing.T) {
	here := folder.Default(filepath.Join("..", ".."))
	if err := setup.Ensure(t.Context(), here, os.Stderr, setup.Tools); err != nil {
		t.Fatal(err)
	}
	hosts := stage.Lively()
	for i := range hosts {
		if hosts[i].Cluster == "" {
			hosts[i].Metrics += more
		} else {
			hosts[i].Metrics += moreOfCluster
		}
	}
	s := stage.New(t, stage.Options{Bin: here.Bin(), Interval: time.Second, Rules: firing, Hosts: hosts, History: history()})
	s.Has(`count(ALERTS{alertstate="firing"}) >= 11`)
	s.Has(`count_over_time(node_load1{name="node-1"}[1m]) >= 3`)
	all, err := Read(committed)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"region": ".*", "name": "node-1", "cluster": "shop", "exported_job": "backup"}
	for _, d := range all {
		for _, v := range d.Variables {
			if query := v.Values(); query != "" && s.Count(query) == 0 {
				t.Errorf("%s: the variable %s has no values: %s", d.Name, v.Name, query)
			}
		}
		for title, queries := range d.Queries(values) {
			for _, query := range queries {
				if s.Count(query) == 0 {
					t.Errorf("%s: %s shows nothing: %s", d.Name, title, query)
				}
			}
		}
	}
}

// history is the Pushgateway's, until a moment ago.
func history() string {
	var text strings.Builder
	now := time.Now()
	for _, line := range []string{
		"push_time_seconds" + pushed + `,exported_job="backup",exported_instance="db"} 1000`,
		"push_failure_time_seconds" + pushed + `,exported_job="backup",exported_instance="db"} 2000`,
		"scrape_samples_scraped" + pushed + `} 7`,
		"up" + pushed + `} 1`,
	} {
		for at := now.Add(-time.Minute); at.Before(now.Add(-10 * time.Second)); at = at.Add(5 * time.Second) {
			fmt.Fprintf(&text, "%s %d\n", line, at.Unix())
		}
	}
	return text.String() + "# EOF\n"
}
