package program

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/tests/mocks"
)

// told is a fleet whose monitor has an Alertmanager with this receiver for the webhook.
func told(receiver string) string {
	return strings.Replace(droplets, `"monitor": {"name"`, `"alertmanager": {"test": true, "config": {"route": {"receiver": "`+receiver+`"},
		"receivers": [{"name": "`+receiver+`", "webhook_configs": [{"url_file": "/etc/alertmanager/secrets/pager"}]}]}}, "monitor": {"name"`, 1)
}

func secret(value string) func(map[string]string) {
	return func(config map[string]string) { config["promwire:secrets"] = `{"pager": "` + value + `"}` }
}

// An Alertmanager concerns only the monitor. Its secrets are in one command, which nothing else shows or waits for: another secret changes that one
// alone.
func TestWhatAlertmanagerTouches(t *testing.T) {
	verified := []string{"promwire-test-verification-gate", "promwire-test-verification-outside"}
	before := mocks.MustRun(t, droplets, "")
	after := func(fleet, value string) map[string]mocks.Resource {
		return mocks.RunAfter(t, fleet, mocks.After(t, before), secret("https://hooks.example.net/"+value))
	}
	ops := after(told("ops"), "s3cret")
	assert.ElementsMatch(t, append(verified, "monitor-converge", "+monitor-alerting"), touched(before, ops))
	before = ops
	assert.ElementsMatch(t, append(verified, "monitor-converge", "monitor-alerting"), touched(before, after(told("night"), "s3cret")))
	assert.Equal(t, []string{"monitor-alerting"}, touched(before, after(told("ops"), "other")))
	for name, r := range ops {
		stdin := r.Inputs["stdin"]
		if name == "monitor-alerting" {
			assert.True(t, stdin.IsSecret() || stdin.IsOutput() && stdin.OutputValue().Secret, "%s is no secret", name)
			continue
		}
		assert.NotContains(t, fmt.Sprint(r.Inputs), "s3cret", name)
	}
}

// It is closed to everybody but the monitor itself.
func TestAlertmanagerListensOnLoopback(t *testing.T) {
	resources := mocks.MustRun(t, told("ops"), "", secret("https://hooks.example.net/s3cret"))
	script := resources["monitor-converge"].Inputs["stdin"].StringValue()
	assert.Contains(t, script, "--web.listen-address=127.0.0.1:9093 ")
	assert.Contains(t, script, "--cluster.listen-address= ")
	probes := resources["promwire-test-verification-outside"].Inputs["stdin"].StringValue()
	assert.Equal(t, 1, strings.Count(probes, " 9093 closed"))
}

// The links of Prometheus and Alertmanager begin where the owner's reverse proxy leads to them, and both still answer at /.
func TestExternalURLs(t *testing.T) {
	external := strings.NewReplacer(
		`"alertmanager": {`, `"alertmanager": {"externalUrl": "https://example.net/alerts/", `,
		`"region": "tor1"`, `"region": "tor1", "prometheus": {"externalUrl": "https://example.net/prom"}`,
	).Replace(told("ops"))
	script := mocks.MustRun(t, external, "", secret("https://hooks.example.net/s3cret"))["monitor-converge"].Inputs["stdin"].StringValue()
	for _, url := range []string{"https://example.net/alerts", "https://example.net/prom"} {
		assert.Equal(t, 1, strings.Count(script, "--web.external-url="+url+" \\\n  --web.route-prefix=/"), url)
	}
	assert.Contains(t, script, "\nanswers http://127.0.0.1:9090/-/healthy prometheus.service\n")
}
