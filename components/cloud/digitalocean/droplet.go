package digitalocean

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/record"
)

// dropletSuffix makes a host's name the name of its droplet's resource.
const dropletSuffix = "-droplet"

// droplet makes a machine that the first connection can recognise: its temporary host key came with its user data.
func (c *Cloud) droplet(spec host.Spec, tags pulumi.StringArray, firewalls []pulumi.Resource) host.Source {
	return func(ctx *pulumi.Context, name string, parent pulumi.Resource, dependsOn []pulumi.Resource) (host.Machine, error) {
		temporary := host.Temporary{Seed: c.seed, Host: name, Salt: c.salts[name], Former: c.former[name]}
		args := &digitalocean.DropletArgs{
			Name:         pulumi.String(dropletName(c.fleet, name)),
			Region:       pulumi.String(spec.Region),
			Size:         pulumi.String(spec.Size),
			Image:        pulumi.String(spec.Image),
			Tags:         tags,
			SshKeys:      pulumi.StringArray{c.key},
			UserData:     temporary.UserData().ToStringPtrOutput(),
			Ipv6:         pulumi.Bool(true),
			Monitoring:   pulumi.Bool(false),
			DropletAgent: pulumi.Bool(false),
		}
		var droplet *digitalocean.Droplet
		if err := record.Short(func() (err error) {
			droplet, err = digitalocean.NewDroplet(ctx, name+dropletSuffix, args,
				pulumi.Parent(parent), pulumi.DependsOn(dependsOn), pulumi.DependsOn(append([]pulumi.Resource{c.salted}, firewalls...)),
				// DigitalOcean would replace the machine, and its metrics' history, for any of these.
				pulumi.IgnoreChanges([]string{"userData", "sshKeys", "image"}), pulumi.Protect(spec.Protect))
			return err
		}); err != nil {
			return host.Machine{}, fmt.Errorf("%s: droplet: %w", name, err)
		}
		return host.Made{Resource: droplet, Address: droplet.Ipv4Address, HostKey: temporary.HostKey(droplet.UserData), After: firewalls}.Machine(), nil
	}
}
