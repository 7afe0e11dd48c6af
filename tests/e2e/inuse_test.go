package e2e

import (
	_ "embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/operator"
)

// Machines that are in use: Docker, ufw, firewalld, fail2ban, keepalived, another VPN, an owner's tables and files. A fleet closes them, and
// leaves all of that as it is.

//go:embed inuse.sh
var inUseScript string

// published are what the owners serve: a shop, another VPN, a container's published port, and an address that two hosts share.
var published = map[string][]any{
	"web-1":   {"80/tcp", "443/tcp", "8443/tcp", "51900/udp", "vrrp"},
	"db-1":    {"8080/tcp", "vrrp", through("8082/tcp", "docker0"), through("8083/tcp", "eth0"), through("8084/tcp", "br-*")},
	"cache-1": {"8080/tcp", through("8082/tcp", "docker0"), through("8083/tcp", "eth0")},
}

func through(port, device string) map[string]any {
	return map[string]any{"port": port, "interface": device}
}

// prepareInUse makes the machines those of owners.
func prepareInUse(s *story) {
	others := map[string]string{"web-1": "db-1", "db-1": "web-1"}
	var prepare []func() error
	for _, host := range existingHosts {
		words := []string{host}
		if other, ok := others[host]; ok {
			words = append(words, s.address(host), s.address(other))
		}
		prepare = append(prepare, func() error {
			_, err := s.on(host, "set -- "+strings.Join(words, " ")+"\n"+inUseScript)
			return err
		})
	}
	require.NoError(s.t, together(prepare))
	s.ownersGoOn()
}

// opens edits what a target serves for others.
func opens(open map[string][]any) operator.Edit {
	return targets(func(list []any) []any {
		for _, t := range list {
			t := t.(map[string]any)
			delete(t, "open")
			if ports, ok := open[t["name"].(string)]; ok {
				t["open"] = slices.Clone(ports)
			}
		}
		return list
	})
}

// ownersGoOn sees that all that the owners had works.
func (s *story) ownersGoOn() {
	s.t.Helper()
	wants := []struct{ host, command, printed string }{
		{"web-1", "cat /sys/class/net/office0/carrier; ip -brief -4 address show office0 | awk '{ print $3 }'", "1\n10.97.1.1/24"},
		{"web-1", "nft list chain inet shop input | grep -c 'tcp dport 8444'", "1"},
		{"web-1", "stat -c '%a %U:%G' /etc/wireguard; stat -c '%a %U:%G' /etc/wireguard/office0.key", "750 root:systemd-network\n640 root:systemd-network"},
		{"web-1", "ip -brief address show to 10.97.0.9", ""},
		{"db-1", "ip -brief address show to 10.97.0.9 | awk '{ print $1 }'", "lo"},
		{"db-1", "docker ps --format '{{.Names}} {{.State}}' | grep shop", "shop running"},
		{"db-1", "fail2ban-client get sshd banip && nft list ruleset 2>/dev/null | grep -c 'saddr 203.0.113.9'", "203.0.113.9\n1"},
		{"cache-1", "ufw status | head -n 1", "Status: active"},
		{"cache-1", "docker ps --format '{{.Names}} {{.State}}' | grep shop", "shop running"},
		{"monitor-1", "docker ps --format '{{.Names}} {{.State}}' | grep shop", "shop running"},
		{"monitor-1", "firewall-cmd --zone=public --list-ports || { journalctl --boot --unit firewalld --no-pager | tail -n 20 >&2; false; }", "51820/udp"},
	}
	for _, want := range wants {
		s.eventually(func() error {
			printed, err := s.on(want.host, want.command)
			if err == nil && printed != want.printed {
				err = fmt.Errorf("%s: %s: %q, wanted %q", want.host, want.command, printed, want.printed)
			}
			return err
		})
	}
	db, web := "http://"+s.address("db-1")+":8080/", "http://"+s.address("web-1")+":8443/"
	s.eventually(func() error {
		const asks = "docker exec shop /bin/busybox wget -qO- "
		_, err := s.on("db-1", asks+web+" | grep 'what the shop says'")
		_, byUFW := s.on("cache-1", asks+web+" | grep 'what the shop says'")
		return errors.Join(err, byUFW, s.says(db, "what a container says\n"), s.says(web, "what the shop says\n"))
	})
}

// says is an error as long as a URL does not say this to the operator.
func (s *story) says(url, want string) error {
	said, err := here(s.t.Context(), "curl", "--silent", "--show-error", "--max-time", "5", url)
	if err == nil && string(said) != want {
		err = fmt.Errorf("%s says %q", url, said)
	}
	return err
}

// refusedInUse: what would be cut off is named with the lines to add, and nothing is closed.
func refusedInUse(s *story) {
	s.edit(opens(nil))
	printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
	s.edits = s.edits[:len(s.edits)-1]
	for host, lines := range map[string][]string{
		"web-1":   {"  - 8443/tcp # python3", "  - 51900/udp # WireGuard office0", "  - vrrp # keepalived"},
		"db-1":    {"  - 8080/tcp # docker-proxy, passed on to 172.17.0.2", "  - vrrp # keepalived"},
		"cache-1": {"  - 8080/tcp # docker-proxy, passed on to 172.17.0.2"},
	} {
		assert.Contains(s.t, printed, fmt.Sprintf("promwire: %s: converge: it serves what the firewall would cut off; nothing was closed", host))
		for _, line := range lines {
			assert.Contains(s.t, printed, line, host)
		}
	}
	for _, host := range []string{"web-1", "db-1", "cache-1"} {
		_, err := s.on(host, "test -e /etc/systemd/system/node_exporter.service || nft list table inet promwire")
		assert.Error(s.t, err, host)
	}
	s.ownersGoOn()
}

// blockedMonitor: firewalld does not admit what the targets dial.
func blockedMonitor(s *story) {
	s.fault("firewalld drops what targets dial", "first up", named, func() { s.mustOn("monitor-1", "firewall-cmd --remove-port=51820/udp") }, func() {
		s.edit(set("targets", []any{}))
		printed := s.upFails()
		s.edits = s.edits[:len(s.edits)-1]
		assert.Contains(s.t, printed, "promwire: monitor-1: converge: another firewall would drop 51820/udp, which promwire needs: table inet firewalld")
		assert.Contains(s.t, printed, "run firewall-cmd --permanent --add-port=51820/udp and firewall-cmd --reload")
	})
	s.mustOn("monitor-1", "firewall-cmd --permanent --add-port=51820/udp && firewall-cmd --reload")
}

// blockedTargets: something listens where an exporter is to, ufw does not admit the monitor, and the owner has an exporter of his own in the
// place of promwire's.
func blockedTargets(s *story) {
	port, release := s.takePort("web-1", 9100)
	defer release()
	const unit = "/etc/systemd/system/node_exporter.service"
	s.fault("a taken port, ufw drops the monitor, an exporter of the owner's", "first up", named, func() {
		s.mustOn("cache-1", "ufw delete allow in on promwire0")
		s.mustOn("db-1", "printf '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n' >"+unit+" && systemctl enable --now node_exporter")
	}, func() {
		running := s.mustOn("db-1", "sha256sum "+unit+" && systemctl show -P MainPID -P UnitFileState node_exporter")
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
		assert.Contains(s.t, printed, port+"node_exporter.service needs it at 10.98.0.")
		assert.Contains(s.t, printed, "promwire: cache-1: converge: another firewall would drop 9100/tcp, which promwire needs: table ip filter, chain ")
		assert.Contains(s.t, printed, "run ufw allow in on promwire0")
		assert.Contains(s.t, printed, "promwire: db-1: converge: "+unit+" exists already and is not promwire's")
		assert.Equal(s.t, running, s.mustOn("db-1", "sha256sum "+unit+" && systemctl show -P MainPID -P UnitFileState node_exporter"))
	})
	s.mustOn("db-1", "systemctl disable --now node_exporter && rm "+unit+" && systemctl daemon-reload")
	s.mustOn("cache-1", "ufw allow in on promwire0")
}

// ownersAdd: what owners put beside promwire's after the machines joined stays, see ownersAdded.
func ownersAdd(s *story) {
	for host, path := range ownersAdded {
		s.mustOn(host, "install -D -m 644 /dev/stdin "+path+" <<<'# of the owner'")
	}
}

var ownersAdded = map[string]string{
	"monitor-1": "/etc/prometheus/rules.d/own.yml",
	"db-1":      "/etc/systemd/system/node_exporter.service.d/own.conf",
	"cache-1":   "/var/lib/node_exporter/textfile/own.prom",
}

// afterwards: all goes on without the fleet too, and nothing is closed any more. Then the owners remove what they added meanwhile.
func afterwards(s *story) {
	late := []end{tcp(s.address("db-1"), 8081), tcp(s.address6("db-1"), 8081)}
	s.reaches("operator", here, late, late)
	late = []end{tcp(s.address("cache-1"), 8081)}
	s.reaches("router", s.router, late, late)
	removeContainers(s)
	s.ownersGoOn()
	ownersKeep(s)
}

// ownersKeep sees that the files of ownersAdded are there, and named if they keep a folder of promwire's; then the owners remove them.
func ownersKeep(s *story) {
	for host, path := range ownersAdded {
		assert.Equal(s.t, "644 # of the owner", s.mustOn(host, "echo $(stat -c %a "+path+") $(cat "+path+")"), host)
		folder := filepath.Dir(path)
		if host != "db-1" { // where the folder is the owner's, too
			assert.Contains(s.t, s.mustOn(host, "journalctl --identifier promwire --output cat"), folder+" stays, because", host)
		}
		s.mustOn(host, "rm "+path+" && rmdir --parents --ignore-fail-on-non-empty "+folder)
	}
}

// ownersPrograms are the units that start again, by host; ufw does so after Docker.
var ownersPrograms = map[string][]string{
	"monitor-1": {"firewalld", "docker"}, "web-1": {"nftables", "keepalived", "office-vpn", "shop"}, "db-1": {"docker", "fail2ban", "keepalived"}, "cache-1": {"docker"},
}

// restarted: a program of the owner's starts again, and all is well after that.
func (s *story) restarted(host, unit string, well func()) {
	s.t.Helper()
	s.fault(unit+" of "+host+" restarted", "at rest", healed, func() { s.mustOn(host, "systemctl restart "+unit) }, well)
}

// allUpAsBefore: what owners have goes on, and so does scraping.
func (s *story) allUpAsBefore() {
	s.t.Helper()
	for _, host := range existingHosts {
		s.eventually(func() error { // nftables.service removes all tables
			_, err := s.on(host, "nft list table inet promwire")
			return err
		})
	}
	s.containersRun()
	s.ownersGoOn()
	s.allUp(s.tunnels())
}

// restarts: every program of the owners', and then every machine, starts again. Scraping goes on, and so does all else.
func restarts(s *story) {
	for _, host := range existingHosts {
		for _, unit := range ownersPrograms[host] {
			s.restarted(host, unit, s.allUpAsBefore)
		}
	}
	s.publishedObeys()
	s.restarted("cache-1", "ufw", s.publishedBesideUFW) // after Docker; at a boot it is the other way round
	s.fault("power lost on all machines of owners", "a boot", healed, func() {
		for _, host := range existingHosts {
			require.NoError(s.t, s.lab.Machines.PowerOff(s.t.Context(), s.machine(host)))
		}
	}, func() {
		for _, host := range existingHosts { // one after the other: four boots at once are more load than any of their owners' programs expects
			require.NoError(s.t, s.lab.Machines.PowerOn(s.t.Context(), s.machine(host)))
			s.eventually(func() error {
				_, err := s.on(host, "systemctl is-system-running --wait | grep -E 'running|degraded'")
				return err
			})
		}
		s.allUpAsBefore()
		s.publishedObeys()
	})
	s.becomes(`shop_stock{name="web-1"}`, 3)
	assertUnchanged(s.t, s.up())
}
