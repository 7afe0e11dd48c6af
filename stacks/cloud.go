package stacks

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/cloud/digitalocean"
	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/host"
	"github.com/promwire/promwire/components/record"
	"github.com/promwire/promwire/stacks/settings"
)

// checkNames refuses a fleet whose machines the cloud could not name.
func checkNames(fleet string, s *settings.Settings) error {
	if !s.NeedsCloud() {
		return nil
	}
	return digitalocean.CheckNames(fleet, slices.Sorted(maps.Keys(made(s))))
}

// made is where the cloud is to make machines, by the name of their host.
func made(s *settings.Settings) map[string]digitalocean.Place {
	places := map[string]digitalocean.Place{}
	for _, h := range s.Hosts() {
		if h.Existing == nil {
			places[h.Name] = digitalocean.Place{Region: h.Region, Size: h.Size}
		}
	}
	return places
}

// regions are where the stack's made machines are, by the name of their host.
func regions(state record.State) map[string]string { return digitalocean.Regions(state) }

// cloud is where the fleet's machines are made; nil if all machines exist already.
func (t translation) cloud() fleet.Open {
	if !t.settings.NeedsCloud() {
		return nil
	}
	args := digitalocean.Args{
		PublicKey:   t.settings.SSHPublicKey,
		Fingerprint: t.settings.SSHFingerprint,
		SSHFrom:     t.settings.SSH.From,
		TunnelPort:  t.settings.Network.Port,
		State:       t.state,
		Places:      made(t.settings),
	}
	return func(ctx *pulumi.Context, name string, parent pulumi.Resource) (fleet.Cloud, error) {
		return digitalocean.New(ctx, name, args, parent)
	}
}

// machine says which machine a host is.
func machine(h settings.Host) fleet.Machine {
	if h.Existing == nil {
		return fleet.Machine{Made: &host.Spec{Region: h.Region, Size: h.Size, Image: h.Image, Protect: h.Protect}}
	}
	return fleet.Machine{Existing: &host.Existing{SSHServer: h.Existing.SSHServer, Bastion: h.Existing.Bastion, Protect: h.Protect}}
}
