package host

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumix"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/cloudinit"
)

// Made is a machine that a cloud made for the fleet. It goes with the fleet.
type Made struct {
	Resource pulumi.CustomResource // whose ID says which machine it is
	Address  pulumi.StringOutput   // public
	HostKey  pulumi.StringInput    // the temporary one that the machine was made with, see Temporary
	After    []pulumi.Resource     // what must be there before the first connection, such as firewalls
}

// Machine knows that it was made a moment ago: the machine may still boot, and bootstrap gives it a host key of its own.
func (m Made) Machine() Machine {
	lasting := remote.Connection{Endpoint: remote.Endpoint{Address: m.Address}}
	first := lasting
	first.HostKey = m.HostKey
	first.Dials = remote.DialsToBoot
	gone := []pulumi.ResourceOption{pulumi.DeletedWith(m.Resource)}
	return Machine{
		Address:  m.Address,
		First:    first,
		Lasting:  lasting,
		Identity: m.Resource.ID().ToStringOutput(),
		Retire:   true,
		Options: append([]pulumi.ResourceOption{
			pulumi.DependsOn(m.After),
			// Bootstrap runs once in such a machine's life: afterwards its host key is retired, and what can change belongs to converge.
			pulumi.IgnoreChanges([]string{"connection", "create", "delete", "stdin"}),
		}, gone...),
		Gone: gone,
	}
}

// Temporary are the temporary host keys of a host's machines, one after the other. Each lets the first connection recognise a machine that was
// made with it, and none is that of a former machine, whose local users could read it.
type Temporary struct {
	Seed   pulumi.StringInput // any text, secret: the same one gives the same keys
	Host   string
	Salt   string // any text: another one whenever the host has no machine
	Former string // user data of the machine that it has, as its provider's state has it; "": none
}

// UserData is cloud-init's of the next machine, a secret: with another key than that of the Former. Machines that are there ignore it.
func (t Temporary) UserData() pulumi.StringOutput {
	return t.Seed.ToStringOutput().ApplyT(func(seed string) (string, error) {
		key, err := t.of(seed).After(t.Former)
		return cloudinit.UserData(key), err
	}).(pulumi.StringOutput)
}

// HostKey is the public key of the machine that was made with this user data, which is as its provider's state has it.
func (t Temporary) HostKey(userData pulumi.StringPtrOutput) pulumi.StringOutput {
	return pulumix.Cast[pulumi.StringOutput](pulumix.Apply2Err(t.Seed.ToStringOutput(), userData.Elem(), func(seed, userData string) (string, error) {
		key, err := t.of(seed).Of(userData)
		return key.Public, err
	}))
}

func (t Temporary) of(seed string) cloudinit.Host {
	return cloudinit.Host{Seed: seed, Name: t.Host, Salt: t.Salt}
}
