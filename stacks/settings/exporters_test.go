package settings

import (
	"reflect"
	"testing"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/stacks/settings/document"
)

func names(choices []exporter.Choice) []string {
	var all []string
	for _, c := range choices {
		all = append(all, c.Name)
	}
	return all
}

// TestExporters: the node exporter comes first, the others as the stack file has them, each with its own settings.
func TestExporters(t *testing.T) {
	s := parsed(t, "exporters")
	db, old := s.Targets[0], s.Targets[4]
	same(t, "the list of db's exporters", names(db.Exporters), []string{"node", "postgres", "redis"})
	same(t, "the list of old's exporters", names(old.Exporters), []string{"node"})
	same(t, "the list of the monitor's exporters", names(s.Monitor.Exporters), []string{"node", "blackbox"})
	same(t, "the list of redis's flags", db.Exporters[2].MoreFlags, []string{"-check-keys=db0=a b,db1=%i"})
	if got := db.Exporters[1].SecretFile; got != "/etc/exporters/postgres.env" {
		t.Errorf("postgres logs in with %q", got)
	}
	want := []exporter.Service{{Job: "shop", Port: 8080, Path: "/actuator/prometheus"}, {Job: "_Other-1", Port: 9090, Path: "/metrics"}}
	if !reflect.DeepEqual(db.Scrape, want) {
		t.Errorf("db serves %+v, want %+v", db.Scrape, want)
	}
	same(t, "the list of jobs", s.ScrapeConfigs, []string{
		`{"basic_auth":{"password_file":"/etc/prometheus/saas.password","username":"u"},"honor_labels":true,"job_name":"saas",` +
			`"metric_relabel_configs":[{"action":"drop","regex":"","separator":"","source_labels":["a","b"]}],"params":{"token":["cpu"]},` +
			`"sample_limit":1000000000000,"scheme":"https","static_configs":[{"labels":{"password":"none","tier":"<1> & 'two'"},` +
			`"targets":["saas.example.com:443"]}]}`,
		`{"job_name":"empty"}`,
	})
}

// TestGroupExporters: each host of a group has what the entry says, and may be changed apart.
func TestGroupExporters(t *testing.T) {
	s := parsed(t, "exporters")
	one, two := &s.Targets[1], &s.Targets[2]
	if one.Name != "web-1" || two.Name != "web-2" || !reflect.DeepEqual(one.Exporters, two.Exporters) || !reflect.DeepEqual(one.Scrape, two.Scrape) {
		t.Fatalf("%+v\n%+v", one, two)
	}
	same(t, "the list of flags", two.Exporters[0].MoreFlags, []string{"--no-collector.arp"})
	one.Exporters[0].SecretFile, one.Scrape[0].Port = "/changed", 1
	if two.Exporters[0].SecretFile != "" || two.Scrape[0].Port != 8080 {
		t.Error("two hosts of a group share a list")
	}
}

// TestPinnedExporters: whatever the table says is installed from a release has one.
func TestPinnedExporters(t *testing.T) {
	var c checker
	c.releases(document.Releases{})
	for _, choice := range c.choices("", exporter.All(), nil, nil) {
		switch {
		case !choice.Pinned() && choice.Release.Name != "":
			t.Errorf("%s is a package, and has the release %s", choice.Name, choice.Release.Name)
		case choice.Pinned() && choice.Release.Name != choice.Exporter.Release:
			t.Errorf("%s is installed from %q, want %q", choice.Name, choice.Release.Name, choice.Exporter.Release)
		case choice.Pinned():
			if err := choice.Release.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}
