package host

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
)

// Source finds or makes the machine of the host of this name, below the Monitor or Target that it will be.
type Source func(ctx *pulumi.Context, name string, parent pulumi.Resource, dependsOn []pulumi.Resource) (Machine, error)

// Machine is one that can be reached, made from an Existing or a Made; its users need not know which.
type Machine struct {
	Address  pulumi.StringOutput     // public, where SSH and the tunnel's endpoint are
	First    remote.Connection       // of bootstrap; New adds the Login
	Lasting  remote.Connection       // of all that follows; New adds the Login and, where there is no HostKey, the one that bootstrap found
	Identity pulumi.StringInput      // another value means another machine, to bootstrap from the start; nil: First says which machine it is
	Retire   bool                    // whether First pins a temporary host key, which the host replaces
	Undo     bool                    // whether the machine outlives the fleet, so that bootstrap is undone
	Options  []pulumi.ResourceOption // of bootstrap only
	Gone     []pulumi.ResourceOption // of all that runs on the machine and needs no undoing when it goes
}

// Spec is a machine to make, in terms that every cloud has.
type Spec struct {
	Region string // such as "tor1"
	Size   string // such as "s-1vcpu-1gb"
	Image  string // such as "debian-12-x64"

	Protect bool // whether it is refused to be deleted or replaced
}
