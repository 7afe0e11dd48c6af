// Command pulumi-resource-digitalocean is the lab's stand-in for Pulumi's digitalocean provider v4.57.0, for machines
// where the real one cannot be downloaded. It is a client of DigitalOcean's API v2, at whatever address it is told, knows
// the resources Droplet, SshKey, Tag and Firewall, and the functions getSshKeys and getDroplets without arguments, and behaves as the real ones do, their faults included: a program that
// works with the stand-in must work with the real plugin.
//
// The real one is a bridge to Terraform's digitalocean provider v2.75.0. What it does besides and this one does not:
// volumes, VPCs, backup policies, other functions, and pauses of 10 s before it first looks whether a
// droplet became what it should.
package main

import (
	"context"
	"fmt"
	"os"

	p "github.com/pulumi/pulumi-go-provider"
)

// version is that of the real plugin whose behaviour this one has.
const version = "4.57.0"

func main() {
	if err := p.RunProvider(context.Background(), "digitalocean", version, newProvider()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-digitalocean:", err)
		os.Exit(1)
	}
}
