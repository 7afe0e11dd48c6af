package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/prometheus/procfs"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
)

// moment is what one run of a tool took: until the monitor had scraped all targets, and until the command had ended.
type moment struct{ up, ended time.Duration }

// result is what one tool took for one fleet, and this machine's load average over a minute at the start: what else runs costs the two unequally
// if it changes meanwhile.
type result struct {
	load                   float64
	first, unchanged, more moment
}

// round is one fleet, made by both.
type round struct {
	targets           int
	promwire, ansible result
}

// more is the target that a fleet gets later.
const more = "more-1"

// compete boots machines, has a tool make a fleet of them and one target more, and removes them.
func compete(b *testing.B, lab *fixture.Lab, targets int, t tool) (r result) {
	fleet := boot(b, lab, append([]string{monitor}, append(names(targets), more)...))
	first := fleet[:len(fleet)-1]
	r.load = load(b)
	r.first = measured(b, lab, first, func(ctx context.Context) error { return t.run(ctx, first) })
	closed(b, lab, first)
	r.unchanged = measured(b, lab, first, func(ctx context.Context) error { return t.run(ctx, first) })
	if err := t.unchanged(); err != nil {
		b.Fatal(err)
	}
	r.more = measured(b, lab, fleet, func(ctx context.Context) error { return t.run(ctx, fleet, more) })
	t.end()
	for _, m := range fleet {
		if err := lab.Machines.Destroy(b.Context(), m.Name); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

func load(b *testing.B) float64 {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		b.Fatal(err)
	}
	average, err := fs.LoadAvg()
	if err != nil {
		b.Fatal(err)
	}
	return average.Load1
}

// closed checks what both are to make of each host: its firewall drops what no rule accepts, and its exporter listens in the tunnel only.
func closed(b *testing.B, lab *fixture.Lab, fleet []machines.Machine) {
	const check = `nft list ruleset | grep 'hook input .* policy drop' && [[ $(ss -Hltn 'sport = :9100' | awk '{ print $4 }') == 10.9[78].0.* ]]`
	for _, m := range fleet {
		if _, err := lab.Machines.Exec(b.Context(), m.Name, "bash", "-c", check); err != nil {
			b.Fatalf("the fleet works, but is not closed: %v", err)
		}
	}
}

// boot makes machines, of each Debian in turn, and waits until all have booted. cloud-init is written in Python, so all have what Ansible needs.
func boot(b *testing.B, lab *fixture.Lab, names []string) []machines.Machine {
	fleet := make([]machines.Machine, len(names))
	for i, name := range names {
		var err error
		fleet[i], err = lab.Machines.AddExisting(b.Context(), machines.ExistingSpec{
			Name: name, Image: machines.Images[i%len(machines.Images)], Region: "rack-1", User: "root", Keys: []string{lab.Operator.AuthorizedKey},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, m := range fleet {
		until(b, m.Name+" has not booted", func() error {
			_, err := lab.Machines.Exec(b.Context(), m.Name, "bash", "-c", "systemctl is-system-running --wait | grep -E 'running|degraded'")
			return err
		})
	}
	return fleet
}

// patience is how long anything may take. It is there so that what never comes about is noticed.
const patience = 10 * time.Minute

// until tries until there is no error. Each try costs processes on the machines that are measured, so there are few.
func until(b *testing.B, what string, try func() error) {
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) || b.Context().Err() != nil {
			b.Fatalf("%s: %v", what, err)
		}
	}
}

// measured runs a tool, while it asks Prometheus for the targets.
func measured(b *testing.B, lab *fixture.Lab, fleet []machines.Machine, run func(context.Context) error) (m moment) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	start := time.Now()
	failed := make(chan error, 1)
	go func() {
		err := run(ctx)
		m.ended = time.Since(start)
		failed <- err
	}()
	done := false
	until(b, "not all targets are up", func() error {
		select {
		case err := <-failed:
			if err != nil {
				b.Fatal(err)
			}
			done = true
		default:
		}
		return allUp(ctx, lab, fleet)
	})
	m.up = time.Since(start)
	if !done {
		if err := <-failed; err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// allUp is an error while the monitor has not scraped each target.
func allUp(ctx context.Context, lab *fixture.Lab, fleet []machines.Machine) error {
	text, err := lab.Query(ctx, fleet[0].Name, `up{job="node"} == 1`)
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Result []struct{ Metric map[string]string }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	up := map[string]bool{}
	for _, series := range answer.Data.Result {
		up[series.Metric["instance"]] = true
	}
	for _, target := range fleet[1:] {
		if !up[target.Name] {
			return fmt.Errorf("%s is not up", target.Name)
		}
	}
	return nil
}

func (r round) report(b *testing.B) {
	b.ReportMetric(float64(r.promwire.first.up), "ns/op") // in place of all of both lives
	b.ReportMetric(r.ratio(func(r result) time.Duration { return r.first.up }), "x-first-up")
	b.ReportMetric(r.ratio(func(r result) time.Duration { return r.first.ended }), "x-first-ended")
	b.ReportMetric(r.ratio(func(r result) time.Duration { return r.unchanged.ended }), "x-unchanged")
	b.ReportMetric(r.ratio(func(r result) time.Duration { return r.more.up }), "x-more-up")
	b.ReportMetric(r.ratio(func(r result) time.Duration { return r.more.ended }), "x-more-ended")
}

// ratio is promwire's time to Ansible's.
func (r round) ratio(of func(result) time.Duration) float64 {
	return of(r.promwire).Seconds() / of(r.ansible).Seconds()
}

// columns are those of the table.
var columns = []struct {
	name string
	of   func(result) time.Duration
}{
	{"FIRST: ALL UP", func(r result) time.Duration { return r.first.up }},
	{"ENDED", func(r result) time.Duration { return r.first.ended }},
	{"UNCHANGED", func(r result) time.Duration { return r.unchanged.ended }},
	{"ONE MORE: ALL UP", func(r result) time.Duration { return r.more.up }},
	{"ENDED", func(r result) time.Duration { return r.more.ended }},
}

// writeRounds prints the times of both tools, and promwire's to Ansible's.
func writeRounds(w io.Writer, rounds []round) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(rows, "\nTARGETS\tBY\tLOAD\t")
	for _, c := range columns {
		fmt.Fprintf(rows, "%s\t", c.name)
	}
	for _, r := range rounds {
		for _, side := range []struct {
			name string
			of   result
		}{{"Ansible", r.ansible}, {"promwire", r.promwire}} {
			fmt.Fprintf(rows, "\n%d\t%s\t%.1f\t", r.targets, side.name, side.of.load)
			for _, c := range columns {
				fmt.Fprintf(rows, "%.1f s\t", c.of(side.of).Seconds())
			}
		}
		fmt.Fprintf(rows, "\n%d\tratio\t\t", r.targets)
		for _, c := range columns {
			fmt.Fprintf(rows, "%.2f\t", r.ratio(c.of))
		}
	}
	fmt.Fprintln(rows)
	rows.Flush()
}

// stamps is Pulumi's output, with the moment at which each line came.
type stamps struct {
	mu     sync.Mutex
	start  time.Time
	text   bytes.Buffer
	phases map[string]*phase
}

// phase is from the first beginning to the last end of all that has one verb, and how long the longest of these took.
type phase struct {
	first, last, longest time.Duration
	begun                map[string]time.Duration
}

func newStamps() *stamps { return &stamps{start: time.Now(), phases: map[string]*phase{}} }

// step is a line of the output about a command, such as " +  command:remote:Command node-1-bootstrap created (2.3s)".
var step = regexp.MustCompile(`command:\S+ (\S+) (creating|updating|created|updated)\b`)

// Write takes whole lines, as Pulumi's CLI writes them.
func (s *stamps) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(s.start)
	for _, found := range step.FindAllSubmatch(data, -1) {
		name, did := string(found[1]), string(found[2])
		verb := name[strings.LastIndex(name, "-")+1:]
		p := s.phases[verb]
		if p == nil {
			p = &phase{first: now, begun: map[string]time.Duration{}}
			s.phases[verb] = p
		}
		if strings.HasSuffix(did, "ing") {
			if _, ok := p.begun[name]; !ok {
				p.begun[name] = now
			}
			continue
		}
		p.last, p.longest = now, max(p.longest, now-p.begun[name])
	}
	return s.text.Write(data)
}

func (s *stamps) String() string { return s.text.String() }

// write prints where the time went.
func (s *stamps) write(w io.Writer, title string) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s: %.1f s\n", title, time.Since(s.start).Seconds())
	fmt.Fprintln(rows, "VERB\tFROM\tTO\tLONGEST\t")
	byStart := func(a, b string) int { return int(s.phases[a].first - s.phases[b].first) }
	for _, verb := range slices.SortedFunc(maps.Keys(s.phases), byStart) {
		p := s.phases[verb]
		fmt.Fprintf(rows, "%s\t%.1f s\t%.1f s\t%.1f s\t\n", verb, p.first.Seconds(), p.last.Seconds(), p.longest.Seconds())
	}
	rows.Flush()
}
