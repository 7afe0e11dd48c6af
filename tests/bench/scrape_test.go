package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/tests/lab/fixture"
	"github.com/promwire/promwire/tests/lab/operator"
)

// way is how Prometheus gets at an exporter. Of each host both ways are scraped side by side.
type way struct {
	name, scheme, address string
	port                  int
}

// scrapes is how many of each way are looked at.
const scrapes = 30

// BenchmarkScrape is one run of the lab's fleet with certificates, in which Prometheus scrapes one host through the tunnel with TLS and
// without, and another outside the tunnel with TLS and without, all at the same time. Only the durations' ratios matter.
func BenchmarkScrape(b *testing.B) {
	const stack = "tls"
	lab := openLab(b)
	var progress bytes.Buffer
	options := operator.Options{Progress: &progress, Edit: func(fleet map[string]any) {
		fleet["monitor"].(map[string]any)["prometheus"].(map[string]any)["scrapeInterval"] = "2s"
	}}
	if _, err := lab.Operator.Up(b.Context(), stack, options); err != nil {
		b.Fatalf("%v\n%s", err, progress.Bytes())
	}
	ways := prepare(b, lab, operator.Project+"-"+stack+"-")
	for b.Loop() {
		durations := measure(b, lab, operator.Project+"-"+stack+"-"+monitor, ways)
		rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(rows, "way\tmean of a scrape\tto the tunnel without TLS")
		for _, w := range ways {
			b.ReportMetric(durations[w.name]*1000, "ms/"+w.name)
			fmt.Fprintf(rows, "%s\t%.1f ms\t%.2f\n", w.name, durations[w.name]*1000, durations[w.name]/durations[ways[0].name])
		}
		rows.Flush()
	}
	if _, err := lab.Operator.Destroy(b.Context(), stack, options); err != nil {
		b.Fatalf("%v\n%s", err, progress.Bytes())
	}
}

// prepare starts a second exporter without TLS beside each host's own, admits the monitor to it, and has Prometheus scrape all four.
// The one outside the tunnel takes the receiver's port, which the cloud's firewall opens to the monitor.
func prepare(b *testing.B, lab *fixture.Lab, prefix string) []way {
	public := map[string]string{}
	all, err := lab.Machines.List()
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range all {
		public[m.Name] = m.V4.String()
	}
	direct := public[prefix+"node-3"]
	ways := []way{
		{"tunnel", "http", "10.98.0.2", 9100}, {"tunnel+TLS", "https", "10.98.0.2", 19100},
		{"neither", "http", direct, 19099}, {"TLS", "https", direct, 19100},
	}
	on(b, lab, prefix+"node-1", plainExporter("10.98.0.2:9100")+
		"systemctl stop promwire-watch.timer promwire-watch\n"+ // it would remove the rule
		"nft insert rule inet promwire input ip saddr 10.98.0.1 tcp dport 9100 accept")
	on(b, lab, prefix+"node-3", "systemctl stop promwire-certificate.socket\n"+plainExporter(direct+":19099"))
	for _, w := range ways {
		file := fmt.Sprintf(`[{"targets":["%s:%d"],"labels":{"name":"%s","way":"%s","__scheme__":"%s"}}]`, w.address, w.port, w.name, w.name, w.scheme)
		on(b, lab, prefix+monitor, fmt.Sprintf("cat >'/etc/prometheus/targets.d/bench-%s.node.json' <<'END'\n%s\nEND", w.name, file))
	}
	return ways
}

// plainExporter starts one with the flags of the host's own, except TLS.
func plainExporter(address string) string {
	return "systemd-run --quiet --unit bench --uid node_exporter /usr/local/bin/node_exporter " +
		"--collector.textfile.directory=/var/lib/node_exporter/textfile --web.listen-address=" + address + "\n"
}

// measure waits for enough scrapes of every way, and returns their mean durations in seconds.
func measure(b *testing.B, lab *fixture.Lab, machine string, ways []way) map[string]float64 {
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) {
		counts := query(b, lab, machine, `count_over_time(scrape_duration_seconds{way!=""}[1h])`)
		least := float64(scrapes)
		for _, w := range ways {
			least = min(least, counts[w.name])
		}
		if least >= scrapes {
			break
		}
		if time.Now().After(end) {
			b.Fatalf("not %d scrapes of every way within five minutes: %v", scrapes, counts)
		}
	}
	for way, worst := range query(b, lab, machine, `min_over_time(up{way!=""}[1h])`) {
		if worst != 1 {
			b.Fatalf("%s: a scrape failed, and its duration means nothing", way)
		}
	}
	return query(b, lab, machine, `avg_over_time(scrape_duration_seconds{way!=""}[1h])`)
}

// query asks Prometheus, and returns values by the label way.
func query(b *testing.B, lab *fixture.Lab, machine, promql string) map[string]float64 {
	text, err := lab.Query(b.Context(), machine, promql)
	if err != nil {
		b.Fatal(err)
	}
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		b.Fatal(err)
	}
	values := map[string]float64{}
	for _, r := range answer.Data.Result {
		if values[r.Metric["way"]], err = strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64); err != nil {
			b.Fatal(err)
		}
	}
	return values
}

func on(b *testing.B, lab *fixture.Lab, machine, command string) {
	b.Helper()
	if _, err := lab.Machines.Exec(b.Context(), machine, "bash", "-euc", command); err != nil {
		b.Fatal(err)
	}
}
