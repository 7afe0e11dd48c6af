package settings

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/stacks/settings/document"
)

// maxCount bounds one group. A fleet may have several.
const maxCount = 1000

var (
	// label is RFC 1123's (section 2.1) in lower case: host names differ by more than case, and so do the files named after
	// them. DigitalOcean takes these characters, and dots.
	label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	digit = regexp.MustCompile(`^[0-9]+$`)
	// slug is the form of DigitalOcean's names of regions, sizes and images, and of the numbers of own images.
	slug = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// maxLabel is RFC 1035's length of one label, in bytes.
const maxLabel = 63

func (c *checker) monitor(m document.Monitor, hub *document.Hub, probing bool) Monitor {
	const path = "monitor"
	if reflect.ValueOf(m).IsZero() {
		c.Add(path, "missing: every fleet has one; give it a name, and a region or an address")
		return Monitor{}
	}
	host := c.host(path, m.Machine, c.monitorExporters(path, m, probing))
	c.hosts = append(c.hosts, located{path, host})
	return Monitor{
		Host: host, Endpoint: c.monitorEndpoint(path, m, hub), Source: c.source(path+".source", m, hub),
		Prometheus: c.prometheus(path+".prometheus", m.Prometheus),
	}
}

// monitorEndpoint is what targets dial, unless they dial a hub.
func (c *checker) monitorEndpoint(path string, m document.Monitor, hub *document.Hub) string {
	switch {
	case hub == nil:
		return c.endpoint(path, m.Endpoint, m.Machine, "the monitor")
	case m.Endpoint != "":
		c.Add(path+".endpoint", "nobody dials the monitor of a fleet with a hub; write it under hub, or leave it out")
	}
	return ""
}

// endpoint is what others dial. Only behind a bastion there is nothing to guess it from.
func (c *checker) endpoint(path, endpoint string, m document.Machine, who string) string {
	path += ".endpoint"
	switch {
	case endpoint != "":
		c.address(path, endpoint)
		return endpoint
	case m.Bastion != nil:
		c.Add(path, "missing: %s is behind a bastion; give the address at which targets reach its UDP port", who)
	}
	return m.Address
}

func (c *checker) targets(list []document.Target) []Host {
	hosts := []Host{}
	for i, t := range list {
		path := document.Index("targets", i)
		if t.Count != nil || t.Regions != nil {
			hosts = append(hosts, c.group(path, t)...)
			continue
		}
		host := c.host(path, t.Machine, c.targetExporters(path, t))
		host.Scrape = c.services(path+".scrape", t.Scrape, host)
		host.Transport, host.Listen = c.transport(path, t)
		c.hosts = append(c.hosts, located{path, host})
		hosts = append(hosts, host)
	}
	return hosts
}

// group expands one entry to like droplets NAME-1, NAME-2, ... with the regions taken in turn.
func (c *checker) group(path string, t document.Target) []Host {
	count := c.number(path+".count", t.Count, 0, 1, maxCount)
	switch {
	case t.Count == nil:
		c.Add(path+".count", "missing: an entry with regions is a group; give the number of hosts, or write region for a single host")
	case t.Regions == nil && existing(t.Machine): // said below
	case t.Regions == nil:
		c.Add(path+".regions", "missing: an entry with count is a group; list the regions for its hosts")
	case len(t.Regions) == 0:
		c.Add(path+".regions", "the list is empty; name at least one region")
	}
	if t.Region != "" {
		c.Add(path+".region", "is for a single host; a group has regions, a list")
	}
	if existing(t.Machine) || len(t.Open) > 0 || t.CloseOthers {
		c.Add(path, "a group consists of droplets; write each existing machine as an entry of its own")
	}
	for i, region := range t.Regions {
		c.slug(document.Index(path+".regions", i), region)
	}
	// The longest name stands for all; one name that is wrong is one error, not a thousand.
	c.name(path+".name", member(t.Name, min(max(count, 1), maxCount)))
	labels := c.labels(path+".labels", t.Labels)
	size, image := c.slugOr(path+".size", t.Size, defaultSize), c.slugOr(path+".image", t.Image, defaultImage)
	transport, _ := c.transport(path, t)
	mtu := c.mtu(path, t.Machine)
	exporters := c.targetExporters(path, t)
	services := c.services(path+".scrape", t.Scrape, Host{Exporters: exporters})
	if existing(t.Machine) {
		c.machine(path, t.Machine, exporters)
	}
	if count < 1 || count > maxCount || len(t.Regions) == 0 {
		return nil
	}
	hosts := make([]Host, count)
	for i := range hosts {
		hosts[i] = Host{
			Name: member(t.Name, i+1), Region: t.Regions[i%len(t.Regions)], Group: t.Name, Regions: t.Regions, Size: size, Image: image, Labels: maps.Clone(labels),
			MTU: mtu, Protect: t.Protect, Transport: transport, Exporters: slices.Clone(exporters), Scrape: slices.Clone(services),
		}
		c.hosts = append(c.hosts, located{path, hosts[i]})
	}
	return hosts
}

// member is the name of a group's n-th host, from 1. Without the group's name, which is reported elsewhere, there is none.
func member(group string, n int) string {
	if group == "" {
		return ""
	}
	return fmt.Sprintf("%s-%d", group, n)
}

func (c *checker) host(path string, m document.Machine, exporters []exporter.Choice) Host {
	c.name(path+".name", m.Name)
	host := Host{
		Name: m.Name, Region: m.Region, Labels: c.labels(path+".labels", m.Labels), MTU: c.mtu(path, m), Protect: m.Protect, Exporters: exporters,
	}
	if existing(m) {
		host.Existing = c.machine(path, m, exporters)
		return host
	}
	if len(m.Open) > 0 {
		c.Add(path+".open", "is only for existing machines; a droplet's ports are closed by the cloud's firewall too")
	}
	if m.CloseOthers {
		c.Add(path+".closeOthers", "is only for existing machines; a droplet serves nothing yet")
	}
	if m.Region == "" {
		c.Add(path+".region", "missing: a droplet needs one, such as lon1; an existing machine needs address and hostKey")
	} else {
		c.slug(path+".region", m.Region)
	}
	host.Size = c.slugOr(path+".size", m.Size, defaultSize)
	host.Image = c.slugOr(path+".image", m.Image, defaultImage)
	return host
}

// mtu is what a host's own path takes; 0 if nothing is said.
func (c *checker) mtu(path string, m document.Machine) int {
	return c.number(path+".mtu", m.MTU, 0, minMTU4, maxMTU)
}

// name says what is wrong with a host name. It names files, Pulumi resources, droplets and Prometheus's series too.
func (c *checker) name(path, name string) {
	switch {
	case name == "":
		c.Add(path, "missing: every host needs a name")
	case len(name) > maxLabel:
		c.Add(path, "%q has %d characters; a host name has at most %d", name, len(name), maxLabel)
	case name != strings.ToLower(name) && label.MatchString(strings.ToLower(name)):
		c.Add(path, "%q has capital letters; write %q", name, strings.ToLower(name))
	case !label.MatchString(name):
		c.Add(path, "%q is not a valid host name: use lower-case letters, digits and hyphens, no hyphen at either end", name)
	case digit.MatchString(name):
		c.Add(path, "%q is not a valid host name: digits only would be read as an address", name)
	case name == "localhost":
		c.Add(path, "%q is what every host calls itself; choose another", name)
	}
}

func (c *checker) slug(path, text string) {
	// What is empty was reported when it was decoded.
	if text != "" && !slug.MatchString(text) {
		c.Add(path, "%q is not a name that DigitalOcean uses: lower-case letters, digits and single hyphens", text)
	}
}

func (c *checker) slugOr(path, text, fallback string) string {
	c.slug(path, text)
	return or(text, fallback)
}

// distinct reports names and machines that occur twice, at the later one.
func (c *checker) distinct() {
	names, machines := map[string]string{}, map[string]string{}
	for _, host := range c.hosts {
		if first, taken := names[host.Name]; taken && host.Name != "" {
			c.Add(host.path+".name", "%q is the name of %s already; choose another", host.Name, first)
		} else {
			names[host.Name] = host.path
		}
		if host.Existing == nil || host.Existing.Address == "" {
			continue
		}
		at := reach(host.Existing)
		if first, taken := machines[at]; taken {
			c.Add(host.path+".address", "%s is the machine of %s already; write each machine once", host.Existing.Address, first)
		} else {
			machines[at] = host.path
		}
	}
}

// reach tells machines apart: two may have one address behind different bastions, or on different forwarded ports.
func reach(m *Machine) string {
	at := fmt.Sprintf("%s port %d", strings.ToLower(m.Address), m.Port)
	if m.Bastion != nil {
		at += fmt.Sprintf(" by way of %s port %d", strings.ToLower(m.Bastion.Address), m.Bastion.Port)
	}
	return at
}

func (c *checker) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(c.warnings, w) {
		c.warnings = append(c.warnings, w)
	}
}
