package digitalocean

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/record"
)

// What the account has before this run, and what the stack's state says of it.

// The types of droplets and keys in a stack's state.
const (
	DropletType = "digitalocean:index/droplet:Droplet"
	keyType     = "digitalocean:index/sshKey:SshKey"
)

// Regions are where a stack's droplets are, by the name of their host.
func Regions(state record.State) map[string]string {
	regions := map[string]string{}
	for name, outputs := range state.Of(DropletType) {
		if region, ok := outputs["region"].(string); ok {
			regions[strings.TrimSuffix(name, dropletSuffix)] = region
		}
	}
	return regions
}

// Places are where a stack's droplets are and how large, by the name of their host.
func Places(state record.State) map[string]Place {
	places := map[string]Place{}
	for name, outputs := range state.Of(DropletType) {
		region, _ := outputs["region"].(string)
		size, _ := outputs["size"].(string)
		places[strings.TrimSuffix(name, dropletSuffix)] = Place{Region: region, Size: size}
	}
	return places
}

// userData is what the state has of the droplets' user data, its SHA-1, by the name of their host.
func userData(state record.State) map[string]string {
	all := map[string]string{}
	for name, outputs := range state.Of(DropletType) {
		text, _ := outputs["userData"].(string)
		all[strings.TrimSuffix(name, dropletSuffix)] = text
	}
	return all
}

// checkRegions refuses regions that there are not, and those where a droplet that moves can't be: they take no new ones, or none of its size.
// Pulumi deletes a droplet before it makes the one that replaces it, so that would cost a host. A region that a droplet is in already is not
// asked about: it may take no new ones. A new host that can't be made keeps nobody else from going on.
func (c *Cloud) checkRegions(ctx *pulumi.Context, args Args) error {
	now := Regions(args.State)
	var moving []string
	for host, place := range args.Places {
		if now[host] != place.Region {
			moving = append(moving, host)
		}
	}
	if len(moving) == 0 {
		return nil
	}
	slices.Sort(moving)
	there, err := digitalocean.GetRegions(ctx, &digitalocean.GetRegionsArgs{}, pulumi.Parent(c.parent))
	if err != nil {
		return fmt.Errorf("fleet %s: DigitalOcean's regions: %w", c.fleet, err)
	}
	var wrong []error
	for _, host := range moving {
		_, moves := now[host]
		wrong = append(wrong, takes(there.Regions, host, args.Places[host], moves))
	}
	return errors.Join(wrong...)
}

// takes says why a host's droplet can't be at a place; nil if it can, or if nothing is lost by trying.
func takes(regions []digitalocean.GetRegionsRegion, host string, place Place, moves bool) error {
	var slugs []string
	for _, r := range regions {
		if r.Slug != place.Region {
			slugs = append(slugs, r.Slug)
			continue
		}
		if !moves {
			return nil
		}
		if !r.Available {
			return fmt.Errorf("%s: DigitalOcean's region %q takes no new droplets now, so nothing was changed; choose another region", host, r.Slug)
		}
		if len(r.Sizes) > 0 && !slices.Contains(r.Sizes, place.Size) {
			slices.Sort(r.Sizes)
			return fmt.Errorf("%s: DigitalOcean's region %q has no size %q, so nothing was changed; it has %s", host, r.Slug, place.Size, strings.Join(r.Sizes, ", "))
		}
		return nil
	}
	slices.Sort(slugs)
	return fmt.Errorf("%s: DigitalOcean has no region %q, so nothing was changed; it has %s", host, place.Region, strings.Join(slugs, ", "))
}

// operatorKey is the fingerprint of the operator's key. An account accepts a key only once: if it is there under a name that is not this
// fleet's, it is used as it is, and stays. It may be another fleet's; when that one removes it, this one registers it again. A key under
// this fleet's name that the state does not know is from a run that was killed: it is taken over.
func (c *Cloud) operatorKey(ctx *pulumi.Context, args Args) (pulumi.StringInput, error) {
	own := c.fleet + "-operator"
	there, err := digitalocean.GetSshKeys(ctx, &digitalocean.GetSshKeysArgs{}, pulumi.Parent(c.parent))
	if err != nil {
		return nil, fmt.Errorf("fleet %s: the account's SSH keys: %w", c.fleet, err)
	}
	options := []pulumi.ResourceOption{pulumi.Parent(c.parent)}
	for _, k := range there.SshKeys {
		if k.Fingerprint != args.Fingerprint {
			continue
		}
		if k.Name != own {
			return pulumi.String(args.Fingerprint), nil
		}
		if _, known := args.State.Of(keyType)[own]; !known {
			options = append(options, pulumi.Import(pulumi.ID(strconv.Itoa(k.Id))))
		}
	}
	key, err := digitalocean.NewSshKey(ctx, own, &digitalocean.SshKeyArgs{
		Name:      pulumi.String(own),
		PublicKey: pulumi.String(args.PublicKey),
	}, options...)
	if err != nil {
		return nil, fmt.Errorf("fleet %s: operator's key: %w", c.fleet, err)
	}
	return key.Fingerprint, nil
}

// compareDroplets warns of what the account and the stack's state say differently of the fleet's droplets.
func (c *Cloud) compareDroplets(ctx *pulumi.Context, state record.State) error {
	there, err := digitalocean.GetDroplets(ctx, &digitalocean.GetDropletsArgs{}, pulumi.Parent(c.parent))
	if err != nil {
		return fmt.Errorf("fleet %s: the account's droplets: %w", c.fleet, err)
	}
	for _, warning := range []string{c.orphans(there.Droplets, state), c.gone(there.Droplets, state)} {
		if warning == "" {
			continue
		}
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return err
		}
	}
	return nil
}

// gone are droplets that the stack's state has and the account has no longer: somebody deleted them, or a run was killed before it wrote
// that it had. Pulumi goes on as if they were there, and fails where it deletes one. "": there are none.
func (c *Cloud) gone(there []digitalocean.GetDropletsDroplet, state record.State) string {
	var names []string
	for name, outputs := range state.Of(DropletType) {
		urn, _ := outputs["dropletUrn"].(string)
		if urn != "" && !slices.ContainsFunc(there, func(d digitalocean.GetDropletsDroplet) bool { return d.Urn == urn }) {
			names = append(names, strings.TrimSuffix(name, dropletSuffix))
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("the account no longer has the droplets of these hosts of fleet %s, which the stack's state has: %s. "+
		"Run pulumi up --refresh", c.fleet, strings.Join(names, ", "))
}

// orphans are droplets that carry the fleet's tags, cost money, and are not in the stack's state: a run that was killed while the cloud
// made them leaves such ones behind. "": there are none.
func (c *Cloud) orphans(there []digitalocean.GetDropletsDroplet, state record.State) string {
	known := map[string]bool{}
	for _, outputs := range state.Of(DropletType) {
		urn, _ := outputs["dropletUrn"].(string)
		known[urn] = true
	}
	var names, ids []string
	dollars := 0.0
	for _, d := range there {
		if known[d.Urn] || !slices.ContainsFunc(d.Tags, c.tagged) {
			continue
		}
		names = append(names, fmt.Sprintf("%s in %s", d.Name, d.Region))
		ids = append(ids, strconv.Itoa(d.Id))
		dollars += d.PriceMonthly
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("the account has droplets with the tags of fleet %s that are not in the stack's state: %s. They cost $%.2f a month. "+
		"A run that was killed leaves such ones behind. If no other stack of this name made them, remove them: doctl compute droplet delete %s",
		c.fleet, strings.Join(names, ", "), dollars, strings.Join(ids, " "))
}

// tagged says whether a tag is one of the fleet's.
func (c *Cloud) tagged(tag string) bool {
	return slices.Contains([]string{c.tagName(roleMonitor), c.tagName(roleTarget)}, tag)
}
