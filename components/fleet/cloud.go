package fleet

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/firewall"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/record"
)

// Roles of droplets: the last part of their tags' and firewalls' names.
const (
	roleMonitor = "monitor"
	roleTarget  = "target"
)

// Cloud is what a fleet's droplets have in common.
type Cloud struct {
	PublicKey  string         // of the operator, one line as in authorized_keys
	Registered string         // fingerprint of the key where the account already holds it; "": the fleet registers it
	SSHFrom    []netip.Prefix // the operator's networks
	TunnelPort int            // UDP, open on the monitor alone
}

// shared are the resources that all droplets of a fleet use.
type shared struct {
	key       pulumi.StringInput
	seed      pulumi.StringOutput
	tags      map[string]pulumi.StringArray
	firewalls map[string]pulumi.Resource
}

func newShared(ctx *pulumi.Context, name string, cloud *Cloud, parent pulumi.Resource) (*shared, error) {
	if cloud == nil {
		return nil, nil
	}
	s := &shared{tags: map[string]pulumi.StringArray{}, firewalls: map[string]pulumi.Resource{}}
	var err error
	if s.key, err = operatorKey(ctx, name, cloud, parent); err != nil {
		return nil, err
	}
	if s.seed, err = record.Seed(ctx, name+"-host-key-seed", parent); err != nil {
		return nil, err
	}
	for _, role := range []string{roleMonitor, roleTarget} {
		if err := s.guard(ctx, name, role, cloud, parent); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// operatorKey is the account's name for the operator's key. An account holds a key only once.
func operatorKey(ctx *pulumi.Context, name string, cloud *Cloud, parent pulumi.Resource) (pulumi.StringInput, error) {
	if cloud.Registered != "" {
		return pulumi.String(cloud.Registered), nil
	}
	key, err := digitalocean.NewSshKey(ctx, name+"-operator", &digitalocean.SshKeyArgs{
		Name:      pulumi.String(name + "-operator"),
		PublicKey: pulumi.String(cloud.PublicKey),
	}, pulumi.Parent(parent))
	if err != nil {
		return nil, fmt.Errorf("fleet %s: operator's key: %w", name, err)
	}
	return key.Fingerprint, nil
}

// guard makes a role's tag and the firewall that is attached by it.
func (s *shared) guard(ctx *pulumi.Context, name, role string, cloud *Cloud, parent pulumi.Resource) error {
	full := name + "-" + role
	tag, err := digitalocean.NewTag(ctx, full+"-tag", &digitalocean.TagArgs{Name: pulumi.String(full)}, pulumi.Parent(parent))
	if err != nil {
		return fmt.Errorf("fleet %s: tag of its %ss: %w", name, role, err)
	}
	args := firewall.Args{Name: full, Tag: tag.Name, SSHFrom: cloud.SSHFrom}
	if role == roleMonitor {
		args.UDPPort = cloud.TunnelPort
	}
	wall, err := firewall.New(ctx, full+"-firewall", args, pulumi.Parent(parent))
	if err != nil {
		return err
	}
	s.tags[role] = pulumi.StringArray{tag.Name}
	s.firewalls[role] = wall.Cloud
	return nil
}

// lend gives a droplet what the fleet's droplets share.
func (s *shared) lend(d *host.Droplet, role string) {
	if d == nil || s == nil {
		return
	}
	d.SSHKey, d.Seed, d.Tags = s.key, s.seed, s.tags[role]
}

// before are the resources that must be there before a host: for a droplet its firewalls too, so that it is born closed.
func (s *shared) before(dependsOn []pulumi.Resource, h host.Args) []pulumi.Resource {
	if h.Droplet == nil || s == nil {
		return dependsOn
	}
	all := append([]pulumi.Resource{}, dependsOn...)
	for _, role := range []string{roleMonitor, roleTarget} {
		all = append(all, s.firewalls[role])
	}
	return all
}
