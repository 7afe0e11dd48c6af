package prometheus

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/version"
)

//go:embed rules.yml
var rules string

// Runbooks is the page that says of each alert what it means and what to do: that of this release, or the newest one before it is released.
func Runbooks() string {
	at := "v" + version.Release
	if strings.HasSuffix(at, "-dev") {
		at = "main"
	}
	return "https://github.com/promwire/promwire/blob/" + at + "/docs/alerts.md"
}

// RulesFile is the fleet's alerts: what is down, what is open and must not be, what runs full.
func RulesFile() string {
	var up []string
	for _, e := range exporter.All() {
		if e.Up != "" {
			up = append(up, e.Up)
		}
	}
	return strings.NewReplacer("$UP", strings.Join(up, "|"), "$CAUSES", explained(), "$PAGE", Runbooks()).Replace(rules)
}

// RuleFile is a file of the operator's own rules.
type RuleFile struct {
	Name   string // without folder and extension
	Source string // its path in the project
	Text   string // in Prometheus's own terms
}

// Path is the file on the monitor.
func (f RuleFile) Path() string { return OwnRules + f.Name + ".yml" }

// Alert is one of RulesFile, as people need to know it.
type Alert struct {
	Name        string            `yaml:"alert"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// Alerts are those of RulesFile, in its order.
func Alerts() []Alert {
	var file struct {
		Groups []struct {
			Rules []Alert `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(RulesFile()), &file); err != nil {
		panic(err) // a test reads it with the real promtool
	}
	var all []Alert
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if rule.Name != "" {
				all = append(all, rule)
			}
		}
	}
	return all
}

// Heartbeat is the rule of the alert that is there as long as scraping and rules work, and samples are kept: after a scrape that could not be
// written, as on a full disk, Prometheus would go on with the last sample for five minutes. Four scrapes may fail.
func Heartbeat(alert string, scrapeInterval time.Duration) string {
	window := int(max(time.Minute, 4*scrapeInterval).Seconds())
	return strings.NewReplacer("ALERT", alert, "WINDOW", fmt.Sprintf("%ds", window)).Replace(heartbeat)
}

const heartbeat = `groups:
  - name: promwire-heartbeat
    rules:
      - alert: ALERT
        expr: max_over_time(up{job="prometheus", role="monitor"}[WINDOW]) == 1
        labels:
          severity: none
        annotations:
          summary: "Scraping, rules and alerting work"
`
