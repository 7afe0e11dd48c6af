package settings

import (
	"slices"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/stacks/settings/document"
)

// Parse turns the JSON of promwire:fleet into settings, all but the SSH key. The error names every problem, a line each, with
// its path.
func Parse(raw []byte) (*Settings, error) {
	settings, problems := parse(raw)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return settings, nil
}

func parse(raw []byte) (*Settings, document.Problems) {
	fleet, problems := document.Decode(raw)
	settings, more := resolve(fleet)
	problems.Merge(more)
	return settings, problems
}

// resolve fills in defaults and expands groups. The settings are good for use only if there are no problems.
func resolve(fleet document.Fleet) (*Settings, document.Problems) {
	c := checker{certificates: fleet.TLS.Enabled, reserved: reservedJobs}
	if fleet.Alertmanager.Config != nil { // without it, one of the operator's may have this name
		c.reserved = append(slices.Clone(reservedJobs), prometheus.JobAlertmanager)
	}
	releases := c.releases(fleet.Releases)
	s := &Settings{
		Network:      c.network(fleet.Network),
		SSH:          c.ssh(fleet.SSH),
		Monitor:      c.monitor(fleet.Monitor, fleet.Hub, len(fleet.Probes) > 0),
		Hub:          c.hub(fleet.Hub),
		Targets:      c.targets(fleet.Targets),
		NoTargets:    fleet.NoTargets,
		Clusters:     c.clusters(fleet.Clusters),
		Images:       c.images(fleet.Images, fleet.Clusters),
		Pushgateway:  c.pushgateway(fleet.Pushgateway),
		Alerting:     c.alertmanager(fleet.Alertmanager),
		TLS:          c.tls(fleet.TLS),
		Probes:       c.probes(fleet.Probes),
		Releases:     releases,
		Verification: Verification(fleet.Verification),
	}
	s.ScrapeConfigs = c.scrapeConfigs(fleet.ScrapeConfigs)
	if fleet.NoTargets && len(fleet.Targets) > 0 {
		c.Add("noTargets", "is true, but there are targets; remove one of the two")
	}
	s.Rules = c.rules(fleet.Rules)
	s.Mute = c.mute(fleet.Mute, fleet.Alertmanager.Heartbeat != nil)
	s.Allow = c.allow(fleet.Allow, s.Clusters)
	c.distinct()
	c.beside(s.Clusters)
	c.unlabelled(s.Clusters)
	c.room(s.Network.V4, s.Clusters)
	c.overlap(s)
	c.free(s)
	c.fits(s.Network)
	c.reachable(s.SSH.From)
	c.outsideTunnel(s, fleet.TLS.Enabled)
	c.pushes(s)
	c.byHub(s)
	c.byAgent(fleet)
	s.Warnings = c.warnings
	return s, c.Problems
}

// checker resolves a document, one method a part, and remembers what is wrong with it.
type checker struct {
	document.Problems
	warnings     []string
	certificates bool                       // whether the fleet has them
	reserved     []string                   // promwire's own jobs
	pinned       map[string]release.Release // the releases of exporters, by name
	hosts        []located                  // the monitor, then the targets: what the checks across hosts look at
}

// located is a host, and where the stack file has it.
type located struct {
	path string
	Host
}
