package settings

import (
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

const (
	minValidity = 10 * time.Minute
	minRenewal  = 10 * time.Second

	// CA/Browser Forum's Baseline Requirements 6.3.2; some TLS libraries hold private authorities to it, too.
	maxValidity = 825 * 24 * time.Hour

	// Who has certificates for longer than a week can have more than a day to notice that a renewal failed.
	longValidity = 7 * 24 * time.Hour
	shortRenewal = 24 * time.Hour

	mostAuthorities = 2
)

var (
	authority = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)
	webUser   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
)

// besideAuthorities is what else lies on the monitor where each authority has a folder of its name; see scripts/authority.sh.
var besideAuthorities = []string{"hosts", "own", "scraper-validity", "settings"}

// tls is how the fleet proves itself. What is written is checked, whether it has any effect or not.
func (c *checker) tls(t document.TLS) plan.TLS {
	const path = "tls"
	if !t.Enabled && (t.Validity != "" || t.RenewBefore != "" || t.Authorities != nil) {
		c.Add(path+".enabled", "missing: the rest of tls has no effect without it; write enabled: true, or leave the rest out")
	}
	settings := plan.TLS{Authorities: c.authorities(path+".authorities", t.Authorities)}
	settings.Validity = c.duration(path+".validity", or(t.Validity, defaultValidity)).Truncate(time.Second)
	if settings.Validity != 0 && (settings.Validity < minValidity || settings.Validity > maxValidity) {
		c.Add(path+".validity", "%s is out of range; it must be from %s to %s", t.Validity,
			model.Duration(minValidity), model.Duration(maxValidity))
	}
	settings.RenewBefore = settings.Validity / renewalPart
	if t.RenewBefore != "" {
		settings.RenewBefore = c.duration(path+".renewBefore", t.RenewBefore)
		c.renewal(path+".renewBefore", t, settings)
	}
	settings.RenewBefore = settings.RenewBefore.Truncate(time.Second)
	if !t.Enabled {
		return plan.TLS{}
	}
	return settings
}

// renewal checks renewBefore, and quotes both times as they were written.
func (c *checker) renewal(path string, written document.TLS, t plan.TLS) {
	text := written.RenewBefore
	switch {
	case t.RenewBefore == 0 || t.Validity == 0: // reported already
	case t.RenewBefore >= t.Validity:
		c.Add(path, "%s is not less than validity, %s; a certificate would be due for renewal before it is issued", text,
			or(written.Validity, defaultValidity))
	case t.RenewBefore < minRenewal:
		c.Add(path, "%s is less time than a renewal needs; write at least %s", text, model.Duration(minRenewal))
	case t.RenewBefore < shortRenewal && t.Validity > longValidity:
		c.warn("%s: %s leaves less than a day to notice a failed renewal; leave it out for a third of validity", path, text)
	}
}

func (c *checker) authorities(path string, names []string) []string {
	if names == nil {
		return slices.Clone(defaultAuthorities)
	}
	if len(names) == 0 || len(names) > mostAuthorities {
		c.Add(path, "has %d names; write one authority, or two, the old and the new one, while you replace one", len(names))
	}
	for i, name := range names {
		at := document.Index(path, i)
		switch {
		case !authority.MatchString(name):
			c.Add(at, "%q is not a valid authority name: use lower-case letters, digits and hyphens, no hyphen at either end, at most 32", name)
		case slices.Contains(besideAuthorities, name):
			c.Add(at, "%q is a name that promwire uses itself; choose another, such as a number", name)
		case slices.Contains(names[:i], name):
			c.Add(at, "%q is in the list twice; write it once", name)
		}
	}
	return names
}

func (c *checker) web(path string, w document.Web) prometheus.Web {
	if w.User != "" && !webUser.MatchString(w.User) {
		c.Add(path+".user", "%q is not a valid user name: use letters, digits, dots, hyphens and underscores, at most 64", w.User)
	}
	return prometheus.Web{TLS: w.TLS, User: w.User}
}
