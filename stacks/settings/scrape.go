package settings

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

var (
	// scrapeJob is a name that is a part of a file name, too.
	scrapeJob = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$`)
	// scrapePath is a path of URLs without anything to escape.
	scrapePath = regexp.MustCompile(`^/[A-Za-z0-9/_.~!&'()*+,;=:@-]*$`)
)

// reservedJobs are promwire's own, whatever a fleet has.
var reservedJobs = []string{prometheus.Name, prometheus.JobPushed, prometheus.JobFederate, prometheus.JobProbe}

// clusterJobs is what the jobs that read from clusters begin with.
const clusterJobs = "cluster-"

// services are what a host serves already.
func (c *checker) services(at string, list []document.Scrape, host Host) []exporter.Service {
	var services []exporter.Service
	ports := guarded(host.Exporters)
	ports[host.sshPort()] = "SSH"
	jobs := map[string]bool{}
	for i, s := range list {
		in := document.Index(at, i)
		c.scrapeJob(in+".job", s.Job, jobs)
		service := exporter.Service{Job: s.Job, Port: c.scrapePort(in+".port", s.Port, ports), Path: or(s.Path, exporter.DefaultPath)}
		c.scrapePath(in+".path", service.Path)
		c.notOpen(in+".port", service.Port, host)
		if c.certificates && service.Port != 0 {
			c.relayPort(in+".port", service.Port+exporter.TLSOffset, ports)
			c.notOpen(in+".port", service.Port+exporter.TLSOffset, host)
		}
		services = append(services, service)
	}
	return services
}

func (c *checker) scrapeJob(at, job string, jobs map[string]bool) {
	_, none := exporter.Find(job)
	switch {
	case job == "":
		c.Add(at, "missing: name the job of its series")
	case !scrapeJob.MatchString(job):
		c.Add(at, "%q is not a valid name: use letters, digits, hyphens and underscores, a letter or underscore first, at most 64", job)
	case slices.Contains(c.reserved, job) || strings.HasPrefix(job, clusterJobs):
		c.Add(at, "%q is a job of promwire's own; choose another name", job)
	case none == nil:
		c.Add(at, "%q is the job of an exporter that promwire installs; choose another name, or list the exporter in exporters", job)
	case jobs[job]:
		c.Add(at, "%q is a job of this host already; choose another name", job)
	}
	jobs[job] = true
}

func (c *checker) scrapePort(at string, port *int, taken map[int]string) int {
	if port == nil {
		c.Add(at, "missing: give the TCP port at which the host serves it")
		return 0
	}
	number := c.number(at, port, 0, 1, maxPort)
	if by, is := taken[number]; is {
		c.Add(at, "%d is the port of %s; choose another", number, by)
	} else {
		taken[number] = strings.TrimSuffix(at, ".port")
	}
	return number
}

// relayPort reports a service whose port with certificates cannot be. What is there already is said of the port that the stack file has.
func (c *checker) relayPort(at string, port int, taken map[int]string) {
	by, is := taken[port]
	switch {
	case c.has(at):
	case port > maxPort:
		c.Add(at, "with certificates it is served at a port %d higher, and there is no port %d; let it listen on one up to %d",
			exporter.TLSOffset, port, maxPort-exporter.TLSOffset)
	case is:
		c.Add(at, "with certificates it is served at port %d, which is the port of %s; choose another", port, by)
	default:
		taken[port] = strings.TrimSuffix(at, ".port")
	}
}

func (c *checker) scrapePath(at, text string) {
	if !scrapePath.MatchString(text) {
		c.Add(at, "%q is not a plain path; write it like %s, and use scrapeConfigs for parameters", text, exporter.DefaultPath)
	} else if clean := path.Clean(text); clean != text {
		c.Add(at, "%q is not a plain path; write %s, or use scrapeConfigs", text, clean)
	}
}

// notOpen reports a port that only the monitor may reach and that everybody may reach.
func (c *checker) notOpen(at string, port int, host Host) {
	if host.Existing != nil && nftables.Opens(host.Existing.Open, port, "tcp") {
		c.Add(at, "%d/tcp is in open, and only the monitor may reach what is listed here; leave it out of open, or use scrapeConfigs", port)
	}
}

// sshPort is the TCP port of the host's SSH server.
func (h Host) sshPort() int {
	if h.Existing == nil {
		return defaultSSHPort
	}
	return h.Existing.Port
}
