// Package digitalocean makes a fleet's machines at DigitalOcean, behind the cloud's own firewalls. It is the only package that imports
// pulumi-digitalocean: it takes plain values and returns a host.Machine, like any other cloud.
package digitalocean

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/record"
)

// Roles of droplets: the last part of their tags' and firewalls' names.
const (
	roleMonitor = "monitor"
	roleTarget  = "target"
	roleDirect  = "direct" // a direct target: it has the tag of a target too
)

// Args are what a fleet's droplets have in common.
type Args struct {
	PublicKey   string           // of the operator, one line as in authorized_keys
	Fingerprint string           // the same key's, MD5 in hex with colons
	SSHFrom     []netip.Prefix   // the operator's networks
	TunnelPort  int              // UDP, open on the monitor only
	State       record.State     // what the last run left
	Places      map[string]Place // where the Cloud makes machines, and how large, by the name of their host
}

// Place is where a machine is made, and its size, both as DigitalOcean's slugs ("fra1", "s-1vcpu-1gb").
type Place struct {
	Region, Size string
}

// Cloud is one fleet's part of an account: what all its droplets share. Its methods are those of a fleet.Cloud.
type Cloud struct {
	fleet     string // name
	key       pulumi.StringInput
	seed      pulumi.StringOutput
	salts     map[string]string             // of temporary host keys, by host
	salted    pulumi.Resource               // the state has the salts
	former    map[string]string             // user data of the droplets in the state, by host
	tags      map[string]pulumi.StringArray // by role
	firewalls []pulumi.Resource             // of all droplets
	direct    []pulumi.Resource             // of those that are scraped directly, beside the others
	parent    pulumi.Resource
}

// New makes what droplets share, below parent: the operator's key, tags, firewalls and the seed of temporary host keys.
func New(ctx *pulumi.Context, fleet string, args Args, parent pulumi.Resource) (*Cloud, error) {
	c := &Cloud{fleet: fleet, tags: map[string]pulumi.StringArray{}, parent: parent}
	if err := c.checkRegions(ctx, args); err != nil {
		return nil, err
	}
	var err error
	if c.key, err = c.operatorKey(ctx, args); err != nil {
		return nil, err
	}
	if err := c.compareDroplets(ctx, args.State); err != nil {
		return nil, err
	}
	if c.seed, err = record.Seed(ctx, fleet+"-host-key-seed", parent); err != nil {
		return nil, err
	}
	c.former = userData(args.State)
	if c.salts, c.salted, err = record.Salts(ctx, fleet+"-host-key-salts", args.State, slices.Collect(maps.Keys(args.Places)), c.former, parent); err != nil {
		return nil, err
	}
	monitors, err := c.firewallOf(ctx, roleMonitor, openings{udpPort: args.TunnelPort})
	if err != nil {
		return nil, err
	}
	targets, err := c.firewallOf(ctx, roleTarget, openings{})
	if err != nil {
		return nil, err
	}
	operator, err := c.admitOperator(ctx, args.SSHFrom)
	if err != nil {
		return nil, err
	}
	c.firewalls = []pulumi.Resource{monitors, targets, operator}
	return c, nil
}

// Monitor is a droplet for the monitor.
func (c *Cloud) Monitor(spec host.Spec) host.Source {
	return c.droplet(spec, c.tags[roleMonitor], c.firewalls)
}

// Target is a droplet for a target in the tunnel.
func (c *Cloud) Target(spec host.Spec) host.Source {
	return c.droplet(spec, c.tags[roleTarget], c.firewalls)
}

// Direct is a droplet for a direct target, which is scraped by those that Admit admits.
func (c *Cloud) Direct(spec host.Spec) host.Source {
	tags := append(slices.Clone(c.tags[roleTarget]), c.tags[roleDirect]...)
	return c.droplet(spec, tags, append(slices.Clone(c.firewalls), c.direct...))
}

// Admit lets only the IP address of a scraper connect to TCP ports of Direct droplets. Call it before the first of them is made.
func (c *Cloud) Admit(ctx *pulumi.Context, scraper pulumi.StringInput, ports []int) error {
	firewall, err := c.firewallOf(ctx, roleDirect, openings{scraper: scraper, scrape: ports})
	if err != nil {
		return err
	}
	c.direct = []pulumi.Resource{firewall}
	return nil
}

// tagName is the name of a role's tag.
func (c *Cloud) tagName(role string) string { return c.fleet + "-" + role }

// firewallOf makes a role's tag and the firewall that is attached by it: everything except SSH.
func (c *Cloud) firewallOf(ctx *pulumi.Context, role string, open openings) (pulumi.Resource, error) {
	full := c.tagName(role)
	tag, err := digitalocean.NewTag(ctx, full+"-tag", &digitalocean.TagArgs{Name: pulumi.String(full)}, pulumi.Parent(c.parent))
	if err != nil {
		return nil, fmt.Errorf("fleet %s: tag of role %s: %w", c.fleet, role, err)
	}
	c.tags[role] = pulumi.StringArray{tag.Name}
	return newFirewall(ctx, full, c.tags[role], open, c.parent)
}

// admitOperator makes a firewall that is never edited: for other networks there is a new one, which is up before any host is changed, and
// the former one is removed when all hosts are done. If networks would lock the operator out, the first host refuses them, the update
// ends there, and the former firewall is still up.
func (c *Cloud) admitOperator(ctx *pulumi.Context, from []netip.Prefix) (pulumi.Resource, error) {
	sum := sha256.Sum256([]byte(fmt.Sprint(from)))
	tags := append(slices.Clone(c.tags[roleMonitor]), c.tags[roleTarget]...)
	return newFirewall(ctx, fmt.Sprintf("%s-ssh-%x", c.fleet, sum[:4]), tags, openings{sshFrom: from}, c.parent)
}
