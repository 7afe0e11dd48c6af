package fleet

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/firewall"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/monitor"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/provisioners/nodeexporter"
)

// Roles of droplets: the last part of their tags' and firewalls' names.
const (
	roleMonitor = "monitor"
	roleTarget  = "target"
	roleDirect  = "direct" // a target that is scraped outside the tunnel: it has both tags
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
	firewalls []pulumi.Resource
	direct    []pulumi.Resource // firewalls of droplets that are scraped directly
}

func newShared(ctx *pulumi.Context, name string, cloud *Cloud, parent pulumi.Resource) (*shared, error) {
	if cloud == nil {
		return nil, nil
	}
	s := &shared{tags: map[string]pulumi.StringArray{}}
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
	return s, s.admit(ctx, name, cloud.SSHFrom, parent)
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

// guard makes a role's tag and the firewall that is attached by it: everything but SSH.
func (s *shared) guard(ctx *pulumi.Context, name, role string, cloud *Cloud, parent pulumi.Resource) error {
	full := name + "-" + role
	tag, err := digitalocean.NewTag(ctx, full+"-tag", &digitalocean.TagArgs{Name: pulumi.String(full)}, pulumi.Parent(parent))
	if err != nil {
		return fmt.Errorf("fleet %s: tag of its %ss: %w", name, role, err)
	}
	s.tags[role] = pulumi.StringArray{tag.Name}
	args := firewall.Args{Name: full, Tags: s.tags[role]}
	if role == roleMonitor {
		args.UDPPort = cloud.TunnelPort
	}
	return s.wall(ctx, full+"-firewall", args, parent)
}

// scraped makes the tag and firewall of droplets that the monitor scrapes outside the tunnel: it alone gets in.
func (s *shared) scraped(ctx *pulumi.Context, name string, m *monitor.Monitor, parent pulumi.Resource) error {
	full := name + "-" + roleDirect
	tag, err := digitalocean.NewTag(ctx, full+"-tag", &digitalocean.TagArgs{Name: pulumi.String(full)}, pulumi.Parent(parent))
	if err != nil {
		return fmt.Errorf("fleet %s: tag of directly scraped targets: %w", name, err)
	}
	s.tags[roleDirect] = append(slices.Clone(s.tags[roleTarget]), tag.Name)
	wall, err := firewall.New(ctx, full+"-firewall", firewall.Args{
		Name: full, Tags: pulumi.StringArray{tag.Name}, Scraper: m.Source, ScrapePorts: nodeexporter.Exporter{TLS: true}.Ports(),
	}, pulumi.Parent(parent))
	if err != nil {
		return err
	}
	s.direct = []pulumi.Resource{wall.Cloud}
	return nil
}

// admit lets the operator in, by a firewall that is never edited: other networks make another one, which is up before any host
// is touched, and the former goes when all hosts are done. Networks that would lock the operator out make a host refuse
// them, the update ends there, and the former firewall still stands.
func (s *shared) admit(ctx *pulumi.Context, name string, from []netip.Prefix, parent pulumi.Resource) error {
	sum := sha256.Sum256([]byte(fmt.Sprint(from)))
	full := fmt.Sprintf("%s-ssh-%x", name, sum[:4])
	return s.wall(ctx, full+"-firewall", firewall.Args{
		Name: full, Tags: append(slices.Clone(s.tags[roleMonitor]), s.tags[roleTarget]...), SSHFrom: from,
	}, parent)
}

func (s *shared) wall(ctx *pulumi.Context, name string, args firewall.Args, parent pulumi.Resource) error {
	wall, err := firewall.New(ctx, name, args, pulumi.Parent(parent))
	if err != nil {
		return err
	}
	s.firewalls = append(s.firewalls, wall.Cloud)
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
	all := append(slices.Clone(dependsOn), s.firewalls...)
	if h.Direct {
		all = append(all, s.direct...)
	}
	return all
}
