package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/tests/lab/fixture"
)

// BenchmarkServices is what the services of a small fleet take in memory: three targets, an Alertmanager, a scrape every 15 s. They are looked at
// for some minutes (PROMWIRE_BENCH_MINUTES, 3 if that says nothing).
func BenchmarkServices(b *testing.B) {
	lab := openLab(b)
	for b.Loop() {
		p := newPager(b, lab)
		p.targets = names(3)
		p.up()
		s := services{lab: lab, b: b, seen: map[string]resident{}}
		for start := time.Now(); time.Since(start) < minutes(b, 3); {
			s.look(monitor)
			s.look(p.targets[0])
		}
		s.report(monitor, "prometheus", "alertmanager", "node_exporter", "wg-quick@promwire0", "promwire-causes", "promwire-watch")
		s.report(p.targets[0], "node_exporter", "wg-quick@promwire0", "promwire-watch", "promwire-fence")
		p.destroy()
	}
}

// resident is the memory of one unit's processes together, in bytes. Pages that they share count for each.
type resident struct{ last, most float64 }

// services are units that were seen to run, as host/unit.
type services struct {
	b    *testing.B
	lab  *fixture.Lab
	seen map[string]resident
}

// held prints of each unit with processes: name, and their resident sets in kB; see proc_pid_status(5). Processes may end meanwhile.
const held = `for process in /proc/[0-9]*; do
  unit=$(grep -oE '[^/]+[.]service$' "$process/cgroup" 2>/dev/null | head -n 1) && awk -v unit="${unit%.service}" '/^VmRSS/ { print unit, $2 }' "$process/status" 2>/dev/null
done | awk '{ held[$1] += $2 } END { for (unit in held) print unit, held[unit] }'`

// look notes what a host's units hold now.
func (s *services) look(host string) {
	out, err := s.lab.Machines.Exec(s.b.Context(), prefix+host, "bash", "-c", held)
	if err != nil {
		s.b.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var unit string
		var now float64
		if _, err := fmt.Sscan(line, &unit, &now); err != nil {
			s.b.Fatalf("%q: %v", line, err)
		}
		now *= 1024
		s.seen[host+"/"+unit] = resident{now, max(now, s.seen[host+"/"+unit].most)}
	}
}

// report prints what some units of a host held.
func (s *services) report(host string, units ...string) {
	rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "\nHOST\tSERVICE\tAT THE END\tAT MOST\t")
	for _, unit := range units {
		held, seen := s.seen[host+"/"+unit]
		if !seen {
			s.b.Errorf("%s: %s was never seen to run", host, unit)
		}
		fmt.Fprintf(rows, "%s\t%s\t%.0f MB\t%.0f MB\t\n", host, unit, held.last/1e6, held.most/1e6)
	}
	rows.Flush()
	s.b.ReportMetric(s.seen[host+"/"+units[0]].most/1e6, "MB-"+units[0])
}
