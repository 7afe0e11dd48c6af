package host

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/cloudinit"
)

// Made is a machine that a cloud made for the fleet. It goes with the fleet.
type Made struct {
	Resource pulumi.CustomResource // whose ID says which machine it is
	Address  pulumi.StringOutput   // public
	HostKey  pulumi.StringInput    // the temporary one that the machine was made with, see TemporaryKey
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

// TemporaryKey lets the first connection recognise a machine: it is made with the user data (cloud-init's, a secret) and then has this
// host key. The seed is any text; the same one gives a host the same key.
func TemporaryKey(seed pulumi.StringInput, host string) (userData, hostKey pulumi.StringOutput) {
	pick := func(part func(cloudinit.HostKey) string) pulumi.StringOutput {
		return seed.ToStringOutput().ApplyT(func(seed string) (string, error) {
			temporary, err := cloudinit.TemporaryHostKey(seed, host)
			return part(temporary), err
		}).(pulumi.StringOutput)
	}
	return pick(cloudinit.UserData), pick(func(k cloudinit.HostKey) string { return k.Public })
}
