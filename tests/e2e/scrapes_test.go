package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/fixture"
)

// Scrapes that are missed while something planned goes on: they are counted by samples, and must be none.

// scraped is where Prometheus must scrape each host.
func (s *story) scraped() map[string]string {
	s.t.Helper()
	tunnels, want := s.tunnels(), map[string]string{}
	for _, host := range s.hosts() { // clusters have tunnel addresses, too
		want[host] = tunnels[host]
	}
	if _, there := want[direct]; there && s.stack == "tls" {
		want[direct] = s.address(direct)
	}
	return want
}

// noMissedScrape does something and sees that every scrape meanwhile, and for some time after, happened and succeeded: of all that
// was scraped before and is after. When Prometheus turns from one place to another, it is one series still. Who excepts jobs says why.
func (s *story) noMissedScrape(change func(), except ...string) {
	s.t.Helper()
	began, before := time.Now(), s.intervals()
	change()
	s.allUp(s.scraped())
	s.scrapedSince(time.Now())
	ended, after := time.Now(), s.intervals()
	maps.DeleteFunc(after, func(key string, _ time.Duration) bool { return before[key] == 0 })
	series, err := s.lab.Samples(s.t.Context(), s.machine("monitor-1"), "up", began.Add(-aroundMiss))
	require.NoError(s.t, err)
	looked, told := 0, map[string]bool{}
	for _, one := range series {
		interval, stays := after[key(one.Labels)]
		if !stays {
			continue
		}
		looked++
		err := one.Missed(began, ended, interval)
		if slices.Contains(except, one.Labels["job"]) {
			s.t.Logf("excepted, %s of %s: %v", one.Labels["job"], one.Labels["name"], err)
			continue
		}
		if !assert.NoError(s.t, err, "%v", one.Labels) {
			s.explain(one, err, told)
		}
	}
	assert.Equal(s.t, len(after), looked, "series of %v", after)
}

// key is what stays the same of a series and of what is scraped for it.
func key(labels map[string]string) string {
	labels = maps.Clone(labels)
	delete(labels, "__name__")
	return fmt.Sprint(labels)
}

// intervals are how often Prometheus scrapes what it scrapes, by key.
func (s *story) intervals() map[string]time.Duration {
	s.t.Helper()
	scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
	require.NoError(s.t, err)
	all := map[string]time.Duration{}
	for _, one := range scrapes {
		all[key(one.Labels)] = one.Interval
	}
	require.NotEmpty(s.t, all)
	return all
}

// scrapedSince waits until all that Prometheus scrapes was scraped after a moment.
func (s *story) scrapedSince(moment time.Time) {
	s.t.Helper()
	s.eventually(func() error {
		scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
		if err != nil {
			return err
		}
		for _, scrape := range scrapes {
			if scrape.Last.Before(moment) {
				return fmt.Errorf("%s of %s was last scraped at %s", scrape.Labels["job"], scrape.Address, scrape.Last)
			}
		}
		return nil
	})
}

// aroundMiss is how much before and after a missed scrape may say why.
const aroundMiss = 30 * time.Second

// explain prints what helps to find out why a scrape was missed: the samples around it, and the journals of the monitor and of the host, each
// once.
func (s *story) explain(series fixture.Series, missed error, told map[string]bool) {
	s.t.Helper()
	var miss fixture.Miss
	if !errors.As(missed, &miss) {
		return
	}
	from, to := miss.From.Add(-aroundMiss), miss.To.Add(aroundMiss)
	var samples []string
	for _, sample := range series.Samples {
		if sample.Time.After(from) && sample.Time.Before(to) {
			samples = append(samples, sample.Time.UTC().Format("15:04:05.000")+" "+sample.Value)
		}
	}
	s.t.Logf("samples of %v:\n%s", series.Labels, strings.Join(samples, "\n"))
	for _, host := range []string{"monitor-1", series.Labels["name"]} { // a cluster has no name
		if host == "" || told[host] {
			continue
		}
		told[host] = true
		journal, err := s.on(host, fmt.Sprintf("journalctl --utc --no-pager --output=short-precise --since=@%d --until=@%d", from.Unix(), to.Unix()+1))
		s.t.Logf("the journal of %s (%v):\n%s", host, err, journal)
	}
}
