package stacks

import (
	"fmt"
	"net"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/components/fleet"
	"github.com/promwire/promwire/components/target"
	"github.com/promwire/promwire/provisioners/page"
	"github.com/promwire/promwire/provisioners/plan"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/stacks/ledger"
	"github.com/promwire/promwire/stacks/settings"
)

// Outputs are what people and programs need next, by name: every output of the stack. A program of its own may export them too.
// Pulumi prints all outputs at the end of each update, and a list with all its lines. So what has a line for each host, cluster or
// probe is a secret: it is printed as one word, and is one command away.
func (f *Fleet) Outputs() pulumi.Map {
	s, m := f.Settings, f.Monitor.Host
	all := pulumi.Map{
		"monitor":      m.Address,
		"prometheus":   forward(s.Monitor, m.Address),
		"url":          pulumi.String(address(s.Monitor.Prometheus)),
		"summary":      summary(f),
		"targets":      pulumi.ToSecret(targets(f.Fleet)),
		"ledger":       pulumi.ToSecret(tunnelAddresses(s, f.addresses)),
		"matrix":       pulumi.ToSecret(f.Verification.Matrix),
		"verification": pulumi.ToSecret(f.Verification.Table),
	}
	if !s.Monitor.Prometheus.Agent {
		all["page"] = pulumi.String(loopback(s.Monitor.Prometheus) + page.Path)
	}
	if s.Monitor.Prometheus.Web.User != "" {
		all["password"] = password(s.Monitor, m.Address, prometheus.RootPassword)
	}
	if len(s.Allow) > 0 {
		all["edges"] = pulumi.String(picture(s.Allow))
	}
	if len(s.Pushgateway.Jobs) > 0 {
		all["pushgateway"] = pushing(s, f.Fleet)
	}
	if len(f.Clusters) > 0 {
		all["clusters"] = pulumi.ToSecret(clusters(s, f.Fleet))
		all["pushgateways"] = pushgateways(f.Fleet)
	}
	return all
}

// export makes the stack's outputs.
func export(ctx *pulumi.Context, f *Fleet) {
	for name, output := range f.Outputs() {
		ctx.Export(name, output)
	}
}

// summary is the fleet in a line: its size, and what was proved.
func summary(f *Fleet) pulumi.StringOutput {
	size := "monitor " + f.Monitor.Host.Name
	if f.Settings.Hub != nil {
		size += ", hub " + f.Settings.Hub.Name
	}
	size += fmt.Sprintf(", targets: %d", len(f.Settings.Targets))
	if n := len(f.Clusters); n > 0 {
		size += fmt.Sprintf(", clusters: %d", n)
	}
	return pulumi.Sprintf("%s; %s", size, f.Verification.Summary)
}

// forward is the command that makes Prometheus reachable on the operator's machine, at address. It opens a session too (no -N),
// because hosts close connections without one.
func forward(m settings.Monitor, address pulumi.StringOutput) pulumi.StringOutput {
	return pulumi.Sprintf("ssh -L %[1]d:127.0.0.1:%[1]d%[2]s", prometheus.Port, login(m, address))
}

// address is where a browser finds Prometheus while forward runs. With an external URL Prometheus would lead it from / to a page below the path of
// that, which is only the reverse proxy's.
func address(p settings.Prometheus) string {
	switch {
	case p.ExternalURL == "":
		return loopback(p)
	case p.Agent:
		return loopback(p) + "/agent"
	default:
		return loopback(p) + "/query"
	}
}

// loopback is where Prometheus listens, and a forwarded port leads.
func loopback(p settings.Prometheus) string {
	return fmt.Sprintf("%s://127.0.0.1:%d", p.Web.Scheme(), prometheus.Port)
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

// tunnelAddresses are who has which address of the tunnel's network.
func tunnelAddresses(s *settings.Settings, addresses ledger.Ledger) pulumi.Map {
	hosts := pulumi.Map{}
	for name, slot := range addresses.Hosts {
		hosts[name] = pulumi.String(ledger.Address(s.Network.V4, slot).String())
	}
	return pulumi.Map{"network": pulumi.String(s.Network.V4.String()), "hosts": hosts}
}
