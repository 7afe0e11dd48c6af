package fleet

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/host"
)

// Machine says which machine a host is: exactly one of the two.
type Machine struct {
	Existing *host.Existing // is there already
	Made     *host.Spec     // to be made by the fleet's Cloud
}

// Cloud makes machines for one fleet, each behind a firewall from its first moment. Each folder of components/cloud is one.
type Cloud interface {
	Monitor(host.Spec) host.Source // for whom the others dial: the monitor, or a hub
	Target(host.Spec) host.Source  // for who dials: a target in the tunnel, or a monitor with a hub
	Direct(host.Spec) host.Source  // for a direct target; Admit comes first
	// Admit lets the IP address of a scraper, and nobody else, connect to TCP ports of the Direct machines.
	Admit(ctx *pulumi.Context, scraper pulumi.StringInput, ports []int) error
}

// Open makes what all machines of a fleet share, below parent, and returns the Cloud that makes them.
type Open func(ctx *pulumi.Context, fleet string, parent pulumi.Resource) (Cloud, error)

// source is where the machine of a host comes from; made is the cloud's method for the host's role.
func (m Machine) source(name string, cloud Cloud, role func(Cloud, host.Spec) host.Source) (host.Source, error) {
	switch {
	case (m.Existing == nil) == (m.Made == nil):
		return nil, fmt.Errorf("%s: a host is either a machine that is there or one to make", name)
	case m.Existing != nil:
		return m.Existing.Machine, nil
	case cloud == nil:
		return nil, fmt.Errorf("%s: the fleet has no cloud to make its machine; set Open", name)
	}
	return role(cloud, *m.Made), nil
}
