// Package page looks at the fleet page in a real browser, as a real Prometheus serves it.
package page

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/crypto/bcrypt"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
	"github.com/promwire/promwire/tests/page/stage"
)

var lab = folder.Default(filepath.Join("..", ".."))

func TestMain(m *testing.M) {
	if err := setup.Ensure(context.Background(), lab, os.Stderr, setup.Packages, setup.Tools, setup.Browser); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// rows, signs and texts of the page, in JavaScript.
const (
	hosts   = `document.querySelectorAll("#hosts tbody tr").length`
	drawn   = `document.querySelectorAll(".picture a").length`
	summary = `document.getElementById("summary").textContent`
)

// row is the text of a host's row.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#hosts tbody tr")].find((r) => r.firstChild.textContent === %q)?.innerText`, name)
}

// sign is the class of a host's sign in the picture.
func sign(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(".picture a")].find((a) => a.querySelector("title").textContent.startsWith(%q))?.querySelector(".sign").getAttribute("class")`, name+":")
}

func start(t *testing.T, hosts []stage.Host, rules string) *stage.Stage {
	t.Helper()
	t.Parallel()
	s := stage.New(t, stage.Options{Bin: lab.Bin(), Interval: time.Second, Hosts: hosts, Rules: rules})
	s.Has(fmt.Sprintf(`count(up{job="node"}) == %d`, len(hosts)))
	return s
}

func contentWith(t *testing.T, tab *stage.Tab) {
	t.Helper()
	if said := tab.Complaints(); len(said) > 0 {
		t.Errorf("the browser complains: %q", said)
	}
}

// TestFleet: all hosts are drawn and listed, with what is known of their tunnels. 0 is not what nobody knows.
func TestFleet(t *testing.T) {
	fleet := append(stage.Fleet(6), stage.Host{Name: "direct", Region: "fra1", Role: prometheus.RoleTarget, Metrics: stage.Usual(1)})
	fleet = append(fleet, stage.Host{Name: "liar", Region: "fra1", Role: prometheus.RoleTarget, Metrics: `promwire_peer_last_handshake_seconds{host="direct"} 1
promwire_target_cause{host="node-1",job="node",cause="lies"} 1
promwire_proof_probes{seen="open"} 666
`})
	fleet[0].Metrics += fmt.Sprintf("promwire_proof_last_timestamp_seconds %d\npromwire_proof_probes{seen=\"open\"} 7\npromwire_proof_probes{seen=\"closed\"} 30\n",
		time.Now().Add(-5*time.Hour).Unix())
	s := start(t, fleet, "")
	s.Has(`count(up == 1) == 10`)
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{})
	tab.Until(drawn + ` === 9 && ` + hosts + ` === 9`)
	tab.Until(row("node-1") + `.match(/up.*lon1.*\d+ s ago.*\b0 B\/s.*\b0 B\/s/s)`)
	tab.Until(row("direct") + `.match(/up.*fra1.*not known.*not known.*not known/s)`)
	tab.Until(summary + `.startsWith("9 hosts: 9 up. ")`)
	tab.Until(`document.getElementById("proved").innerText.match(/The gate of an update proved this fleet 5 h ago .*: 7 probes found open what must be, 30 found closed what must be.* from outside .* not known here/)`)
	if stage.Eval[bool](tab, `/lies|666/.test(document.body.innerText)`) {
		t.Error("a target speaks for another one, or for the monitor")
	}
	tab.Do(chromedp.SendKeys(chromedp.CSS("#filter"), "LON1 up"))
	tab.Until(hosts + ` === 2 && ` + drawn + ` === 3`) // the monitor stays in the middle
	tab.Until(`document.getElementById("shown").textContent === "2 of 9 shown"`)
	contentWith(t, tab)
}

const downRule = `groups:
  - name: test
    rules:
      - alert: TargetDown
        expr: up{role="target"} == 0
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.name }} is down"}
`

// TestDown: a host that dies is down on the page within two scrapes, with its alert, the cause that the monitor knows, and a word to screen readers.
func TestDown(t *testing.T) {
	fleet := stage.Fleet(4)
	t.Parallel()
	s := stage.New(t, stage.Options{Bin: lab.Bin(), Interval: 2 * time.Second, Hosts: fleet, Rules: downRule})
	s.Has(`count(up == 1) == 6`)
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{})
	tab.Until(sign("node-2") + ` === "sign up"`)
	s.Kill(2)
	tab.Until(sign("node-2") + ` === "sign down"`)
	asOf, down := stage.Eval[float64](tab, `known.now`), 0
	for _, sample := range s.Samples(`up{name="node-2"}[1m]`) {
		if sample.Value == "0" && sample.At <= asOf {
			down++
		}
	}
	if down < 1 || down > 2 {
		t.Errorf("it is down on the page after %d scrapes", down)
	}
	tab.Until(row("node-2") + `.includes("node: cause not known")`)
	tab.Until(`document.getElementById("changes").textContent.includes("node-2 is down")`)
	tab.Until(`document.getElementById("alerts").innerText.match(/TargetDown \(critical\).*node-2 is down.*node-2/s)`)
	s.Revive(0, fleet[0].Metrics+`promwire_target_cause{host="node-2",job="node",cause="tunnel"} 1`+"\n")
	tab.Until(row("node-2") + `.includes("node: tunnel")`)
	if first := stage.Eval[string](tab, `document.querySelector("#hosts tbody th").textContent`); first != "node-2" {
		t.Errorf("%s is listed before the one that is down", first)
	}
	s.Revive(2, fleet[2].Metrics)
	tab.Until(sign("node-2") + ` === "sign up"`)
	contentWith(t, tab)
}

// TestHostile: what hosts are called and say is text, wherever it stands.
func TestHostile(t *testing.T) {
	names := []string{`<img src=x onerror=hit=1>`, `"><script>hit=1</script>`, `javascript:hit=1//`, `a"} or up{name="`, "line\nbreak\\", `%3Cb%3E 'ü' ../?#`}
	fleet := stage.Fleet(1)
	for _, name := range names {
		fleet = append(fleet, stage.Host{Name: name, Region: `<b onmouseover=hit=1>` + name, Role: prometheus.RoleTarget, Metrics: fmt.Sprintf(
			"promwire_drift{what=%q} 1\npromwire_fence_open_addresses{to=%q,port=\"<u>\"} 1\npromwire_fence_last_run_timestamp_seconds 1\n", name, name)})
	}
	s := start(t, fleet, strings.ReplaceAll(downRule, "== 0", "== 1"))
	s.Has(`count(ALERTS{alertstate="firing"}) == 7`)
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{First: `window.hit = 0`})
	tab.Until(fmt.Sprintf(`%s === %d`, hosts, len(fleet)))
	safe := `hit === 0 && !document.querySelector("img, body script, b, u, main iframe, [onerror], [onmouseover], [href^=javascript]")`
	for _, name := range names {
		tab.Until(fmt.Sprintf(`[...document.querySelectorAll("#hosts th a")].some((a) => a.textContent === %q)`, name))
		stage.Eval[any](tab, fmt.Sprintf(`[...document.querySelectorAll("#hosts th a")].find((a) => a.textContent === %q).click(), 1`, name))
		tab.Until(fmt.Sprintf(`document.getElementById("detail-heading")?.textContent === %q`, "Host "+name))
		tab.Until(`document.querySelectorAll("#detail section table tbody tr").length >= 3`) // its job, what it tried, what it watches
		tab.Until(`document.querySelectorAll("#detail .lines li").length >= 1`)
		if !stage.Eval[bool](tab, safe) {
			t.Errorf("%q became more than text", name)
		}
		tab.Do(chromedp.NavigateBack())
		tab.Until(`!document.getElementById("fleet").hidden`)
	}
	if !stage.Eval[bool](tab, safe) {
		t.Error("what hosts say became more than text")
	}
	contentWith(t, tab)
}

// TestKeyboard: Tab and Enter lead to a host's page and back, and the focus is where one reads on, through all refreshes.
func TestKeyboard(t *testing.T) {
	s := start(t, stage.Fleet(3), "")
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{})
	tab.Until(hosts + ` === 4`)
	focus := func(on string) {
		t.Helper()
		for range 40 {
			if stage.Eval[bool](tab, "Boolean("+on+")") {
				return
			}
			tab.Do(chromedp.KeyEvent(kb.Tab))
		}
		t.Fatalf("40 times Tab do not lead to %s, but to %s", on, stage.Eval[string](tab, `document.activeElement.outerHTML`))
	}
	focus(`document.activeElement.id === "skip"`)
	if !stage.Eval[bool](tab, `getComputedStyle(document.activeElement).outlineStyle !== "none" && document.activeElement.getBoundingClientRect().left >= 0`) {
		t.Error("the focus can't be seen")
	}
	tab.Do(chromedp.KeyEvent(kb.Enter))
	tab.Until(`document.activeElement.id === "hosts-heading"`)
	focus(`document.activeElement.closest("#hosts") && document.activeElement.textContent === "node-2"`)
	before := stage.Eval[int](tab, `turn`)
	tab.Until(fmt.Sprintf(`turn > %d`, before+2))
	if on := stage.Eval[string](tab, `document.activeElement.textContent`); on != "node-2" {
		t.Errorf("after a refresh the focus is on %q", on)
	}
	tab.Do(chromedp.KeyEvent(kb.Enter))
	tab.Until(`document.activeElement.textContent === "Host node-2" && document.title === "node-2 – Fleet"`)
	focus(`document.activeElement.textContent === "6 hours"`)
	tab.Do(chromedp.KeyEvent(" "))
	tab.Until(`document.activeElement.getAttribute("aria-pressed") === "true"`)
	stage.Eval[any](tab, `document.getElementById("detail-heading").focus(), 1`)
	tab.Do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)), chromedp.KeyEvent(kb.Enter))
	tab.Until(`location.hash === "#/" && !document.getElementById("fleet").hidden`)
	contentWith(t, tab)
}

// TestPlots: a host's page has the usual plots, drawn and in words.
func TestPlots(t *testing.T) {
	s := start(t, stage.Fleet(2), "")
	s.Has(`count_over_time(up{name="node-1"}[1m]) > 3`)
	tab := stage.Browse(t).Open(t, s.URL+"#/host/node-1", stage.Look{})
	tab.Until(`document.querySelectorAll("#detail figure canvas").length === 6`)
	for _, want := range []string{"CPU in use", "all processors: ", "memory: 20 % now", "/: 30 % now", "received: 0 B/s now", "15 minutes: 0.1 now", "node: 1 now, 1 at most",
		"Handshake", "It tried the tunnel", "targets\t9100\t254\t0", "firewall\tas planned\t0"} {
		tab.Until(fmt.Sprintf(`document.getElementById("detail").innerText.includes(%q)`, want))
	}
	contentWith(t, tab)
}

// TestCluster: a cluster has a place in the picture, a row, and a page with what its Prometheus says of its jobs.
func TestCluster(t *testing.T) {
	fleet := stage.Fleet(1)
	fleet[0].Metrics += "promwire_peer_last_handshake_seconds{host=\"shop.cluster\"} 0\npromwire_peer_last_handshake_seconds{host=\"shop-reflect.cluster\"} 0\n"
	fleet = append(fleet, stage.Host{Cluster: "shop", Metrics: `job:up:sum{job="api"} 11
job:up:count{job="api"} 12
`})
	t.Parallel()
	s := stage.New(t, stage.Options{Bin: lab.Bin(), Interval: time.Second, Hosts: fleet})
	s.Has(`job:up:count{cluster="shop"}`)
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{})
	tab.Until(drawn + ` === 3 && ` + hosts + ` === 2`)
	tab.Until(`document.getElementById("clusters").innerText.match(/shop.*up.*11 of 12 up.*none yet/s)`)
	tab.Do(chromedp.Click(chromedp.CSS("#clusters a")))
	tab.Until(`document.getElementById("detail").innerText.match(/Cluster shop.*none yet.*api\s+11 of 12/s)`)
	tab.Until(`document.querySelectorAll("#detail canvas").length === 4`)
	contentWith(t, tab)
}

// TestAway: when Prometheus does not answer, the page says so and is grey, until it answers again.
func TestAway(t *testing.T) {
	s := start(t, stage.Fleet(2), "")
	tab := stage.Browse(t).Open(t, s.URL, stage.Look{})
	tab.Until(hosts + ` === 3`)
	s.Stop()
	tab.Until(`!document.getElementById("away").hidden && document.getElementById("away").innerText.includes("does not answer")`)
	if !stage.Eval[bool](tab, `getComputedStyle(document.getElementById("fleet")).filter === "grayscale(1)" && `+hosts+` === 3`) {
		t.Error("what was known is not shown in grey")
	}
	s.Start()
	tab.Until(`document.getElementById("away").hidden && getComputedStyle(document.getElementById("fleet")).filter === "none"`)
}

// TestLogin: with a login, as monitor.prometheus.web.user asks for, the page works as Prometheus's own pages do.
func TestLogin(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := stage.New(t, stage.Options{Bin: lab.Bin(), Interval: time.Second, Hosts: stage.Fleet(1), Web: "basic_auth_users:\n  ops: " + string(hash) + "\n"})
	tab := stage.Browse(t).Open(t, strings.Replace(s.URL, "//", "//ops:secret@", 1), stage.Look{})
	tab.Until(hosts + ` === 2`)
	contentWith(t, tab)
}
