// Package alertmanager renders what runs Alertmanager on the monitor: its configuration and its unit.
package alertmanager

import (
	"net"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/secrets"
	"github.com/promwire/promwire/provisioners/systemd"
)

const (
	// Name is the user and the binary.
	Name = "alertmanager"
	// Port is TCP: https://github.com/prometheus/prometheus/wiki/Default-port-allocations.
	Port = 9093
	// Service is its unit.
	Service = Name + ".service"
	// Folder has its files.
	Folder = "/etc/alertmanager"
	Config = Folder + "/alertmanager.yml"
	// WebConfig says who is let in, with Password, which root reads. AmtoolConfig lets root's amtool in.
	WebConfig    = Folder + "/web.yml"
	Password     = Folder + "/admin.password"
	AmtoolConfig = Folder + "/amtool.yml"
	// Secrets are those that Config reads.
	Secrets secrets.Folder = Folder + "/secrets"
	// Data has silences, and what was sent.
	Data = states + "/" + Name
	// states is where systemd makes a unit's StateDirectory.
	states = "/var/lib"

	host = "127.0.0.1"
)

// At is where Prometheus and people on the monitor reach it: host:port. Who reaches it, and has its password, can silence alerts: so it listens for
// nobody else.
var At = net.JoinHostPort(host, strconv.Itoa(Port))

// Unit is its unit. It sends notifications to wherever its receivers are, with links that begin with external, as prometheus.External takes it.
func Unit(external string) string {
	command := []string{
		release.Binaries + "/" + Name,
		"--config.file=" + Config,
		"--web.config.file=" + WebConfig,
		"--storage.path=" + Data,
		"--web.listen-address=" + At,
		"--cluster.listen-address=", // it is alone
		"--enable-feature=receiver-name-in-metrics",
	}
	command = append(command, prometheus.External(external)...)
	service := []string{
		"User=" + Name,
		"Group=" + Name,
		"ExecStart=" + strings.Join(command, " \\\n  "),
		"ExecReload=/bin/kill -HUP $MAINPID",
		"Restart=always",
		"RestartSec=3",
		"StateDirectory=" + Name,
		"StateDirectoryMode=0750",
		"MemoryHigh=15%",
		"MemoryMax=20%",
		"RemoveIPC=yes",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Alertmanager, of a fleet that nobody else can reach",
			"Documentation=https://prometheus.io/docs/alerting/latest/alertmanager/",
			"Wants=network-online.target",
			"After=network-online.target",
			"StartLimitIntervalSec=0",
		}},
		{Name: "Service", Lines: append(service, systemd.Sandbox()...)},
		{Name: "Install", Lines: []string{"WantedBy=multi-user.target"}},
	}.Render()
}
