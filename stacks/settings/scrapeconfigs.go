package settings

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/promwire/promwire/stacks/settings/document"
)

// scrapeConfigs are the operator's own jobs, a line of JSON each. Prometheus's own promtool checks them on the monitor; here is what it
// can't see: names that the fleet has already, and secrets.
func (c *checker) scrapeConfigs(list []map[string]any) []string {
	taken := c.jobNames()
	var configs []string
	for i, config := range list {
		at := document.Index("scrapeConfigs", i)
		c.jobName(at+".job_name", config["job_name"], taken)
		c.secretless(at, config, ofScrapeConfigs)
		configs = append(configs, oneLine(config))
	}
	return configs
}

// jobNames are those of the fleet, and what each is.
func (c *checker) jobNames() map[string]string {
	taken := map[string]string{}
	for _, host := range c.hosts {
		for _, e := range host.Exporters {
			taken[e.Name] = "the job of an exporter"
		}
		for _, s := range host.Scrape {
			taken[s.Job] = "a job of " + host.path + ".scrape"
		}
	}
	for _, name := range c.reserved {
		taken[name] = "promwire's own job"
	}
	return taken
}

func (c *checker) jobName(at string, value any, taken map[string]string) {
	name, isText := value.(string)
	switch {
	case value == nil || name == "" && isText:
		c.Add(at, "missing: every job needs a name")
		return
	case !isText:
		c.Add(at, "must be text (put it in quotes)")
		return
	case strings.HasPrefix(name, clusterJobs):
		c.Add(at, "%q: names that begin with %s are those of promwire's own jobs; choose another", name, clusterJobs)
	case taken[name] != "":
		c.Add(at, "%q is %s already; choose another name", name, taken[name])
	}
	if taken[name] == "" {
		taken[name] = strings.TrimSuffix(at, ".job_name") + "'s name"
	}
}

// oneLine is an object as JSON, which is YAML too: the keys sorted, numbers as they were written.
func oneLine(object map[string]any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		panic(err) // it was decoded from JSON
	}
	return strings.TrimSpace(b.String())
}
