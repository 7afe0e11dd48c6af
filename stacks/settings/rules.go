package settings

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// mostRules is how long all files of rules may be together, in bytes: the stack's state has each twice.
const mostRules = 128 << 10

// ruleFile is the name of a file of rules, which the monitor's file has, too.
var ruleFile = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?\.ya?ml$`)

// rules checks only the names of the files: readRules reads them.
func (c *checker) rules(list []string) []prometheus.RuleFile {
	var files []prometheus.RuleFile
	taken := map[string]string{}
	for i, p := range list {
		at, base := document.Index("rules", i), path.Base(filepath.ToSlash(p))
		stem := strings.TrimSuffix(base, path.Ext(base))
		switch {
		case filepath.IsAbs(p) || !fs.ValidPath(filepath.ToSlash(filepath.Clean(p))):
			c.Add(at, "%q: must be a path below the project's folder, such as rules/shop.yml", p)
		case !ruleFile.MatchString(base):
			c.Add(at, "%q: a file of rules has a name of lower-case letters, digits, hyphens and underscores, and ends with .yml", base)
		case taken[stem] != "":
			c.Add(at, "%s has the same name as %s; files need different ones, because they are in one folder on the monitor", p, taken[stem])
		default:
			taken[stem] = p
			files = append(files, prometheus.RuleFile{Name: stem, Source: p})
		}
	}
	return files
}

// mute are the alerts of promwire's that the monitor does not have.
func (c *checker) mute(list []string, heartbeat bool) []string {
	known := alertNames()
	for i, name := range list {
		at := document.Index("mute", i)
		switch {
		case name == alertmanager.Watchdog && heartbeat:
			c.Add(at, "%s can't be muted: alertmanager.heartbeat calls its service as long as this alert is there; remove heartbeat instead", name)
		case !slices.Contains(known, name):
			c.Add(at, "%q is no alert of promwire's; nearest are %s; docs/alerts.md has all of them", name, strings.Join(document.Nearest(name, known, 3), ", "))
		case slices.Index(list, name) < i:
			c.Add(at, "%s is there twice; remove one", name)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// alertNames are the names of promwire's own alerts.
func alertNames() []string {
	var names []string
	for _, alert := range prometheus.Alerts() {
		names = append(names, alert.Name)
	}
	return names
}

// own is whose an alert is that no file of the operator's has.
const own = "promwire's"

// readRules reads the files of rules below a folder, the project's, and has Prometheus's own parser judge them.
func (s *Settings) readRules(folder string, problems *document.Problems) {
	taken := map[string]string{alertmanager.Watchdog: own, alertmanager.Test: own}
	for _, name := range alertNames() {
		taken[name] = own
	}
	size := 0
	for i := range s.Rules {
		file := &s.Rules[i]
		text, err := os.ReadFile(filepath.Join(folder, file.Source))
		if err != nil {
			problems.Add("rules", "%s can't be read: %v; the path is from the project's folder", file.Source, err)
			continue
		}
		file.Text, size = string(text), size+len(text)
		for _, problem := range ruleProblems(file.Text, taken, file.Source) {
			problems.Add("rules", "%s: %s", file.Source, problem)
		}
	}
	if size > mostRules {
		problems.Add("rules", "all files together have %d bytes, and at most %d are possible, because the stack's state has each twice", size, mostRules)
	}
}

// ruleProblems are what is wrong with a file's text: what Prometheus refuses, and names that alerts or series of the fleet have.
func ruleProblems(text string, taken map[string]string, source string) []string {
	groups, errs := rulefmt.Parse([]byte(text), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	var problems []string
	for _, err := range errs {
		problems = append(problems, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if len(errs) > 0 {
		return problems
	}
	named := map[string]bool{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			switch {
			case strings.HasPrefix(rule.Record, "promwire"):
				problems = append(problems, fmt.Sprintf("group %s: record: %s: names that begin with promwire are promwire's own series; choose another", group.Name, rule.Record))
			case rule.Alert != "" && taken[rule.Alert] != "":
				problems = append(problems, fmt.Sprintf("group %s: alert: %s is an alert of %s already; choose another name", group.Name, rule.Alert, taken[rule.Alert]))
			case rule.Alert != "":
				named[rule.Alert] = true // one name may have several rules in a file, such as one for each severity
			}
		}
	}
	for name := range named {
		taken[name] = source
	}
	return problems
}
