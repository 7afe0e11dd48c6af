package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/operator"
	"github.com/promwire/promwire/tests/lab/setup"
)

// BenchmarkMonitor is one real monitor of many targets: the real engine and program, a machine of the lab, and peers that are ends of its tunnel
// with a real exporter's page each, all in one process. It makes the fleet, looks on for ten minutes (PROMWIRE_BENCH_MINUTES), and adds one target.
// PROMWIRE_BENCH_TARGETS has other sizes, with commas between them.
func BenchmarkMonitor(b *testing.B) {
	lab := openLab(b)
	if err := setup.Ensure(b.Context(), lab.Folder, os.Stderr, setup.Peers); err != nil {
		b.Fatal(err)
	}
	b.Setenv("PULUMI_EXPERIMENTAL", "true") // both as docs/performance.md advises
	b.Setenv("PULUMI_SKIP_CHECKPOINTS", "true")
	for _, targets := range sizesOr(b, 100, 1000) {
		ok := b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			for b.Loop() {
				newCrowd(b, lab).life(targets)
			}
		})
		if !ok {
			return // the next would start from what this one left
		}
	}
}

// crowd is a monitor and all of its targets.
type crowd struct {
	b       *testing.B
	lab     *fixture.Lab
	monitor machines.Machine
	hosts   *puppets
}

func newCrowd(b *testing.B, lab *fixture.Lab) *crowd {
	c := &crowd{b: b, lab: lab, monitor: boot(b, lab, []string{monitor})[0], hosts: newPuppets(b)}
	b.Cleanup(func() {
		if err := lab.Machines.Destroy(context.Background(), monitor); err != nil {
			b.Error(err)
		}
	})
	c.hosts.applied = joined(b, startPeers(b, lab.Folder.Bin()))
	return c
}

// startPeers runs the process that has all the targets' ends of the tunnel, and an exporter whose page they show. Both end with the benchmark.
func startPeers(b *testing.B, bin string) io.Writer {
	address := freeAddress(b)
	start := func(name string, arguments ...string) *exec.Cmd {
		cmd := exec.CommandContext(b.Context(), filepath.Join(bin, name), arguments...)
		cmd.Stderr = os.Stderr
		return cmd
	}
	exporter := start("node_exporter", "--web.listen-address="+address, "--log.level=error")
	if err := exporter.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = exporter.Wait() }) // which b.Context ends before
	until(b, "no exporter", func() error {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	peers := start("peers", "-exporter", "http://"+address+"/metrics")
	orders, err := peers.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := peers.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = peers.Wait() })
	return orders
}

// planned is what a target's plan says of its tunnel.
var planned = regexp.MustCompile(`(?s)\nAddress = ([^/\s]+).*\nPublicKey = (\S+)\nEndpoint = (\S+)\nAllowedIPs = (\S+)`)

// joined starts a target's end of the tunnel as its plan says, once.
func joined(b *testing.B, orders io.Writer) func(wgtypes.Key, string) {
	var mu sync.Mutex
	there := map[wgtypes.Key]bool{}
	return func(key wgtypes.Key, plan string) {
		mu.Lock()
		defer mu.Unlock()
		if there[key] {
			return
		}
		there[key] = true
		found := planned.FindStringSubmatch(plan)
		if found == nil {
			b.Error("a plan has no tunnel")
			return
		}
		line, _ := json.Marshal(map[string]string{
			"key": key.String(), "address": found[1], "monitor": found[2], "endpoint": found[3], "allowed": found[4],
		})
		if _, err := fmt.Fprintf(orders, "%s\n", line); err != nil {
			b.Error(err)
		}
	}
}

func (c *crowd) life(targets int) {
	c.up(targets)
	start, before := time.Now(), c.services()
	c.lookOn()
	c.report(targets, start, before)
	c.missed(targets, start)
	c.up(targets + 1)
	c.destroy(targets + 1)
}

func (c *crowd) up(targets int) {
	said := newStamps()
	if _, err := c.lab.Operator.Up(c.b.Context(), "existing", operator.Options{Progress: said, Edit: c.edit(targets), Parallel: 64}); err != nil {
		_, diagnostics, _ := strings.Cut(said.String(), "\nDiagnostics:\n")
		c.b.Fatalf("%v\n%s", err, diagnostics)
	}
	said.write(os.Stdout, fmt.Sprintf("%d targets", targets))
}

func (c *crowd) destroy(targets int) {
	var said strings.Builder
	if _, err := c.lab.Operator.Destroy(c.b.Context(), "existing", operator.Options{Progress: &said, Edit: c.edit(targets), Parallel: 64}); err != nil {
		c.b.Fatalf("%v\n%s", err, said.String())
	}
}

// edit has the lab's machine as the monitor, and puppets as its targets.
func (c *crowd) edit(targets int) operator.Edit {
	return func(document map[string]any) {
		releases := document["releases"]
		c.hosts.fleet(targets)(document)
		document["monitor"], document["releases"] = entry(c.monitor), releases
	}
}

// lookOn lets the fleet run.
func (c *crowd) lookOn() {
	select {
	case <-time.After(minutes(c.b, 10)):
	case <-c.b.Context().Done():
	}
}

// minutes is how long a benchmark looks on: PROMWIRE_BENCH_MINUTES, or what is usual.
func minutes(b *testing.B, usual int) time.Duration {
	if text, ok := os.LookupEnv("PROMWIRE_BENCH_MINUTES"); ok {
		var err error
		if usual, err = strconv.Atoi(text); err != nil {
			b.Fatalf("PROMWIRE_BENCH_MINUTES: %v", err)
		}
	}
	return time.Duration(usual) * time.Minute
}

// usage is what one of the monitor's services has taken.
type usage struct {
	memory, peak float64 // bytes that are resident
	processor    float64 // seconds of all processors
}

// ended is all that has ended: init counts what its children took.
const ended = "all that ended (watch, causes, SSH, scripts)"

// taken prints of each process of the units that run on: name, resident set and its peak in kB, ticks of the processor; and of what init has waited
// for. See proc_pid_stat(5) and proc_pid_status(5). A process's unit is in its control group's name.
const taken = `for process in /proc/[0-9]*; do
  grep -qsE '/(prometheus|wg-quick@promwire0|node_exporter).service$' "$process/cgroup" || continue
  awk '{ name = $2; sub(/.*\) /, ""); print name, $12 + $13 }' "$process/stat" |
    paste -d ' ' - <(awk '/^VmRSS/ { now = $2 } /^VmHWM/ { peak = $2 } END { print now, peak }' "$process/status")
done
awk '{ sub(/.*\) /, ""); print "ended", $14 + $15, 0, 0 }' /proc/1/stat`

const ticks = 100 // a second, as the kernel counts for people

// services are the monitor's, by the names of their processes.
func (c *crowd) services() map[string]usage {
	out, err := c.lab.Machines.Exec(c.b.Context(), c.monitor.Name, "bash", "-c", taken)
	if err != nil {
		c.b.Fatal(err)
	}
	all := map[string]usage{}
	for line := range strings.Lines(string(out)) {
		var name string
		var memory, peak, processor float64
		if _, err := fmt.Sscan(line, &name, &processor, &memory, &peak); err != nil {
			c.b.Fatalf("%q: %v", line, err)
		}
		if name = strings.Trim(name, "()"); name == "ended" {
			name = ended
		}
		u := all[name]
		all[name] = usage{u.memory + 1e3*memory, u.peak + 1e3*peak, u.processor + processor/ticks}
	}
	return all
}

// scalar is one number in an answer of Prometheus.
var scalar = regexp.MustCompile(`,"([^"]+)"\]`)

// report prints what the services take with that many targets.
func (c *crowd) report(targets int, start time.Time, before map[string]usage) {
	took, after := time.Since(start).Seconds(), c.services()
	rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(rows, "\nTARGETS\tSERVICE\tMEMORY\tPEAK\tOF ONE PROCESSOR\t")
	for _, name := range slices.Sorted(maps.Keys(after)) {
		u := after[name]
		share := 100 * (u.processor - before[name].processor) / took
		fmt.Fprintf(rows, "%d\t%s\t%.0f MB\t%.0f MB\t%.1f %%\t\n", targets, name, u.memory/1e6, u.peak/1e6, share)
	}
	rows.Flush()
	for _, query := range []string{
		"prometheus_tsdb_head_series", "sum(rate(prometheus_tsdb_head_samples_appended_total[2m]))", "max(prometheus_rule_group_last_duration_seconds)",
	} {
		text, err := c.lab.Query(c.b.Context(), c.monitor.Name, "scalar("+query+")")
		if err != nil {
			c.b.Fatal(err)
		}
		fmt.Printf("%s: %s\n", query, scalar.FindSubmatch(text)[1])
	}
	c.b.ReportMetric(after["prometheus"].peak/1e6, "MB-prometheus")
}

// missed fails for targets that were not scraped all the time.
func (c *crowd) missed(targets int, start time.Time) {
	end := time.Now()
	all, err := c.lab.Samples(c.b.Context(), c.monitor.Name, `up{job="node",role="target"}`, start)
	if err != nil {
		c.b.Fatal(err)
	}
	if len(all) != targets {
		c.b.Errorf("%d targets of %d have samples", len(all), targets)
	}
	count := 0
	for _, series := range all {
		if err := series.Missed(start, end, 15*time.Second); err != nil {
			count++
			c.b.Errorf("%s: %v", series.Labels["instance"], err)
		}
	}
	c.b.ReportMetric(float64(count), "missed")
}
