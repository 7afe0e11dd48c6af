package host

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/cloudinit"
)

// Droplet is a machine to make at DigitalOcean.
type Droplet struct {
	CloudName string // as the cloud's console shows it
	Region    string // slug, such as "tor1"
	Size      string // slug, such as "s-1vcpu-1gb"
	Image     string // slug, such as "debian-12-x64"
	Tags      pulumi.StringArray
	SSHKey    pulumi.StringInput // fingerprint or ID of the operator's key in the account
	Seed      pulumi.StringInput // of the temporary host key
}

// newDroplet makes a droplet that the first connection can recognise: its temporary host key came with its user data.
func newDroplet(ctx *pulumi.Context, parent pulumi.Resource, args Args, dependsOn []pulumi.Resource) (access, error) {
	d := args.Droplet
	key := func(pick func(cloudinit.HostKey) string) pulumi.StringOutput {
		return d.Seed.ToStringOutput().ApplyT(func(seed string) (string, error) {
			temporary, err := cloudinit.TemporaryHostKey(seed, args.Name)
			return pick(temporary), err
		}).(pulumi.StringOutput)
	}
	droplet, err := digitalocean.NewDroplet(ctx, args.Name+"-droplet", &digitalocean.DropletArgs{
		Name:         pulumi.String(d.CloudName),
		Region:       pulumi.String(d.Region),
		Size:         pulumi.String(d.Size),
		Image:        pulumi.String(d.Image),
		Tags:         d.Tags,
		SshKeys:      pulumi.StringArray{d.SSHKey},
		UserData:     key(cloudinit.UserData).ToStringPtrOutput(),
		Ipv6:         pulumi.Bool(true),
		Monitoring:   pulumi.Bool(false),
		DropletAgent: pulumi.Bool(false),
	}, pulumi.Parent(parent), pulumi.DependsOn(dependsOn),
		// DigitalOcean would replace the machine, and its metrics' history, for any of these.
		pulumi.IgnoreChanges([]string{"userData", "sshKeys", "image"}))
	if err != nil {
		return access{}, fmt.Errorf("%s: droplet: %w", args.Name, err)
	}
	endpoint := remote.Endpoint{Address: droplet.Ipv4Address}
	lasting := remote.Connection{Endpoint: endpoint, Login: args.Login}
	first := lasting
	first.HostKey = key(func(k cloudinit.HostKey) string { return k.Public })
	first.Dials = remote.DialsToBoot
	gone := []pulumi.ResourceOption{pulumi.DeletedWith(droplet)}
	return access{
		address:    droplet.Ipv4Address,
		connection: lasting,
		args:       remote.Args{Connection: first, Identity: droplet.ID().ToStringOutput()},
		// Bootstrap runs once in a droplet's life: afterwards its host key is retired, and what can change belongs to converge.
		opts: append([]pulumi.ResourceOption{
			pulumi.IgnoreChanges([]string{"connection", "create", "delete", "stdin"}),
		}, gone...),
		gone: gone,
	}, nil
}
