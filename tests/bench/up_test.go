package bench

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/tests/lab/operator"
)

// life is what a fleet cost from nothing to nothing.
type life struct {
	targets                                int
	first, unchanged, more, fewer, destroy run
	monitor, target                        operator.Share // of the state, after the first up; of the target that has most
}

// BenchmarkUp is the life of fleets of several sizes, one after the other on one lab, and every time from nothing: the first
// `up`, one that changes nothing, one target more, the middle one less, `destroy`. The time of the benchmark itself is the
// first `up`'s. What matters is how it grows with the targets; the time itself depends on the machine.
func BenchmarkUp(b *testing.B) {
	lab := openLab(b)
	var lives []life
	for _, targets := range []int{1, 3, 10, 20} {
		ok := b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			for b.Loop() {
				l := live(&fleet{b: b, lab: lab, targets: names(targets)})
				lives = append(lives, l)
				l.report(b, lives[0])
			}
		})
		if !ok {
			return // the next would start from what this one left
		}
	}
	writeLives(os.Stdout, lives)
}

// live makes, changes and removes a fleet.
func live(f *fleet) life {
	l := life{targets: len(f.targets)}
	l.first = f.up()
	l.monitor, l.target = f.share()
	l.unchanged = f.up()
	f.targets = append([]string{"more-1"}, f.targets...) // in front: order must not matter
	l.more = f.up()
	f.targets = slices.Delete(f.targets, len(f.targets)/2, len(f.targets)/2+1)
	l.fewer = f.up()
	l.destroy = f.destroy()
	return l
}

// onTargets is the number of connections to the target that had most.
func (r run) onTargets() int {
	most := 0
	for host, count := range r.connections {
		if host != monitor {
			most = max(most, count)
		}
	}
	return most
}

func (r run) total() int {
	sum := 0
	for _, count := range r.connections {
		sum += count
	}
	return sum
}

// String is the time, as far as it means anything.
func (r run) String() string { return r.took.Round(100 * time.Millisecond).String() }

// hosts lists who was connected to, and how often.
func (r run) hosts() string {
	var list []string
	for _, host := range slices.Sorted(maps.Keys(r.connections)) {
		list = append(list, fmt.Sprintf("%s %d", host, r.connections[host]))
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, ", ")
}

func (l life) report(b *testing.B, alone life) {
	b.ReportMetric(float64(l.first.took), "ns/op") // in place of the whole life's
	if alone.targets == 1 {
		b.ReportMetric(l.first.times(alone.first), "x-alone")
	}
	b.ReportMetric(float64(l.first.onTargets()), "ssh/target")
	b.ReportMetric(float64(l.first.connections[monitor]), "ssh/monitor")
	b.ReportMetric(float64(l.unchanged.total()), "ssh/unchanged")
	b.ReportMetric(float64(l.more.total()), "ssh/one-more")
	b.ReportMetric(float64(l.fewer.total()), "ssh/one-less")
	b.ReportMetric(float64(max(l.monitor.Resources, l.target.Resources)), "resources/host")
	b.ReportMetric(float64(l.target.Bytes), "state-B/target")
	b.ReportMetric(float64(l.monitor.Bytes), "state-B/monitor")
}

func (r run) times(other run) float64 { return r.took.Seconds() / other.took.Seconds() }

// writeLives prints the tables of all fleets: times, with the first up's beside that of a single target, then connections.
func writeLives(w io.Writer, lives []life) {
	rows := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "\nTARGETS\tUP\tx ALONE\tUNCHANGED\tONE MORE\tONE LESS\tDESTROY\tRESOURCES A HOST\tSTATE A TARGET\tOF THE MONITOR\t")
	for _, l := range lives {
		alone := "-"
		if lives[0].targets == 1 {
			alone = fmt.Sprintf("%.2f", l.first.times(lives[0].first))
		}
		fmt.Fprintf(rows, "%d\t%v\t%s\t%v\t%v\t%v\t%v\t%d\t%d B\t%d B\t\n", l.targets, l.first, alone, l.unchanged, l.more, l.fewer, l.destroy,
			max(l.monitor.Resources, l.target.Resources), l.target.Bytes, l.monitor.Bytes)
	}
	rows.Flush()
	rows = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "\nTARGETS\tSSH TO EACH\tTO THE MONITOR\tUNCHANGED\tONE MORE\tONE LESS")
	for _, l := range lives {
		fmt.Fprintf(rows, "%d\t%d\t%d\t%s\t%s\t%s\n",
			l.targets, l.first.onTargets(), l.first.connections[monitor], l.unchanged.hosts(), l.more.hosts(), l.fewer.hosts())
	}
	rows.Flush()
}
