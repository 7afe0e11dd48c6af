package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/operator"
)

// federate is what the monitor asks a cluster's Prometheus for.
const federate = "/federate?match[]=%7B__name__%3D~%22job:.%2B%22%7D"

// BenchmarkCluster is one run of the lab's two clusters: the time from nothing to federated series, the memory that an end of the tunnel
// takes in a pod, and how a federation through the gateway compares with one from the cluster's own node.
func BenchmarkCluster(b *testing.B) {
	const stack = "clusters"
	lab := openLab(b)
	if err := lab.Place(b.Context(), stack); err != nil {
		b.Fatal(err)
	}
	central := operator.Project + "-" + stack + "-" + monitor
	var progress bytes.Buffer
	options := operator.Options{Progress: &progress}
	start := time.Now()
	if _, err := lab.Operator.Up(b.Context(), stack, options); err != nil {
		b.Fatalf("%v\n%s", err, progress.Bytes())
	}
	federated := time.Since(start) // its gate waits for the series of both
	node := func(command string) string {
		out, err := clusters.Exec(b.Context(), lab.Folder, "a", "bash", "-euc", command)
		if err != nil {
			b.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	pod, err := clusters.Kubectl(b.Context(), lab.Folder, "a", "", "-n", "promwire", "get", "pods", "-l", "app.kubernetes.io/component=prometheus",
		"-o", "jsonpath={.items[0].status.podIP}")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		direct := mean(b, node(fetches(string(pod))))
		out, err := lab.Machines.Exec(b.Context(), central, "bash", "-euc", fetches("10.98.0.2"))
		if err != nil {
			b.Fatal(err)
		}
		gateway := mean(b, string(out))
		rows := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(rows, "way\tmean of a federation\tto the direct one")
		fmt.Fprintf(rows, "from the node itself\t%.1f ms\t1.00\nthrough the gateway\t%.1f ms\t%.2f\n", direct*1000, gateway*1000, gateway/direct)
		rows.Flush()
		b.ReportMetric(gateway/direct, "gateway/direct")
		kilobytes, err := strconv.ParseFloat(node("ps -C wireproxy -o rss= | head -n 1 | tr -d ' '"), 64)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(kilobytes/1024, "MB/sidecar")
	}
	b.ReportMetric(federated.Seconds(), "s/federated")
	if _, err := lab.Operator.Destroy(context.WithoutCancel(b.Context()), stack, options); err != nil {
		b.Fatalf("%v\n%s", err, progress.Bytes())
	}
}

// fetches are some federations over one connection, as Prometheus keeps it; each prints its seconds.
func fetches(host string) string {
	url := fmt.Sprintf("'http://%s:9090%s' -o /dev/null ", host, federate)
	return "curl -s -g --fail -w '%{time_total}\\n' " + strings.Repeat(url, scrapes)
}

// mean is the mean of one number a line.
func mean(b *testing.B, text string) float64 {
	b.Helper()
	var sum float64
	numbers := strings.Fields(text)
	for _, number := range numbers {
		seconds, err := strconv.ParseFloat(number, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += seconds
	}
	if len(numbers) != scrapes {
		b.Fatalf("%d of %d federations", len(numbers), scrapes)
	}
	return sum / float64(len(numbers))
}
