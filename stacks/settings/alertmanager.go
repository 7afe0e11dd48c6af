package settings

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/stacks/settings/document"
)

// Alerting is how alerts reach people.
type Alerting struct {
	Configuration alertmanager.Configuration
	Secrets       map[string]string // of all that the Configuration reads, by name
	Test          bool
	ExternalURL   string // as plan.MonitorValues has it
}

// secretsPath is where the stack's configuration has the secrets of receivers.
const secretsPath = "promwire:secrets"

// secretName is also a file's name.
var secretName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

func (c *checker) alertmanager(a document.Alertmanager) *Alerting {
	const path = "alertmanager"
	if a.Config == nil {
		if a.Test || a.Heartbeat != nil || a.ExternalURL != "" {
			c.Add(path+".config", "missing: without it there is no Alertmanager")
		}
		return nil
	}
	configuration, err := alertmanager.Complete(a.Config, c.heartbeat(path+".heartbeat", a.Heartbeat))
	if err != nil {
		c.Add(path+".config", "%v", err)
		return nil
	}
	if a.Test && len(configuration.Delivery.Integrations) == 0 {
		c.Add(path+".test", "the receiver %q of route sends nothing, so no alert can arrive; give it a way, such as webhook_configs", configuration.Delivery.Receiver)
	}
	return &Alerting{Configuration: configuration, Test: a.Test, ExternalURL: c.externalURL(path+".externalUrl", a.ExternalURL)}
}

// heartbeat is nil if there is none.
func (c *checker) heartbeat(path string, h *document.Heartbeat) *alertmanager.Heartbeat {
	if h == nil {
		return nil
	}
	if !secretName.MatchString(h.Secret) {
		c.Add(path+".secret", "%q is not the name of a secret; set its URL with `pulumi config set --secret --path %s.deadman`, and write deadman", h.Secret, secretsPath)
	}
	interval := c.duration(path+".interval", or(h.Interval, defaultHeartbeat))
	if interval != 0 && (interval < 10*time.Second || interval > time.Hour) {
		c.Add(path+".interval", "%s: must be from 10s to 1h", h.Interval)
	}
	return &alertmanager.Heartbeat{Secret: h.Secret, Interval: max(interval.Truncate(time.Second), 10*time.Second)}
}

// secrets reads the values that Alertmanager's configuration needs, and no others.
func (a *Alerting) secrets(text string, problems *document.Problems) {
	values := map[string]string{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			problems.Add(secretsPath, "must be an object of texts; set each with `pulumi config set --secret --path %s.NAME`", secretsPath)
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !secretName.MatchString(name):
			problems.Add(secretsPath+"."+name, "%q is not a valid name: use lower-case letters, digits, hyphens and underscores, at most 64", name)
		case strings.TrimSpace(values[name]) == "":
			problems.Add(secretsPath+"."+name, "is empty; set it again")
		case a == nil || !slices.Contains(a.Configuration.Secrets, name):
			problems.Add(secretsPath+"."+name, "nothing reads it; write %s in alertmanager.config, or remove it with `pulumi config rm --path %s.%s`",
				alertmanager.SecretFile(name), secretsPath, name)
		}
	}
	if a == nil {
		return
	}
	for _, name := range a.Configuration.Secrets {
		if _, there := values[name]; !there {
			problems.Add("alertmanager.config", "reads %s, and there is no such secret; set it with `pulumi config set --secret --path %s.%s`",
				alertmanager.SecretFile(name), secretsPath, name)
		}
	}
	a.Secrets = values
}
