package host

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/remote"
)

// Existing is a machine that was there before the fleet and stays after it. It is never replaced: a new address or host key
// in the settings runs its commands again, and removing it from the fleet undoes what they did.
type Existing struct {
	Endpoint
	Bastion *Endpoint // nil: reached directly
}

// Endpoint is one SSH server, as the settings name it.
type Endpoint struct {
	Address string // IP address or DNS name
	Port    int    // 0: 22
	User    string // "": root; others need sudo without a password
	HostKey string // one line as in known_hosts, without the host: type and key
}

// Machine is the Source of an existing machine: nothing is made.
func (e Existing) Machine(*pulumi.Context, string, pulumi.Resource, []pulumi.Resource) (Machine, error) {
	connection := remote.Connection{Endpoint: e.remote()}
	if e.Bastion != nil {
		bastion := e.Bastion.remote()
		connection.Bastion = &bastion
	}
	return Machine{Address: pulumi.String(e.Address).ToStringOutput(), First: connection, Lasting: connection, Undo: true}, nil
}

func (e Endpoint) remote() remote.Endpoint {
	return remote.Endpoint{
		Address: pulumi.String(e.Address),
		Port:    e.Port,
		User:    e.User,
		HostKey: pulumi.String(e.HostKey),
	}
}
