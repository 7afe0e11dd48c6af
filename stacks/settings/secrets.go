package settings

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/secrets"
	"github.com/promwire/promwire/stacks/settings/document"
)

// secretsPath is where the stack's configuration has the secrets that services of the monitor read.
const secretsPath = "promwire:secrets"

// secretName is also a file's name.
var secretName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

// reader is a service of the monitor's that reads secrets.
type reader struct {
	at     string // where the settings have its configuration
	folder secrets.Folder
	names  []string           // of the secrets that its configuration reads, sorted
	values *map[string]string // these, by name; nil: there is no such service
}

// readers are all that can read secrets.
func (s *Settings) readers() []reader {
	alerts := reader{at: "alertmanager.config", folder: alertmanager.Secrets}
	if s.Alerting != nil {
		alerts.names, alerts.values = s.Alerting.Configuration.Secrets, &s.Alerting.Secrets
	}
	p := &s.Monitor.Prometheus
	return []reader{alerts, {"monitor.prometheus.remoteWrite", prometheus.Secrets, p.RemoteWrite.Secrets, &p.Secrets}}
}

// secrets gives each reader the values that its configuration needs, and no others. It says whether there are any.
func (s *Settings) secrets(text string, problems *document.Problems) bool {
	values := map[string]string{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			problems.Add(secretsPath, "must be an object of texts; set each with `pulumi config set --secret --path %s.NAME`", secretsPath)
			return false
		}
	}
	readers := s.readers()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !secretName.MatchString(name):
			problems.Add(secretsPath+"."+name, "%q is not a valid name: use lower-case letters, digits, hyphens and underscores, at most 64", name)
		case strings.TrimSpace(values[name]) == "":
			problems.Add(secretsPath+"."+name, "is empty; set it again")
		case !slices.ContainsFunc(readers, func(r reader) bool { return slices.Contains(r.names, name) }):
			problems.Add(secretsPath+"."+name, "nothing reads it; write %s, or remove it with `pulumi config rm --path %s.%s`",
				whereToWrite(readers, name), secretsPath, name)
		}
	}
	for _, r := range readers {
		r.read(values, problems)
	}
	return len(values) > 0
}

// whereToWrite says how each reader would read a secret.
func whereToWrite(readers []reader, name string) string {
	ways := make([]string, len(readers))
	for i, r := range readers {
		ways[i] = r.folder.File(name) + " in " + r.at
	}
	return strings.Join(ways, " or ")
}

// read takes the reader's own secrets.
func (r reader) read(values map[string]string, problems *document.Problems) {
	if len(r.names) == 0 {
		return
	}
	*r.values = map[string]string{}
	for _, name := range r.names {
		value, there := values[name]
		if !there {
			problems.Add(r.at, "reads %s, and there is no such secret; set it with `pulumi config set --secret --path %s.%s`",
				r.folder.File(name), secretsPath, name)
		}
		(*r.values)[name] = value
	}
}
