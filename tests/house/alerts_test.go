package house

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/prometheus"
)

const (
	alertsPage   = "docs/alerts.md"
	alertsBegin  = "<!-- The alerts are generated from provisioners/prometheus, by `go generate ./tests/house`. -->\n"
	alertsEnd    = "<!-- End of the alerts. -->\n"
	ofCauses     = "TargetDown" // its description is a template of the causes
	causesSayHow = "Its label `cause` says why, as the monitor finds out every half minute. `journalctl -u promwire-causes` on the monitor says it with " +
		"more words. Without the label nothing is known yet."
)

// alertsSections are what the page says of each alert.
func alertsSections() string {
	var b strings.Builder
	for _, alert := range prometheus.Alerts() {
		severity, summary := alert.Labels["severity"], alert.Annotations["summary"]
		if !strings.HasSuffix(summary, "?") {
			summary += "."
		}
		fmt.Fprintf(&b, "\n### %s\n\n*%s.* %s\n\n", alert.Name, strings.ToUpper(severity[:1])+severity[1:], summary)
		if alert.Name == ofCauses {
			b.WriteString(causesSayHow + "\n\n| cause | what it means, and where to look |\n| --- | --- |\n")
			for _, c := range prometheus.Causes() {
				fmt.Fprintf(&b, "| `%s` | %s |\n", c.Word, c.Means)
			}
			continue
		}
		fmt.Fprintf(&b, "%s\n", alert.Annotations["description"])
	}
	return b.String() + "\n"
}

// TestAlertsPage: the page has a section for each alert, as the rules have it.
func TestAlertsPage(t *testing.T) {
	generated(t, alertsPage, alertsBegin, alertsEnd, alertsSections())
}

// TestAlertsSayAll: each alert says how bad it is, what is wrong, what to do, and where more about it is.
func TestAlertsSayAll(t *testing.T) {
	all := prometheus.Alerts()
	if len(all) < 40 {
		t.Errorf("only %d alerts; this test misses some", len(all))
	}
	sections := anchors(text(t, alertsPage))
	for _, alert := range all {
		if !slices.Contains([]string{"critical", "warning"}, alert.Labels["severity"]) {
			t.Errorf("%s: its severity is %q; it must be critical or warning", alert.Name, alert.Labels["severity"])
		}
		for _, key := range []string{"summary", "description"} {
			if alert.Annotations[key] == "" {
				t.Errorf("%s has no %s", alert.Name, key)
			}
		}
		anchor := strings.ToLower(alert.Name)
		if want := prometheus.Runbooks() + "#" + anchor; alert.Annotations["runbook_url"] != want {
			t.Errorf("%s: its runbook_url is %q; it must be %q", alert.Name, alert.Annotations["runbook_url"], want)
		}
		if !slices.Contains(sections, anchor) {
			t.Errorf("%s has no section of %s; run `go generate ./tests/house`", alertsPage, alert.Name)
		}
	}
}
