package digitalocean

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// anywhere is every IPv4 and IPv6 address.
var anywhere = pulumi.ToStringArray([]string{"0.0.0.0/0", "::/0"})

// openings are what one firewall admits besides ICMP. A droplet admits what any of its firewalls admits.
type openings struct {
	sshFrom []netip.Prefix     // who may connect to port 22; empty: nobody
	udpPort int                // a port open to everyone over UDP; 0: none
	scraper pulumi.StringInput // IP address that may connect to scrape; nil: nobody
	scrape  []int              // TCP ports
}

// firewall repeats the hosts' own rules in the cloud, before a packet reaches them.
type firewall struct {
	pulumi.ResourceState
	rules *digitalocean.Firewall
}

// newFirewall admits ICMP and the openings, for droplets of these tags; everything else from outside is dropped. Outbound
// traffic passes. It is attached by tag, because a firewall can list ten droplets by ID but any number by tag. Droplets depend on it,
// so that none is ever up without it.
func newFirewall(ctx *pulumi.Context, name string, tags pulumi.StringArray, open openings, parent pulumi.Resource) (pulumi.Resource, error) {
	f := &firewall{}
	full := name + "-firewall"
	if err := ctx.RegisterComponentResource("promwire:index:Firewall", full, f, pulumi.Parent(parent)); err != nil {
		return nil, fmt.Errorf("firewall %s: %w", full, err)
	}
	var err error
	f.rules, err = digitalocean.NewFirewall(ctx, full+"-rules", &digitalocean.FirewallArgs{
		Name:          pulumi.String(name),
		Tags:          tags,
		InboundRules:  open.inbound(),
		OutboundRules: outbound(),
	}, pulumi.Parent(f))
	if err != nil {
		return nil, fmt.Errorf("firewall %s: %w", full, err)
	}
	return f.rules, ctx.RegisterResourceOutputs(f, pulumi.Map{"id": f.rules.ID()})
}

func (o openings) inbound() digitalocean.FirewallInboundRuleArray {
	rules := digitalocean.FirewallInboundRuleArray{
		digitalocean.FirewallInboundRuleArgs{Protocol: pulumi.String("icmp"), SourceAddresses: anywhere},
	}
	if len(o.sshFrom) > 0 {
		rules = append(rules, digitalocean.FirewallInboundRuleArgs{
			Protocol: pulumi.String("tcp"), PortRange: pulumi.String("22"), SourceAddresses: texts(o.sshFrom),
		})
	}
	if o.scraper != nil {
		for _, port := range o.scrape {
			rules = append(rules, digitalocean.FirewallInboundRuleArgs{
				Protocol: pulumi.String("tcp"), PortRange: pulumi.String(strconv.Itoa(port)), SourceAddresses: pulumi.StringArray{o.scraper},
			})
		}
	}
	if o.udpPort != 0 {
		rules = append(rules, digitalocean.FirewallInboundRuleArgs{
			Protocol: pulumi.String("udp"), PortRange: pulumi.String(strconv.Itoa(o.udpPort)), SourceAddresses: anywhere,
		})
	}
	return rules
}

func outbound() digitalocean.FirewallOutboundRuleArray {
	rules := digitalocean.FirewallOutboundRuleArray{}
	for _, protocol := range []string{"tcp", "udp"} {
		rules = append(rules, digitalocean.FirewallOutboundRuleArgs{
			Protocol: pulumi.String(protocol), PortRange: pulumi.String("1-65535"), DestinationAddresses: anywhere,
		})
	}
	return append(rules, digitalocean.FirewallOutboundRuleArgs{Protocol: pulumi.String("icmp"), DestinationAddresses: anywhere})
}

func texts(prefixes []netip.Prefix) pulumi.StringArray {
	var lines []string
	for _, p := range prefixes {
		lines = append(lines, p.String())
	}
	slices.Sort(lines)
	return pulumi.ToStringArray(lines)
}
