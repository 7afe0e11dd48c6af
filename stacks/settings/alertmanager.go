package settings

import (
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
