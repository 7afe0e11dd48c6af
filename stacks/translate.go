package stacks

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// translation turns settings into the components' own terms, so that components need not know a stack file.
type translation struct {
	fleet     string
	settings  *settings.Settings
	addresses ledger.Ledger
	state     record.State
	login     remote.Login
}

func fleetArgs(ctx *pulumi.Context, s *settings.Settings, addresses ledger.Ledger, ends []string, state record.State) fleet.Args {
	t := translation{
		fleet:     name(ctx),
		settings:  s,
		addresses: addresses,
		state:     state,
		login: remote.Login{
			PrivateKey: pulumi.ToSecret(pulumi.String(s.SSHPrivateKey)).(pulumi.StringOutput),
			Former:     remote.ReadFormer(state),
		},
	}
	args := fleet.Args{Open: t.cloud(), Monitor: t.monitor(), Again: again(s.Verification), Known: t.known(ends), Edges: t.edges(), State: state}
	if s.Hub != nil {
		args.Hub = t.hub(*s.Hub)
	}
	for _, h := range s.Targets {
		args.Targets = append(args.Targets, t.target(h))
	}
	for _, c := range s.Clusters {
		args.Clusters = append(args.Clusters, t.cluster(c))
	}
	return args
}

// again is a text that differs from the last update's where the proof is to be repeated.
func again(v settings.Verification) string {
	if !v.Always {
		return v.Again
	}
	return v.Again + " " + now().UTC().Format(time.RFC3339Nano)
}

func (t translation) monitor() fleet.Monitor {
	m := t.settings.Monitor
	return fleet.Monitor{Machine: machine(m.Host), Args: monitor.Args{
		Host:        t.host(m.Host),
		Endpoint:    m.Endpoint,
		Source:      text(m.Source),
		Alerting:    t.alerting(),
		RemoteWrite: m.Prometheus.Secrets,
		Plan: plan.MonitorValues{
			Host:            m.Name,
			Region:          m.Region,
			Labels:          m.Labels,
			Tunnel:          t.tunnel(ledger.MonitorSlot, m.MTU),
			SSH:             t.ssh(m.Host),
			Releases:        t.settings.Releases,
			ScrapeInterval:  m.Prometheus.ScrapeInterval,
			RetentionTime:   m.Prometheus.RetentionTime,
			RetentionSize:   m.Prometheus.RetentionSize,
			RetentionFits:   m.Prometheus.RetentionFits,
			RemoteWrite:     m.Prometheus.RemoteWrite,
			Agent:           m.Prometheus.Agent,
			Limits:          m.Prometheus.Limits,
			Clusters:        len(t.settings.Clusters) > 0,
			Open:            open(m.Host),
			InUse:           inUse(m.Host),
			TLS:             t.settings.TLS,
			Forward:         t.forward(),
			Admits:          t.admits(m.Name),
			Hub:             t.hubName(),
			Direct:          slices.ContainsFunc(t.settings.Targets, direct),
			Web:             m.Prometheus.Web,
			ExternalURL:     m.Prometheus.ExternalURL,
			AlertmanagerURL: t.alertmanagerURL(),
			Jobs:            t.settings.Pushgateway.Jobs,
			Alertmanager:    t.alertmanager(),
			Exporters:       m.Exporters,
			Scraped:         t.scraped(),
			Probes:          t.settings.Probes,
			ScrapeConfigs:   t.settings.ScrapeConfigs,
			Rules:           t.settings.Rules,
			Mute:            t.settings.Mute,
		},
	}}
}

// alertmanager is its configuration; nil if there is none.
func (t translation) alertmanager() *alertmanager.Configuration {
	if t.settings.Alerting == nil {
		return nil
	}
	return &t.settings.Alerting.Configuration
}

func (t translation) alertmanagerURL() string {
	if t.settings.Alerting == nil {
		return ""
	}
	return t.settings.Alerting.ExternalURL
}

func (t translation) alerting() *monitor.Alerting {
	a := t.settings.Alerting
	if a == nil {
		return nil
	}
	return &monitor.Alerting{Secrets: a.Secrets, Test: a.Test}
}

func (t translation) target(h settings.Host) fleet.Target {
	return fleet.Target{Machine: machine(h), Args: target.Args{
		Host:   t.host(h),
		Region: h.Region,
		Labels: h.Labels,
		Listen: h.Listen,
		Period: t.settings.TLS.Period(now()),
		Plan: plan.TargetSpec{
			Host:     h.Name,
			Tunnel:   t.tunnel(t.addresses.Hosts[h.Name], h.MTU),
			SSH:      t.ssh(h),
			Releases: t.settings.Releases,
			Open:     open(h),
			InUse:    inUse(h),
			TLS:      t.settings.TLS,

			Exporters: h.Exporters,
			Scrape:    h.Scrape,

			Admits: t.admits(h.Name),
			Dials:  t.dials(h.Name),
		},
	}}
}

// hub is a target that all others dial, and that passes on what the monitor scrapes.
func (t translation) hub(h settings.Hub) *fleet.Target {
	hub := t.target(h.Host)
	hub.Endpoint = h.Endpoint
	hub.Plan.Hub = &plan.Hub{Forward: t.allowed()}
	for _, target := range t.settings.Targets {
		to := t.target(target).Plan
		hub.Plan.Hub.Passes = append(hub.Plan.Hub.Passes, plan.Pass{To: to.Tunnel.Addresses[0], Ports: to.Passed()})
	}
	return &hub
}

// hubName is the hub's; "" if there is none.
func (t translation) hubName() string {
	if t.settings.Hub == nil {
		return ""
	}
	return t.settings.Hub.Name
}

// direct says whether a target is direct: scraped outside the tunnel.
func direct(h settings.Host) bool { return h.Transport == settings.TLSOnly }

// now is the clock: whether a certificate is due depends on it.
var now = time.Now

// text is an address, or "" of none.
func text(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

func open(h settings.Host) plan.Open {
	if h.Existing == nil {
		return nil
	}
	return h.Existing.Open
}

// inUse says whether a host serves something that must not be cut off. A droplet was made a minute ago.
func inUse(h settings.Host) bool { return h.Existing != nil && !h.Existing.CloseOthers }

func (t translation) host(h settings.Host) host.Args {
	return host.Args{Name: h.Name, Fleet: t.fleet, Login: t.login, Networks: t.networks(), Direct: direct(h)}
}

// networks are the tunnel's: IPv4, and IPv6 where the settings ask for it.
func (t translation) networks() []netip.Prefix {
	all := []netip.Prefix{t.settings.Network.V4}
	if t.settings.Network.V6.IsValid() {
		all = append(all, t.settings.Network.V6)
	}
	return all
}

// tunnel is a host's end of it. One end with a smaller MTU is enough for TCP in both directions: each tells the other the largest segment
// that it takes. A hub passes on what others send, and tells them nothing, so no end may be larger than it.
func (t translation) tunnel(slot, mtu int) plan.Tunnel {
	tunnel := plan.Tunnel{Networks: t.networks(), Port: t.settings.Network.Port, MTU: cmp.Or(mtu, t.settings.Network.MTU)}
	if hub := t.settings.Hub; hub != nil {
		tunnel.MTU = min(tunnel.MTU, cmp.Or(hub.MTU, t.settings.Network.MTU))
	}
	for _, network := range tunnel.Networks {
		tunnel.Addresses = append(tunnel.Addresses, ledger.Address(network, slot))
	}
	return tunnel
}

func (t translation) ssh(h settings.Host) plan.SSH {
	ssh := plan.SSH{Port: 22, From: t.settings.SSH.From}
	if h.Existing != nil && h.Existing.Port != 0 {
		ssh.Port = h.Existing.Port
	}
	return ssh
}

// scraped are the jobs of what the targets serve.
func (t translation) scraped() []string {
	var jobs []string
	for _, h := range t.settings.Targets {
		for _, e := range exporter.Endpoints(h.Exporters, h.Scrape, false) {
			jobs = append(jobs, e.Job)
		}
	}
	slices.Sort(jobs)
	return slices.Compact(jobs)
}
