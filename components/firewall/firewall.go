// Package firewall is the cloud's firewall: the hosts' own rules once more, one layer up, before a packet reaches them.
// It is attached by tag, because DigitalOcean's firewalls take ten droplets by ID but any number by tag.
package firewall

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

// Args are one firewall's. What several firewalls of one droplet admit adds up.
type Args struct {
	Name    string             // in the cloud
	Tags    pulumi.StringArray // of the droplets behind it
	SSHFrom []netip.Prefix     // who may connect to port 22; empty: nobody
	UDPPort int                // a port open to everyone over UDP; 0: none
	Scraper pulumi.StringInput // IP address that may connect to ScrapePorts; nil: nobody
	// ScrapePorts are TCP.
	ScrapePorts []int
}

// Firewall admits ICMP and what its Args say; everything else from outside is dropped. Outbound passes.
type Firewall struct {
	pulumi.ResourceState
	Cloud *digitalocean.Firewall
}

// New makes a firewall. Droplets depend on it, so that none is ever up without.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Firewall, error) {
	f := &Firewall{}
	if err := ctx.RegisterComponentResource("promwire:index:Firewall", name, f, opts...); err != nil {
		return nil, fmt.Errorf("firewall %s: %w", name, err)
	}
	var err error
	f.Cloud, err = digitalocean.NewFirewall(ctx, name+"-rules", &digitalocean.FirewallArgs{
		Name:          pulumi.String(args.Name),
		Tags:          args.Tags,
		InboundRules:  inbound(args),
		OutboundRules: outbound(),
	}, pulumi.Parent(f))
	if err != nil {
		return nil, fmt.Errorf("firewall %s: %w", name, err)
	}
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"id": f.Cloud.ID()})
}

func inbound(args Args) digitalocean.FirewallInboundRuleArray {
	rules := digitalocean.FirewallInboundRuleArray{
		digitalocean.FirewallInboundRuleArgs{Protocol: pulumi.String("icmp"), SourceAddresses: anywhere},
	}
	if len(args.SSHFrom) > 0 {
		rules = append(rules, digitalocean.FirewallInboundRuleArgs{
			Protocol: pulumi.String("tcp"), PortRange: pulumi.String("22"), SourceAddresses: texts(args.SSHFrom),
		})
	}
	if args.Scraper != nil {
		for _, port := range args.ScrapePorts {
			rules = append(rules, digitalocean.FirewallInboundRuleArgs{
				Protocol: pulumi.String("tcp"), PortRange: pulumi.String(strconv.Itoa(port)), SourceAddresses: pulumi.StringArray{args.Scraper},
			})
		}
	}
	if args.UDPPort != 0 {
		rules = append(rules, digitalocean.FirewallInboundRuleArgs{
			Protocol: pulumi.String("udp"), PortRange: pulumi.String(strconv.Itoa(args.UDPPort)), SourceAddresses: anywhere,
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
