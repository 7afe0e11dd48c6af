package prometheus

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

type relabeling struct {
	Target      string   `yaml:"target_label"`
	Replacement string   `yaml:"replacement"`
	Source      []string `yaml:"source_labels"`
	Action      string   `yaml:"action"`
}

type scrapeFile struct {
	Configs []struct {
		Job     string              `yaml:"job_name"`
		Honor   bool                `yaml:"honor_labels"`
		Path    string              `yaml:"metrics_path"`
		Params  map[string][]string `yaml:"params"`
		Every   string              `yaml:"scrape_interval"`
		Timeout string              `yaml:"scrape_timeout"`
		Static  []struct {
			Targets []string `yaml:"targets"`
		} `yaml:"static_configs"`
		Relabel []relabeling `yaml:"relabel_configs"`
		Metrics []relabeling `yaml:"metric_relabel_configs"`
	} `yaml:"scrape_configs"`
}

// TestFederation: selectors arrive as they are, whatever quotes they have, and a cluster cannot set the label cluster. Its name is a text, even one that
// YAML has another meaning for.
func TestFederation(t *testing.T) {
	match := []string{`{__name__=~"job:.+"}`, `up{a='b'}`, `{x="it's: # - \"y\" & {z}"}`, "up"}
	f := Federation{Cluster: "null", Address: netip.MustParseAddr("10.98.0.3"), Match: match, Interval: 5 * time.Second}
	var file scrapeFile
	if err := yaml.Unmarshal([]byte(f.Render()), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Configs) != 1 {
		t.Fatalf("%+v", file)
	}
	c := file.Configs[0]
	if c.Job != "cluster-null" || !c.Honor || c.Path != "/federate" || c.Every != "5s" || c.Timeout != "5s" {
		t.Errorf("%+v", c)
	}
	if !slices.Equal(c.Params["match[]"], match) {
		t.Errorf("match %q, want %q", c.Params["match[]"], match)
	}
	if len(c.Static) != 1 || !slices.Equal(c.Static[0].Targets, []string{"10.98.0.3:9090"}) {
		t.Errorf("targets %+v", c.Static)
	}
	cluster := relabeling{Target: "cluster", Replacement: "null"}
	dropped := []relabeling{{Source: []string{"role"}, Action: "drop"}, {Source: []string{"__name__", "job"}, Action: "drop"}, {Source: []string{"__name__"}, Action: "drop"}}
	if !slices.EqualFunc(c.Metrics, append(dropped, cluster), equal) {
		t.Errorf("a cluster can speak for others: %+v", c.Metrics)
	}
	if want := []relabeling{{Target: "job", Replacement: JobFederate}, {Target: "instance", Replacement: "null"}, cluster}; !slices.EqualFunc(c.Relabel, want, equal) {
		t.Errorf("the federation's own labels are %+v", c.Relabel)
	}
	f.Interval = time.Minute
	if err := yaml.Unmarshal([]byte(f.Render()), &file); err != nil || file.Configs[0].Every != "1m" || file.Configs[0].Timeout != "10s" {
		t.Errorf("%v: %+v", err, file)
	}
}

func equal(a, b relabeling) bool {
	return a.Target == b.Target && a.Replacement == b.Replacement && slices.Equal(a.Source, b.Source) && a.Action == b.Action
}
