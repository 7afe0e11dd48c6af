// Command fleet is a Pulumi program of your own that makes a fleet beside other resources: here a DNS name for the monitor, and a
// record that is made only after the fleet was verified. Its stack file describes the fleet, like promwire's own (docs/settings.md).
package main

import (
	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/stacks"
)

func main() { pulumi.Run(program) }

func program(ctx *pulumi.Context) error {
	fleet, err := stacks.New(ctx)
	if err != nil {
		return err
	}
	name, err := digitalocean.NewDnsRecord(ctx, "monitor-name", &digitalocean.DnsRecordArgs{
		Domain: pulumi.String("example.com"),
		Type:   pulumi.String("A"),
		Name:   pulumi.String("monitor"),
		Value:  fleet.Monitor.Host.Address,
	})
	if err != nil {
		return err
	}
	_, err = digitalocean.NewDnsRecord(ctx, "watched", &digitalocean.DnsRecordArgs{
		Domain: pulumi.String("example.com"),
		Type:   pulumi.String("TXT"),
		Name:   pulumi.String("monitor"),
		Value:  pulumi.String("watched by promwire"),
	}, pulumi.DependsOn([]pulumi.Resource{fleet.Verification.Ready}))
	if err != nil {
		return err
	}
	ctx.Export("monitor", name.Fqdn)
	ctx.Export("verification", fleet.Verification.Table)
	return fleet.Refused
}
