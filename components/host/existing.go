package host

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
	"github.com/promwire/promwire/provisioners/plan"
)

// Existing is a machine that was there before the fleet and stays after it. It is never replaced: a new address or host key
// in the settings runs its commands again, and removing it from the fleet undoes what they did.
type Existing struct {
	plan.SSHServer
	Bastion *plan.SSHServer // nil: reached directly
	Protect bool            // whether it is refused to undo what is made there
}

// Machine is the Source of an existing machine: nothing is made.
func (e Existing) Machine(*pulumi.Context, string, pulumi.Resource, []pulumi.Resource) (Machine, error) {
	connection := remote.Connection{Endpoint: endpoint(e.SSHServer)}
	if e.Bastion != nil {
		bastion := endpoint(*e.Bastion)
		connection.Bastion = &bastion
	}
	return Machine{
		Address: pulumi.String(e.Address).ToStringOutput(), First: connection, Lasting: connection, Undo: true,
		Options: []pulumi.ResourceOption{pulumi.Protect(e.Protect)},
	}, nil
}

func endpoint(s plan.SSHServer) remote.Endpoint {
	return remote.Endpoint{Address: pulumi.String(s.Address), Port: s.Port, User: s.User, HostKey: pulumi.String(s.HostKey)}
}
