package digitalocean

import (
	"testing"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/stretchr/testify/assert"

	"github.com/promwire/promwire/components/record"
)

func TestOrphans(t *testing.T) {
	c := &Cloud{fleet: "promwire-prod"}
	state := record.State{
		"urn:pulumi:prod::promwire::promwire:index:Host$digitalocean:index/droplet:Droplet::node-1-droplet": map[string]any{
			"outputs": map[string]any{"dropletUrn": "do:droplet:1", "region": "lon1"},
		},
	}
	all := []digitalocean.GetDropletsDroplet{
		{Id: 1, Urn: "do:droplet:1", Name: "promwire-prod-node-1", Region: "lon1", Tags: []string{"promwire-prod-target"}, PriceMonthly: 6},
		{Id: 2, Urn: "do:droplet:2", Name: "shop", Region: "lon1", Tags: []string{"web"}, PriceMonthly: 48},
		{Id: 3, Urn: "do:droplet:3", Name: "promwire-prod2-node-1", Region: "lon1", Tags: []string{"promwire-prod2-target"}, PriceMonthly: 6},
	}
	assert.Empty(t, c.orphans(all, state), "the fleet's own, another owner's, another fleet's")
	all = append(all,
		digitalocean.GetDropletsDroplet{Id: 4, Urn: "do:droplet:4", Name: "promwire-prod-node-1", Region: "lon1", Tags: []string{"promwire-prod-target"}, PriceMonthly: 6},
		digitalocean.GetDropletsDroplet{Id: 5, Urn: "do:droplet:5", Name: "promwire-prod-monitor", Region: "tor1", Tags: []string{"promwire-prod-monitor"}, PriceMonthly: 12})
	warning := c.orphans(all, state)
	assert.Contains(t, warning, "promwire-prod-node-1 in lon1, promwire-prod-monitor in tor1")
	assert.Contains(t, warning, "$18.00 a month")
	assert.Contains(t, warning, "doctl compute droplet delete 4 5")
	assert.Equal(t, map[string]string{"node-1": "lon1"}, Regions(state))
}

func TestGone(t *testing.T) {
	c := &Cloud{fleet: "promwire-prod"}
	state := record.State{}
	for host, urn := range map[string]string{"node-1": "do:droplet:1", "node-2": "do:droplet:2", "monitor": "do:droplet:3"} {
		state["urn:pulumi:prod::promwire::promwire:index:Host$digitalocean:index/droplet:Droplet::"+host+"-droplet"] = map[string]any{
			"outputs": map[string]any{"dropletUrn": urn, "region": "lon1"},
		}
	}
	all := []digitalocean.GetDropletsDroplet{{Urn: "do:droplet:1"}, {Urn: "do:droplet:2"}, {Urn: "do:droplet:3"}, {Urn: "do:droplet:4"}}
	assert.Empty(t, c.gone(all, state), "all are there, and another owner's")
	assert.Contains(t, c.gone(all[1:2], state), "of these hosts of fleet promwire-prod, which the stack's state has: monitor, node-1. Run pulumi up --refresh")
	assert.Empty(t, c.gone(nil, record.State{}), "a first up")
}
