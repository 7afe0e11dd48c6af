package stacks

import (
	"fmt"
	"net"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// export names what people need next. Every output of the stack is here.
func export(ctx *pulumi.Context, s *settings.Settings, addresses ledger.Ledger, f *fleet.Fleet) {
	ctx.Export("monitor", f.Monitor.Host.Address)
	ctx.Export("prometheus", forward(s.Monitor, f.Monitor.Host.Address))
	web := s.Monitor.Prometheus.Web
	ctx.Export("url", pulumi.String(address(web)))
	if web.User != "" {
		ctx.Export("password", password(s.Monitor, f.Monitor.Host.Address, prometheus.RootPassword))
	}
	if len(s.Pushgateway.Jobs) > 0 {
		ctx.Export("pushgateway", pushing(s, f))
	}
	ctx.Export("targets", targets(f))
	if len(f.Clusters) > 0 {
		ctx.Export("clusters", clusters(s, f))
		ctx.Export("pushgateways", pushgateways(f))
	}
	ctx.Export("ledger", pulumi.ToMap(map[string]any{
		"network": s.Network.V4.String(), "hosts": tunnelAddresses(s, addresses),
	}))
	ctx.Export("matrix", f.Verification.Matrix)
	ctx.Export("verification", f.Verification.Table)
}

// forward is the command that makes Prometheus reachable on the operator's machine, at address. It opens a session too (no -N),
// because hosts close connections without one.
func forward(m settings.Monitor, address pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.Sprintf("ssh -L %[1]d:127.0.0.1:%[1]d%[2]s", prometheus.Port, login(m, address))
}

// address is where a browser finds Prometheus while forward runs.
func address(web prometheus.Web) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", web.Scheme(), prometheus.Port)
}

// pushing is where hosts in the tunnel push to, and the commands that show each batch job's password.
func pushing(s *settings.Settings, f *fleet.Fleet) pulumi.Map {
	passwords := pulumi.Map{}
	for _, job := range s.Pushgateway.Jobs {
		passwords[job] = password(s.Monitor, f.Monitor.Host.Address, pushgateway.PasswordOf(job))
	}
	at := net.JoinHostPort(f.Monitor.Plan.Tunnel.Addresses[0].String(), strconv.Itoa(pushgateway.Port))
	return pulumi.Map{"url": pulumi.String("http://" + at), "passwords": passwords}
}

// password is the command that shows a password, which was made on the monitor.
func password(m settings.Monitor, address pulumi.StringOutput, of string) pulumi.StringOutput {
	sudo := ""
	if m.Existing != nil && m.Existing.User != "root" {
		sudo = "sudo "
	}
	return pulumi.Sprintf("ssh%s %scat %s", login(m, address), sudo, of)
}

// login is what ssh needs to find the monitor.
func login(m settings.Monitor, address pulumi.StringOutput) pulumi.StringOutput {
	user, port, through := "root", 22, ""
	if e := m.Existing; e != nil {
		user, port, through = e.User, e.Port, jump(e.Bastion)
	}
	return pulumi.Sprintf("%s -p %d %s@%s", through, port, user, address)
}

// jump is ssh's option for a bastion; "" without one. Unlike the destination itself, it takes a port and needs brackets around IPv6.
func jump(bastion *plan.SSHServer) string {
	if bastion == nil {
		return ""
	}
	return fmt.Sprintf(" -J %s@%s", bastion.User, net.JoinHostPort(bastion.Address, strconv.Itoa(bastion.Port)))
}

func targets(f *fleet.Fleet) pulumi.Array {
	rows := pulumi.Array{}
	for _, t := range f.Targets {
		rows = append(rows, pulumi.Map{
			"name":    pulumi.String(t.Host.Name),
			"region":  pulumi.String(t.Args.Region),
			"address": t.Host.Address,
			"tunnel":  pulumi.String(tunnel(t)),
		})
	}
	return rows
}

// tunnel is a target's tunnel address; "" for a direct target.
func tunnel(t *target.Target) string {
	if t.Args.Host.Direct {
		return ""
	}
	return t.Args.Plan.Tunnel.Addresses[0].String()
}

func clusters(s *settings.Settings, f *fleet.Fleet) pulumi.Array {
	rows := pulumi.Array{}
	for _, c := range f.Clusters {
		mode := settings.Gateway
		if c.Args.Dark {
			mode = settings.Dark
		}
		rows = append(rows, pulumi.Map{
			"name": pulumi.String(c.Args.Name), "mode": pulumi.String(mode), "tunnel": pulumi.String(c.Args.Address.String()),
			"kubectl": c.Kubectl(login(s.Monitor, f.Monitor.Host.Address)),
		})
	}
	return rows
}

// pushgateways are where batch jobs push, by cluster, and with which passwords: a secret.
func pushgateways(f *fleet.Fleet) pulumi.Output {
	all := pulumi.Map{}
	for _, c := range f.Clusters {
		if p := c.Pushgateway; p != nil {
			all[c.Args.Name] = pulumi.Map{"url": pulumi.String("https://" + p.At), "certificate": p.Authority, "passwords": p.Passwords}
		}
	}
	return pulumi.ToSecret(all)
}

func tunnelAddresses(s *settings.Settings, addresses ledger.Ledger) map[string]any {
	all := map[string]any{}
	for name, slot := range addresses.Hosts {
		all[name] = ledger.Address(s.Network.V4, slot).String()
	}
	return all
}
