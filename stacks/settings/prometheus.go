package settings

import (
	"regexp"
	"time"

	"github.com/prometheus/common/model"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// A scrape interval above two minutes leaves gaps in graphs: PromQL looks back five minutes for a sample, and one scrape may
// be lost.
const (
	minScrapeInterval = time.Second
	maxScrapeInterval = 2 * time.Minute
)

// Prometheus cuts its data into blocks of two hours; less can't be kept.
const minRetention = 2 * time.Hour

// dataSize is what Prometheus's flag --storage.tsdb.retention.size takes.
var dataSize = regexp.MustCompile(`^[1-9][0-9]*(B|KB|MB|GB|TB|PB|EB)$`)

// bodySize is at least 1 MB, which every node exporter's answer fits.
var bodySize = regexp.MustCompile(`^[1-9][0-9]*(MB|GB)$`)

func (c *checker) prometheus(path string, p document.Prometheus) Prometheus {
	size := or(p.Retention.Size, defaultRetentionSize)
	if !dataSize.MatchString(size) {
		c.Add(path+".retention.size", "%q is not a size; write it like %s, with one of B, KB, MB, GB, TB, PB, EB", size, defaultRetentionSize)
	}
	interval := c.duration(path+".scrapeInterval", or(p.ScrapeInterval, defaultScrapeInterval))
	if interval != 0 && (interval < minScrapeInterval || interval > maxScrapeInterval) {
		c.Add(path+".scrapeInterval", "%s is out of range; it must be from %s to %s", p.ScrapeInterval,
			model.Duration(minScrapeInterval), model.Duration(maxScrapeInterval))
	}
	retention := c.duration(path+".retention.time", or(p.Retention.Time, defaultRetentionTime))
	if retention != 0 && retention < minRetention {
		c.Add(path+".retention.time", "%s is too short; Prometheus keeps at least %s", p.Retention.Time, model.Duration(minRetention))
	}
	all := Prometheus{ScrapeInterval: interval, RetentionTime: retention, RetentionSize: size, RetentionFits: p.Retention.Size == "",
		Web: c.web(path+".web", p.Web), ExternalURL: c.externalURL(path+".externalUrl", p.ExternalURL), Limits: c.limits(path+".limits", p.Limits),
		RemoteWrite: c.remoteWrite(path+".remoteWrite", p.RemoteWrite), Agent: p.Agent}
	if all.Agent {
		all.RetentionTime, all.RetentionSize, all.RetentionFits = 0, "", false
	}
	return all
}

// least are the smallest limits with which a node exporter is scraped.
var least = prometheus.Limits{Samples: 5000, Labels: 16, LabelName: 64, LabelValue: 256}

// most is the largest number of samples, labels or bytes: it fits the integers of Prometheus everywhere.
const most = 1_000_000_000

func (c *checker) limits(path string, l document.Limits) prometheus.Limits {
	size := or(l.BodySize, defaultBodySize)
	if !bodySize.MatchString(size) {
		c.Add(path+".bodySize", "%q is not a size of an answer; write it like %s, with MB or GB", size, defaultBodySize)
	}
	return prometheus.Limits{
		Samples:    c.number(path+".samples", l.Samples, defaultSamples, least.Samples, most),
		Labels:     c.number(path+".labels", l.Labels, defaultLabels, least.Labels, most),
		LabelName:  c.number(path+".labelNameLength", l.LabelNameLength, defaultLabelNameLength, least.LabelName, most),
		LabelValue: c.number(path+".labelValueLength", l.LabelValueLength, defaultLabelValueLength, least.LabelValue, most),
		BodySize:   size,
	}
}

// duration reads a duration as Prometheus writes it; 0 if it's none.
func (c *checker) duration(path, text string) time.Duration {
	d, err := model.ParseDuration(text)
	if err != nil || d == 0 {
		c.Add(path, "%q is not a duration; write it as Prometheus does: 15s, 1m30s, 15d", text)
		return 0
	}
	return time.Duration(d)
}
