package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/wireguard"
	"github.com/promwire/promwire/tests/lab/operator"
)

// existingHosts: the monitor, a target as root, one with sudo, and one without a public address behind a bastion.
var existingHosts = []string{"monitor-1", "web-1", "db-1", "cache-1"}

// monitorName is what the targets dial.
const monitorName = "monitor.example.net"

// TestExisting is the life of a fleet of machines that were there before, and stay.
func TestExisting(t *testing.T) {
	s := newStory(t, "existing")
	require.NoError(t, s.lab.Place(t.Context(), s.stack))
	// The lab's networks are others than those of the stack's file.
	s.edit(set("ssh", map[string]any{"from": []any{"198.18.0.0/15", "198.51.100.0/24", "192.168.0.0/16"}}))
	s.edit(opens(published))
	s.edit(func(fleet map[string]any) {
		monitor := fleet["monitor"].(map[string]any)
		monitor["open"], monitor["endpoint"] = []any{"8080/tcp"}, monitorName
	})
	var before map[string]inventory
	s.step("the machines are up, and in use", func(s *story) {
		for _, host := range existingHosts {
			s.eventually(func() error {
				_, err := s.on(host, "systemctl is-system-running --wait | grep -E 'running|degraded'")
				return err
			})
		}
		for _, host := range existingHosts { // at a boot cloud-init makes the file from the template
			s.mustOn(host, fmt.Sprintf("echo %s %s | tee -a /etc/hosts >>/etc/cloud/templates/hosts.debian.tmpl", s.address("monitor-1"), monitorName))
		}
		prepareInUse(s)
		before = s.inventories(existingHosts)
	})
	var prometheus ownersPrometheus
	s.step("the package of a Prometheus where the monitor is to be is refused, until its owner has removed it", func(s *story) {
		prometheus = refusedPrometheus(s)
	})
	s.step("a taken port of the monitor is named before anything is changed", func(s *story) {
		s.edit(set("targets", []any{})) // whose bad ones come next
		named, release := s.takePort("monitor-1", 9090)
		assert.Contains(s.t, s.upFails(), named+"prometheus.service needs it at 127.0.0.1")
		release()
		s.edits = s.edits[:len(s.edits)-1]
		_, err := s.on("monitor-1", "test -e /etc/systemd/system/prometheus.service || nft list table inet promwire")
		assert.Error(s.t, err)
	})
	s.step("a firewall of the monitor's owner that keeps targets out is named", blockedMonitor)
	s.step("each bad host is named, with what to do", badHosts)
	s.step("what is in use is named before anything is changed", refusedInUse)
	s.step("a taken port, a firewall that keeps the monitor out, and an exporter of the owner's, are named", blockedTargets)
	s.step("a held apt lock is waited for", heldLock)
	s.step("a second up changes nothing", func(s *story) {
		seen := s.connections(existingHosts...)
		s.noMissedScrape(func() { assertUnchanged(s.t, s.up()) })
		s.nothingDrifts()
		assert.Equal(s.t, seen, s.connections(existingHosts...))
		prometheus.stays(s)
	})
	s.step("a tunnel that starts with a former address of the monitor's", formerAddress)
	s.step("a machine that is on the list twice is refused, and stays what it is", listedTwice)
	s.step("published ports obey open", publishedObey)
	s.step("what owners add later", ownersAdd)
	s.step("owners' programs and machines start again", restarts)
	s.step("commands that are replaced leave all as it was", replacedCommands)
	s.step("a machine of another fleet is refused", foreignMachine)
	s.step("people allow edges", allowedEdges)
	s.step("nobody else gets in", func(s *story) {
		tunnels, web4 := s.tunnels(), []end{tcp(s.address("web-1"), 80)}
		web := append(slices.Clone(web4), tcp(s.address6("web-1"), 80)) // open, says the stack's file
		s.firewall(existingHosts, append([]int{80}, closedPorts...), map[string][]end{
			"operator": web, "router": web, "db-1": append(slices.Clone(web), tcp(tunnels["monitor-1"], 9090)),
			"cache-1":   append(slices.Clone(web4), tcp(tunnels[edgeTo], edgePort)), // which has no IPv6
			"monitor-1": append(web, tcp(tunnels["web-1"], 9100), tcp(tunnels["db-1"], 9100), tcp(tunnels["cache-1"], 9100)),
		})
	})
	s.step("edges go", edgesGo)
	s.step("destroy leaves all as it was", func(s *story) {
		prometheus.stays(s)
		s.destroy()
		prometheus.stays(s)
		prometheus.returns(s)
		afterwards(s)
		s.asBefore(before)
	})
}

// formerAddress: a boot takes the address that the monitor's name had at the last update. If it is another one, the name is looked up again.
func formerAddress(s *story) {
	assert.NotContains(s.t, s.mustOn("web-1", "cat "+wireguard.Config), monitorName)
	s.fault("the monitor's name had another address at the last update", "a boot", healed, func() {
		s.mustOn("web-1", fmt.Sprintf("sed -i 's/^Endpoint = .*:/Endpoint = %s:/' %s && systemctl restart %s",
			s.address("db-1"), wireguard.Config, wireguard.Unit))
	}, func() {
		s.eventually(func() error {
			_, err := s.on("web-1", fmt.Sprintf("wg show %s endpoints | grep -F %s:", wireguard.Name, s.address("monitor-1")))
			return err
		})
		s.allUp(s.tunnels())
	})
	s.mustOn("web-1", fmt.Sprintf("sed -i 's/^Endpoint = .*:/Endpoint = %s:/' %s", s.address("monitor-1"), wireguard.Config))
}

// badHosts: a machine that can't prove itself, one with a full disk, and one whose own network is the tunnel's. Each fails by
// itself; none keeps the others from being reported.
func badHosts(s *story) {
	s.fault("another host key, a full disk, the tunnel's network taken", "first up", named, func() {
		s.edit(targets(func(list []any) []any {
			list[0].(map[string]any)["hostKey"] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOt01M/BwPhLYs4uP02LdymbeOKLkCiFIu3oBAEBYaY2"
			return list
		}))
		s.mustOn("db-1", "mkdir -p /opt/promwire && mount -t tmpfs -o size=1m tmpfs /opt/promwire")
		s.mustOn("cache-1", "ip address add 10.98.0.77/24 dev lo")
	}, func() {
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })

		assert.Contains(s.t, printed, "web-1-bootstrap")
		assert.Contains(s.t, printed, "host key mismatch")
		assert.Contains(s.t, printed, "promwire: db-1: converge:")
		assert.Contains(s.t, printed, "/opt")
		assert.Contains(s.t, printed, "promwire: cache-1: bootstrap:")
		assert.Contains(s.t, printed, "10.98.0")
		_, err := s.on("web-1", "test -e /etc/wireguard/promwire0.key")
		assert.Error(s.t, err, "nothing was done on a machine that could not prove itself")
	})
	s.edits = s.edits[:len(s.edits)-1]
	s.mustOn("db-1", "umount /opt/promwire && rmdir /opt/promwire")
	s.mustOn("cache-1", "ip address del 10.98.0.77/24 dev lo")
}

// takePort starts a program of the owner's where promwire needs the port, and returns how the operator reads of it. release ends it.
func (s *story) takePort(host string, port int) (named string, release func()) {
	s.mustOn(host, fmt.Sprintf(`systemd-run --collect --unit=taken python3 -m http.server %[1]d
		until ss -Hltn 'sport = :%[1]d' | grep -q .; do sleep 0.1; done`, port))
	pid := s.mustOn(host, "systemctl show -P MainPID taken")
	return fmt.Sprintf("promwire: %s: converge: port %d is held by python3, pid %s, of taken.service, and ", host, port, pid),
		func() { s.mustOn(host, "systemctl stop taken") }
}

// replacedCommands: Pulumi undoes the former commands after it has made the new ones.
func replacedCommands(s *story) {
	keys := func() (all []string) {
		for _, host := range existingHosts {
			all = append(all, s.mustOn(host, "sha256sum /etc/wireguard/promwire0.key"))
		}
		return all
	}
	before, made := keys(), s.resources()
	s.fault("three commands replaced", "an update", "well all the time", nothing, func() {
		var changes map[string]int
		s.noMissedScrape(func() {
			changes = s.up(func(o *operator.Options) {
				for _, name := range []string{"web-1-enrol", "db-1-bootstrap", "monitor-1-bootstrap"} {
					o.Replace = append(o.Replace, made[name].URN)
				}
			})
		})
		assert.Equal(s.t, 3, changes["replace"], changes)
		assert.Equal(s.t, before, keys())
		assert.Equal(s.t, "0", s.mustOn("monitor-1", "cat /var/lib/promwire/former/* | sort -u"), "undos that are still to come")
	})
	assertUnchanged(s.t, s.up())
}

// listedTwice: web-1 is there again, by another name and another way. Who takes that one off the list again changes nothing on the machine.
func listedTwice(s *story) {
	tunnels := s.tunnels()
	s.edit(targets(func(list []any) []any {
		twice := maps.Clone(list[0].(map[string]any))
		twice["name"], twice["bastion"] = "web-2", list[2].(map[string]any)["bastion"]
		return append(list, twice)
	}))
	printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
	s.edits = s.edits[:len(s.edits)-1]
	assert.Contains(s.t, printed, "web-2-enrol")
	assert.Contains(s.t, printed, "web-2-converge")
	assert.Contains(s.t, printed, "web-2 and web-1 have the same WireGuard key; if both are one machine, take one of them off the list")
	s.allUp(tunnels)
	s.up()
	assert.Equal(s.t, "web-1", s.mustOn("web-1", "cat /var/lib/promwire/host"))
	s.allUp(tunnels)
	assertUnchanged(s.t, s.up())
}

// foreignMachine: another fleet has the machine, as its record there says.
func foreignMachine(s *story) {
	const record = "/var/lib/promwire/fleet"
	s.fault("a machine of another fleet", "an update", named, func() {
		s.mustOn("cache-1", "cp "+record+" "+record+".kept && echo other-prod target >"+record)
	}, func() {
		printed := s.upFails(func(o *operator.Options) { o.Replace = []string{s.resources()["cache-1-bootstrap"].URN} })
		assert.Contains(s.t, printed, "promwire: cache-1: bootstrap: it is the host cache-1 of the fleet other-prod; remove it there")
	})
	s.mustOn("cache-1", "mv "+record+".kept "+record)
	assertUnchanged(s.t, s.up())
	s.allUp(s.tunnels())
}

// heldLock holds dpkg's lock as another apt would, and lets go of it once the update waits for it.
func heldLock(s *story) {
	s.fault("dpkg's lock held", "first up", "waited for", func() {
		s.mustOn("cache-1", "apt-get remove -y -qq wireguard-tools")
		s.mustOn("cache-1", `systemd-run --collect --unit=hold-apt perl -e '
		use Fcntl; open(F, ">>", "/var/lib/dpkg/lock-frontend") or die;
		$lock = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die;
		open(H, ">", "/run/hold-apt") or die; sleep 3600'`)
		// Asked too early, apt would install what the update is to wait for.
		s.eventually(func() error {
			_, err := s.on("cache-1", "test -e /run/hold-apt")
			return err
		})
		s.mustOn("cache-1", "! apt-get -o DPkg::Lock::Timeout=0 install -y -qq wireguard-tools && rm /run/hold-apt")
	}, func() {
		ctx, cancel := context.WithCancel(s.t.Context())
		waited := make(chan bool, 1)
		go func() {
			const letGo = "pgrep -x apt-get >/dev/null && systemctl stop hold-apt"
			for ctx.Err() == nil {
				if _, err := s.lab.Machines.Exec(ctx, "cache-1", "bash", "-c", letGo); err == nil {
					waited <- true
					return
				}
			}
			waited <- false
		}()
		s.up()
		cancel()
		assert.True(s.t, <-waited, "the update never waited for the lock")
		s.allUp(s.tunnels())
	})
}
