package program

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/tests/mocks"
)

// certified is a fleet with certificates, one of whose targets is outside the tunnel.
var certified = strings.NewReplacer(
	`"monitor": {"name"`, `"tls": {"enabled": true}, "monitor": {"name"`,
	`"region": "sgp1"`, `"region": "sgp1", "transport": "tls"`,
).Replace(droplets)

// With certificates a host has no more resources and connections than without: enrol signs, and converge waits for it.
func TestCertificatesNeedNoMoreResources(t *testing.T) {
	plain, tls := mocks.MustRun(t, droplets, ""), mocks.MustRun(t, certified, "")
	for _, host := range []string{"monitor", "lon", "sfo", "sgp"} {
		count := func(resources map[string]mocks.Resource) (own int) {
			for name, r := range resources {
				if name == host || r.Parent == host {
					own++
				}
			}
			return own
		}
		assert.Equal(t, count(plain), count(tls), host)
	}
	for _, host := range []string{"lon", "sfo", "sgp"} {
		assert.Contains(t, tls[host+"-converge"].Dependencies, host+"-enrol")
		assert.NotContains(t, plain[host+"-converge"].Dependencies, host+"-enrol")
	}
}

// Only the monitor has the authority; a target gets its certificate and the authorities that it trusts, not as secrets, so that a
// preview shows them.
func TestCertificatesTravelAndKeysDoNot(t *testing.T) {
	for name, r := range mocks.MustRun(t, certified, "") {
		script := r.Inputs["stdin"]
		if !script.IsString() {
			continue
		}
		assert.NotContains(t, script.StringValue(), "BEGIN PRIVATE KEY", name)
		assert.NotContains(t, script.StringValue(), "BEGIN EC PRIVATE KEY", name)
		if strings.HasSuffix(name, "-converge") && name != "monitor-converge" {
			assert.Equal(t, 2, strings.Count(script.StringValue(), "-----BEGIN CERTIFICATE-----\n"), name)
		}
	}
}

// Outside the tunnel only the monitor's address gets in, in the cloud's firewall too, and only where there is such a target.
func TestOutsideTheTunnel(t *testing.T) {
	resources := mocks.MustRun(t, certified, "")
	rules := plain(resources["promwire-test-direct-firewall-rules"].Inputs["inboundRules"]).ArrayValue()
	var ports []string
	for _, rule := range rules {
		fields := rule.ObjectValue()
		if fields["protocol"].StringValue() != "tcp" {
			continue
		}
		ports = append(ports, fields["portRange"].StringValue())
		sources := fields["sourceAddresses"].ArrayValue()
		if assert.Len(t, sources, 1) {
			assert.Equal(t, "198.51.100.25", sources[0].StringValue(), "the monitor's address")
		}
	}
	assert.ElementsMatch(t, []string{"19100", "19099"}, ports)
	assert.Contains(t, resources["sgp-droplet"].Dependencies, "promwire-test-direct-firewall-rules")
	assert.NotContains(t, resources["lon-droplet"].Dependencies, "promwire-test-direct-firewall-rules")
	assert.Len(t, resources["sgp-droplet"].Inputs["tags"].ArrayValue(), 2)

	script := resources["sgp-converge"].Inputs["stdin"].StringValue()
	assert.Contains(t, script, "ip saddr 198.51.100.25 tcp dport @scraped_ports accept")
	assert.Contains(t, script, "elements = { 19099, 19100 }")
	assert.NotContains(t, script, "peer-monitor.conf")
	enrol := resources["sgp-enrol"].Inputs["stdin"].StringValue()
	assert.Contains(t, enrol, "DNS:sgp IP:198.51.100.21")
	assert.NotContains(t, enrol, "peer-sgp.conf")

	// Prometheus may connect to it: systemd would restrict a service to the tunnel's networks.
	assert.NotContains(t, unit(t, resources, "prometheus.service"), "IPAddressDeny")
	assert.Contains(t, unit(t, mocks.MustRun(t, droplets, ""), "prometheus.service"), "IPAddressDeny=any")

	for name := range mocks.MustRun(t, droplets, "") {
		assert.NotContains(t, name, "direct")
	}
}

// What a change of the certificates touches.
func TestWhatCertificatesTouch(t *testing.T) {
	before := mocks.MustRun(t, certified, "")
	for name, c := range map[string]struct {
		change  string
		touched []string
	}{
		"nothing":           {`"enabled": true`, nil},
		"validity":          {`"enabled": true, "validity": "60d", "renewBefore": "30d"`, []string{"lon-enrol", "monitor-converge", "sfo-enrol", "sgp-enrol"}},
		"another authority": {`"enabled": true, "authorities": ["1", "2"]`, []string{"lon-enrol", "monitor-converge", "sfo-enrol", "sgp-enrol"}},
	} {
		t.Run(name, func(t *testing.T) {
			after := mocks.RunAfter(t, strings.Replace(certified, `"enabled": true`, c.change, 1), mocks.After(t, before))
			for _, want := range c.touched {
				assert.Contains(t, touched(before, after), want)
			}
			if c.touched == nil {
				assert.Empty(t, touched(before, after))
			}
		})
	}
}

// unit is a unit's text in the monitor's plan.
func unit(t *testing.T, resources map[string]mocks.Resource, name string) string {
	t.Helper()
	script := resources["monitor-converge"].Inputs["stdin"].StringValue()
	_, after, found := strings.Cut(script, "put /etc/systemd/system/"+name)
	text, _, ended := strings.Cut(after, "\nEND\n")
	if !found || !ended {
		t.Fatalf("the plan has no %s", name)
	}
	return text
}
