package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
	"github.com/promwire/promwire/tests/page/stage"
)

// noticed notes, in milliseconds since the address was opened, when the first picture is painted.
const noticed = `
window.painted = null;
new MutationObserver((_, o) => {
  if (!document.querySelector(".picture a")) return;
  o.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
`

// BenchmarkPage opens the fleet page of fleets of several sizes: how long Prometheus takes for its questions, and how long after the last
// answer the picture is there; then what a refresh costs. With PROMWIRE_BENCH_PICTURES=DIR it writes the pictures of docs/page.md there.
func BenchmarkPage(b *testing.B) {
	here := folder.Default(filepath.Join("..", ".."))
	if err := setup.Ensure(context.Background(), here, os.Stderr, setup.Packages, setup.Tools, setup.Browser); err != nil {
		b.Fatal(err)
	}
	browser := stage.Browse(b)
	for _, targets := range sizesOr(b, 6, 100, 1000) {
		b.Run(fmt.Sprintf("targets=%d", targets), func(b *testing.B) {
			s := stage.New(b, stage.Options{Bin: here.Bin(), Interval: 10 * time.Second, Hosts: stage.Fleet(targets)})
			s.Has(fmt.Sprintf(`count(up == 1) == %d`, targets+2))
			for b.Loop() {
				opened(b, browser, s)
			}
		})
	}
	if into := os.Getenv("PROMWIRE_BENCH_PICTURES"); into != "" {
		pictures(b, browser, here.Bin(), into)
	}
}

func opened(b *testing.B, browser stage.Browser, s *stage.Stage) {
	tab := browser.Open(b, s.URL, stage.Look{First: noticed})
	tab.Until(`window.painted !== null`)
	const asked = `performance.getEntriesByType("resource").filter((r) => r.name.includes("/api/v1/") && r.responseEnd <= painted)`
	painted, answered := stage.Eval[float64](tab, `painted`), stage.Eval[float64](tab, `Math.max(...`+asked+`.map((r) => r.responseEnd))`)
	b.ReportMetric(painted, "ms-to-picture")
	b.ReportMetric(painted-answered, "ms-after-data")
	b.ReportMetric(stage.Eval[float64](tab, asked+`.length`), "questions")
	b.ReportMetric(stage.Eval[float64](tab, asked+`.reduce((n, r) => n + r.encodedBodySize, 0) / 1000`), "KB-asked")
	b.ReportMetric(stage.Eval[float64](tab, `(() => { const t = performance.now(); drawFleet(known); return performance.now() - t; })()`), "ms-redraw")
	if said := tab.Complaints(); len(said) > 0 {
		b.Errorf("the browser complains: %q", said)
	}
}

// pictures are what docs/page.md shows: a small fleet in the light, with a host that is down, and a host in the dark.
func pictures(b *testing.B, browser stage.Browser, bin, into string) {
	s := stage.New(b, stage.Options{Bin: bin, Interval: time.Second, Rules: downRule, Hosts: stage.Lively(), History: stage.History(2)})
	s.Has(`ALERTS{alertstate="firing"}`)
	s.Has(`count_over_time(up{name="node-2"}[1h]) > 200`)
	s.Has(`rate(promwire_peer_receive_bytes_total{host="node-9"}[1m]) > 1000`)
	fleet := browser.Open(b, s.URL, stage.Look{Width: 1000, Height: 760})
	fleet.Until(`document.querySelectorAll(".alerts a").length > 0`)
	host := browser.Open(b, s.URL+"#/host/node-2", stage.Look{Width: 1000, Height: 1010, Dark: true})
	host.Until(`document.querySelectorAll("#detail canvas").length === 6`)
	for name, tab := range map[string]*stage.Tab{"page-fleet.png": fleet, "page-host.png": host} {
		if err := os.WriteFile(filepath.Join(into, name), tab.Window(), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

const downRule = `groups:
  - name: promwire
    rules:
      - alert: TargetDown
        expr: up{role="target"} == 0
        labels: {severity: critical}
        annotations: {summary: "Something that a host serves (job) is not scraped: the host, its tunnel, or the exporter is down"}
`
