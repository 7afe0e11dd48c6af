package stacks

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// export names what people need next. Every output of the stack is here.
func export(ctx *pulumi.Context, s *settings.Settings, addresses ledger.Ledger, f *fleet.Fleet) {
	ctx.Export("monitor", f.Monitor.Host.Address)
	ctx.Export("prometheus", forward(s.Monitor, f.Monitor.Host.Address))
	ctx.Export("targets", targets(s, f))
	ctx.Export("ledger", pulumi.ToMap(map[string]any{
		"network": s.Network.V4.String(), "hosts": tunnelAddresses(s, addresses),
	}))
	ctx.Export("matrix", f.Verification.Matrix)
	ctx.Export("verification", f.Verification.Table)
}

// forward is the line that opens Prometheus on the operator's machine, at http://127.0.0.1:9090. It opens a session too, no -N:
// hosts hang up on connections that have none.
func forward(m settings.Monitor, address pulumi.StringOutput) pulumi.StringOutput {
	user, port, jump := "root", 22, ""
	if e := m.Existing; e != nil {
		user, port = e.User, e.Port
		if b := e.Bastion; b != nil {
			jump = fmt.Sprintf(" -J %s@%s:%d", b.User, b.Address, b.Port)
		}
	}
	return pulumi.Sprintf("ssh -L 9090:127.0.0.1:9090%s -p %d %s@%s", jump, port, user, address)
}

func targets(s *settings.Settings, f *fleet.Fleet) pulumi.Array {
	var rows pulumi.Array
	for i, t := range f.Targets {
		rows = append(rows, pulumi.Map{
			"name":    pulumi.String(t.Host.Name),
			"region":  pulumi.String(s.Targets[i].Region),
			"address": t.Host.Address,
			"tunnel":  pulumi.String(t.Args.Plan.Tunnel.Addresses[0].String()),
		})
	}
	return rows
}

func tunnelAddresses(s *settings.Settings, addresses ledger.Ledger) map[string]any {
	all := map[string]any{}
	for name, slot := range addresses.Hosts {
		all[name] = ledger.Address(s.Network.V4, slot).String()
	}
	return all
}
