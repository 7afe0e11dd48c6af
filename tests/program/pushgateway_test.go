package program

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/tests/mocks"
)

// pushed is a fleet whose monitor has a Pushgateway for these jobs.
func pushed(jobs string) string {
	return strings.Replace(droplets, `"monitor": {"name"`, `"pushgateway": {"enabled": true, "jobs": [`+jobs+`]}, "monitor": {"name"`, 1)
}

// A Pushgateway concerns only the monitor: no target changes, and there is no new resource.
func TestWhatAPushgatewayTouches(t *testing.T) {
	verified := []string{"promwire-test-verification-gate", "promwire-test-verification-outside"}
	for name, c := range map[string]struct {
		old, new string
		touched  []string
	}{
		"on":           {droplets, pushed(`"backup"`), append(verified, "monitor-converge")},
		"off":          {pushed(`"backup"`), droplets, append(verified, "monitor-converge")},
		"one more job": {pushed(`"backup"`), pushed(`"backup", "report"`), append(verified, "monitor-converge")},
		"their order":  {pushed(`"report", "backup"`), pushed(`"backup", "report"`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			before := mocks.MustRun(t, c.old, "")
			after := mocks.RunAfter(t, c.new, mocks.After(t, before))
			assert.ElementsMatch(t, c.touched, touched(before, after))
		})
	}
}

// It is closed to the internet, and only the monitor is probed for it.
func TestAPushgatewayIsOpenOnlyInTheTunnel(t *testing.T) {
	resources := mocks.MustRun(t, pushed(`"backup"`), "")
	script := resources["monitor-converge"].Inputs["stdin"].StringValue()
	assert.Equal(t, []string{"--web.listen-address=10.98.0.1:9091"}, regexp.MustCompile(`--web\.listen-address=\S+:9091`).FindAllString(script, -1))
	assert.Contains(t, script, `iifname "promwire0" ip saddr 10.98.0.0/24 tcp dport 9091 accept`)
	assert.Equal(t, 1, strings.Count(script, "dport 9091"))
	probes := resources["promwire-test-verification-outside"].Inputs["stdin"].StringValue()
	assert.Len(t, regexp.MustCompile(`(?m)^monitor \S+ 9091 closed$`).FindAllString(probes, -1), 1)
	assert.Equal(t, 1, strings.Count(probes, " 9091 closed"))
}
