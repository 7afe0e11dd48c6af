package settings

import (
	"slices"

	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/stacks/settings/document"
)

// Pushgateway is the monitor's, for batch jobs.
type Pushgateway struct {
	Jobs []string // user names too; none: there is no Pushgateway
}

func (c *checker) pushgateway(p document.Pushgateway) Pushgateway {
	const path = "pushgateway"
	switch {
	case p.Enabled:
		c.jobs(path+".jobs", p.Jobs)
		return Pushgateway{Jobs: p.Jobs}
	case p.Jobs != nil:
		c.Add(path+".enabled", "missing: without it there is no Pushgateway for the jobs; write enabled: true, or leave the jobs out")
		c.jobs(path+".jobs", p.Jobs)
	}
	return Pushgateway{}
}

// pushes reports a monitor that is to serve something else where its Pushgateway is.
func (c *checker) pushes(s *Settings) {
	if len(s.Pushgateway.Jobs) == 0 || s.Monitor.Existing == nil {
		return
	}
	if nftables.Opens(s.Monitor.Existing.Open, pushgateway.Port, "tcp") {
		c.Add("monitor.open", "%d/tcp is the port of the Pushgateway, which only hosts in the tunnel may reach; leave it out", pushgateway.Port)
	}
}

// jobs checks the batch jobs that push to one Pushgateway.
func (c *checker) jobs(path string, jobs []string) {
	if len(jobs) == 0 {
		c.Add(path, "missing: list the batch jobs that push; each is a user")
	}
	for i, job := range jobs {
		at := document.Index(path, i)
		switch {
		case !jobName.MatchString(job):
			c.Add(at, "%q is not a valid job name: use lower-case letters, digits, hyphens and underscores, at most 64", job)
		case job == scraper:
			c.Add(at, "%q is the user name of Prometheus itself; choose another", job)
		case slices.Contains(jobs[:i], job):
			c.Add(at, "%q is in the list twice; write it once", job)
		}
	}
}
