package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/version"
	"github.com/promwire/promwire/tests/lab/operator"
)

var fleetHosts = []string{"monitor-1", "node-1", "node-2", "node-3"}

// TestFleet is the life of a fleet of droplets.
func TestFleet(t *testing.T) {
	s := newStory(t, "lab")
	var pending trial
	s.step("from nothing to all up", fromNothing)
	s.step("few connections, few resources", fewConnections)
	s.step("a second up changes nothing", secondUp)
	s.step("a preview says what an update does to which host", looksAhead)
	s.step("a protected host stays", protected)
	s.step("dashboards show the fleet", dashboardsShow)
	s.step("Grafana's key leads to Prometheus only", grafanaReaches)
	s.step("links of alerts lead to a reverse proxy", proxied)
	s.step("nobody else gets in", nobodyElse)
	s.step("a monitor that forwards is noticed", openForward)
	s.step("secrets stay on their hosts", secretsStay)
	s.step("a converge that runs again changes nothing", convergeAgain)
	s.step("what breaks comes back", comesBack)
	s.step("alerts name the cause", causesNamed)
	s.step("a target more", targetMore)
	s.step("the middle target less", targetLess)
	s.step("a droplet that replaces another has a key of its own", replacedDroplet)
	s.step("what a lost state leaves on the monitor is named, then removed", lostState)
	s.step("a failed update, then other settings", failedUpdate)
	s.step("a firewall that would lock the operator out", lockout)
	s.step("a firewall that nobody can confirm", func(s *story) { pending = unconfirmed(s) })
	s.step("a broken tunnel opens nothing", brokenTunnel) // in the minute that the former takes
	s.step("the host goes back by itself", func(s *story) { wentBack(s, pending) })
	s.step("a download with a wrong checksum", wrongChecksum)
	s.step("a host that is down is named, with the cause", hostDown)
	s.step("destroy leaves nothing", leavesNothing)
}

func fromNothing(s *story) {
	var screen bytes.Buffer
	s.up(func(o *operator.Options) { o.Progress = io.MultiWriter(o.Progress, &screen) })
	_, end, _ := strings.Cut(screen.String(), "Outputs:")
	assert.Contains(s.t, end, "monitor monitor-1, targets: 3; probes as expected: ")
	assert.Regexp(s.t, `matrix +: \[secret\]`, end)
	assert.Less(s.t, strings.Count(end, "\n"), 20, end)
	assert.Equal(s.t, map[string]string{
		"monitor-1": "10.98.0.1", "node-1": "10.98.0.2", "node-2": "10.98.0.3", "node-3": "10.98.0.4",
	}, s.tunnels())
	s.allUp(s.tunnels())
	assert.Len(s.t, s.output("targets"), 3)
	assert.Contains(s.t, s.output("prometheus"), "ssh -L 9090:127.0.0.1:9090")
	assert.Equal(s.t, "http://127.0.0.1:9090/user/", s.output("page"))
	assert.Contains(s.t, s.mustOn("monitor-1", "curl -s http://127.0.0.1:9090/user/"), "<title>Fleet</title>")
	for _, row := range s.output("matrix").([]any) {
		row := row.(map[string]any)
		assert.Equal(s.t, row["expected"], row["seen"], row)
	}
	table := s.output("verification").(string)
	for _, line := range []string{"operator", "other hosts", "9090", "closed"} {
		assert.Contains(s.t, table, line)
	}
}

// fewConnections: at most four for a target, one of them to the monitor, and four for the monitor itself.
func fewConnections(s *story) {
	seen := s.connections(fleetHosts...)
	assert.LessOrEqual(s.t, seen["monitor-1"], 4+3, "four of its own and one for each target")
	for _, target := range fleetHosts[1:] {
		assert.LessOrEqual(s.t, seen[target], 3, target)
		assert.Positive(s.t, seen[target], target)
	}
	s.smallState(fleetHosts...)
}

// What one host may take of the state: the bytes that were measured, with certificates, and a few percent more. A backend that writes the
// whole state at each step pays for the square of it.
const (
	targetBytes  = 79_000
	monitorBytes = 70_000
)

// smallState holds hosts, of which the first is the monitor, to the resources and the bytes of state that one may take.
func (s *story) smallState(hosts ...string) {
	s.t.Helper()
	state, err := s.lab.Operator.Export(s.t.Context(), s.stack)
	require.NoError(s.t, err)
	shares, err := operator.Shares(state, hosts...)
	require.NoError(s.t, err)
	limit := monitorBytes
	for _, host := range hosts {
		s.t.Logf("%s: %d resources, %d bytes of state", host, shares[host].Resources, shares[host].Bytes)
		assert.LessOrEqual(s.t, shares[host].Resources, 6, host)
		assert.Positive(s.t, shares[host].Resources, host)
		assert.LessOrEqual(s.t, shares[host].Bytes, limit, host)
		limit = targetBytes
	}
}

func secondUp(s *story) {
	before := s.connections(fleetHosts...)
	s.noMissedScrape(func() { assertUnchanged(s.t, s.up(func(o *operator.Options) { o.ExpectNoChanges = true })) })
	assert.Equal(s.t, before, s.connections(fleetHosts...), "an unchanged update opens no connection")
}

// closedPorts are what the fleet's programs listen on, and one that none does.
var closedPorts = []int{9090, 9100, 7777}

// nobodyElse tries what the program's own verification tries, and more, with tools of its own.
func nobodyElse(s *story) {
	tunnels := s.tunnels()
	s.firewall(fleetHosts, append([]int{fence.Port}, closedPorts...), map[string][]end{"monitor-1": {
		tcp(tunnels["node-1"], 9100), tcp(tunnels["node-2"], 9100), tcp(tunnels["node-3"], 9100),
		tcp(tunnels["node-1"], fence.Port), tcp(tunnels["node-2"], fence.Port), tcp(tunnels["node-3"], fence.Port),
	}})
	node1 := "http://" + tunnels["node-1"] + ":9100/metrics"
	assert.Equal(s.t, 0, s.curlOn("monitor-1", node1), "the monitor gets in through the tunnel")
	status := s.curlOn("monitor-1", node1, "--interface", s.address("monitor-1"))
	assert.True(s.t, refused(status), "the monitor from its public address: curl says %d", status)
	// A target that turns on the fleet: it sends whatever it likes into the tunnel, and asks the monitor to forward it.
	s.mustOn("node-2", "wg set promwire0 peer $(wg show promwire0 peers) allowed-ips 10.98.0.0/24")
	s.mustOn("node-2", "ping -c 1 -W 5 -I promwire0 10.98.0.1")
	status = s.curlOn("node-2", node1, "--interface", "promwire0")
	assert.True(s.t, refused(status), "a rogue target through the monitor: curl says %d", status)
	s.mustOn("node-2", "wg set promwire0 peer $(wg show promwire0 peers) allowed-ips 10.98.0.1/32")
}

// openForward: a rule in front of the monitor's admits everything from one end of the tunnel to another, and its watch does not remove it.
func openForward(s *story) {
	s.fault("a monitor that forwards", "an update", named, func() {
		s.mustOn("monitor-1", "systemctl stop promwire-watch.timer promwire-watch.service && nft insert rule inet promwire forward accept")
	}, func() {
		s.edit(set("verification", map[string]any{"again": "forward"}))
		printed := s.upFails()
		assert.Contains(s.t, printed, "seen differs from expected")
		assert.Regexp(s.t, `an end of the tunnel\tanother, through monitor-1\t10\.98\.0\.3\t9100\tclosed\topen`, printed)
		assert.Regexp(s.t, `an end of the tunnel\tanother, through monitor-1\t2001:db8::3\t9100\tclosed\topen`, printed)
	})
	s.mustOn("monitor-1", "systemctl start promwire-watch.timer && systemctl start promwire-watch.service")
	assert.NotContains(s.t, s.mustOn("monitor-1", "ip -oneline link"), "veth")
	s.up()
}

func secretsStay(s *story) {
	places := map[string]string{"the state": s.state()}
	log, err := os.ReadFile(s.lab.Folder.Logs() + "/daemon.log")
	require.NoError(s.t, err)
	places["the lab's log"] = string(log)
	for _, host := range fleetHosts {
		places["the journal of "+host] = s.mustOn(host, "journalctl --no-pager --output=cat | tail -c 4000000")
		assert.Equal(s.t, "600 root", s.mustOn(host, "stat -c '%a %U' /etc/wireguard/promwire0.key"))
	}
	secrets := map[string]string{"the operator's key": strings.Split(string(s.lab.Operator.Key), "\n")[2], "the token": s.lab.Endpoint.Token}
	for _, host := range fleetHosts {
		secrets["the WireGuard key of "+host] = s.mustOn(host, "cat /etc/wireguard/promwire0.key")
		// What a local user of the droplet can read, the metadata, does not help: the host key in it is retired.
		assert.Equal(s.t, "ssh_host_ed25519_key", s.mustOn(host, "cd /etc/ssh && ls ssh_host_*_key"), host)
	}
	for what, secret := range secrets {
		require.Greater(s.t, len(secret), 20, what)
		for where, text := range places {
			assert.NotContains(s.t, text, secret, "%s is in %s", what, where)
		}
	}
}

func convergeAgain(s *story) {
	resources := s.resources()
	var said io.Writer
	s.noMissedScrape(func() {
		s.up(func(o *operator.Options) {
			said = o.Progress
			o.Replace = []string{resources["node-1-converge"].URN, resources["monitor-1-converge"].URN}
		})
	})
	assert.Contains(s.t, fmt.Sprint(said), "promwire "+version.Release, "an update says which promwire it is")
	for _, host := range []string{"node-1", "monitor-1"} {
		var receipt struct {
			Changed  []string
			Versions map[string]string
		}
		text := s.resources()[host+"-converge"].Outputs["stdout"].(string)
		require.NoError(s.t, json.Unmarshal([]byte(text), &receipt), text)
		assert.Empty(s.t, receipt.Changed, host)
		assert.Equal(s.t, version.Release, receipt.Versions["promwire"], host)
	}
}

// touchesOnly runs an update and sees which of the hosts that stay it connected to.
func (s *story) touchesOnly(update func(), touched ...string) {
	s.t.Helper()
	before := s.connections(fleetHosts...)
	update()
	staying := maps.Clone(before)
	maps.DeleteFunc(staying, func(host string, _ int) bool { _, there := s.tunnels()[host]; return !there })
	for host := range staying {
		now := s.connections(host)[host]
		if slices.Contains(touched, host) {
			assert.Greater(s.t, now, before[host], host)
		} else {
			assert.Equal(s.t, before[host], now, "%s has nothing to do with it", host)
		}
	}
}

func targetMore(s *story) {
	s.edit(with("node-4", "ams3"))
	s.touchesOnly(func() { s.noMissedScrape(func() { s.up() }) }, "monitor-1")
	want := map[string]string{
		"monitor-1": "10.98.0.1", "node-1": "10.98.0.2", "node-2": "10.98.0.3", "node-3": "10.98.0.4", "node-4": "10.98.0.5",
	}
	assert.Equal(s.t, want, s.tunnels())
	s.allUp(want)
}

func targetLess(s *story) {
	s.edit(without("node-2"))
	s.touchesOnly(func() { s.noMissedScrape(func() { s.up() }) }, "monitor-1")
	want := map[string]string{"monitor-1": "10.98.0.1", "node-1": "10.98.0.2", "node-3": "10.98.0.4", "node-4": "10.98.0.5"}
	assert.Equal(s.t, want, s.tunnels())
	s.allUp(want)
	assert.NotContains(s.t, s.mustOn("monitor-1", "wg show promwire0 allowed-ips"), "10.98.0.3/32")
	assert.NotContains(s.t, s.mustOn("monitor-1", "ls /etc/prometheus/targets.d /etc/wireguard/promwire0.d"), "node-2")
	assertUnchanged(s.t, s.up())
}

// replacedDroplet: the operator replaces a droplet. Its first connection pins a key that local users of the former one could not read.
func replacedDroplet(s *story) {
	const userData = "grep ecdsa_public /var/lib/cloud/instance/user-data.txt"
	before, tunnels := s.mustOn("node-1", userData), s.tunnels()
	s.fault("a droplet replaced", "an update", "well after that up", nothing, func() {
		s.up(func(o *operator.Options) { o.Replace = []string{s.resources()["node-1-droplet"].URN} })
		s.replaced("node-1")
		assert.Equal(s.t, tunnels, s.tunnels())
		s.allUp(tunnels)
	})
	after := s.mustOn("node-1", userData)
	assert.Contains(s.t, after, "ecdsa-sha2-nistp256")
	assert.NotEqual(s.t, before, after)
	assertUnchanged(s.t, s.up())
}

// lostState: a host of a state that was lost is a peer of the monitor, and scraped, and one more peer is only in the running tunnel. The name
// of the one begins as a target's.
func lostState(s *story) {
	const left = `ls /etc/prometheus/targets.d /etc/wireguard/promwire0.d | grep -F node-10; wg show promwire0 allowed-ips | grep -oE '10\.98\.0\.7[78]' | sort; true`
	s.fault("a lost state left hosts on the monitor", "an update", "named, then removed as told", func() {
		s.mustOn("monitor-1", `. /usr/local/lib/promwire/lib.sh; begin monitor-1 test
		key() { wg genkey | wg pubkey; }
		printf '[Peer]\nPublicKey = %s\nAllowedIPs = 10.98.0.77/32\n' "$(key)" | put /etc/wireguard/promwire0.d/peer-node-10.conf 600
		sed 's/node-1"/node-10"/; s/10\.98\.0\.2:/10.98.0.77:/' /etc/prometheus/targets.d/node-1.node.json | put /etc/prometheus/targets.d/node-10.node.json 644
		join_parts
		wg set promwire0 peer "$(key)" allowed-ips 10.98.0.78/32`)
		require.Equal(s.t, "node-10.node.json\npeer-node-10.conf\n10.98.0.77\n10.98.0.78", s.mustOn("monitor-1", left))
	}, func() {
		s.edit(set("verification", map[string]any{"again": "after the state was lost"}))
		printed := s.upFails()
		for _, line := range []string{
			"promwire: monitor-1: verify: the monitor has what is of no host and no cluster of this stack:",
			"node-10: peer at 10.98.0.77/32", "node-10: scraped by /etc/prometheus/targets.d/node-10.node.json", "=: peer at 10.98.0.78/32, without a file",
			"set verification.removeUnknown: true",
		} {
			assert.Contains(s.t, printed, line)
		}
		assert.NotContains(s.t, printed, "node-1: ")
		s.edit(set("verification", map[string]any{"removeUnknown": true}))
		s.up()
		assert.Empty(s.t, s.mustOn("monitor-1", left))
		s.allUp(s.tunnels())
	})
	assertUnchanged(s.t, s.up())
}

// failedUpdate: two targets more, of which one can't be made; then other settings. No address may move, and the one that was
// given in the failed run stays given.
func failedUpdate(s *story) {
	want := map[string]string{
		"monitor-1": "10.98.0.1", "node-1": "10.98.0.2", "node-3": "10.98.0.4", "node-4": "10.98.0.5", "node-5": "10.98.0.7",
	}
	s.fault("a droplet that can't be made", "an update", mended, func() {
		s.edit(with("node-5", "sfo3"))
		s.edit(targets(func(list []any) []any {
			return append([]any{map[string]any{"name": "node-6", "region": "lon1", "size": "s-no-such-size"}}, list...)
		}))
	}, func() {
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
		assert.Contains(s.t, printed, "node-6")
		s.allUp(want) // one bad host is one bad host
		s.edit(without("node-6"))
		s.edit(with("node-7", "sgp1"))
		s.up()
		want["node-7"] = "10.98.0.8"
		assert.Equal(s.t, want, s.tunnels())
		s.allUp(want)
	})
	s.edit(without("node-4", "node-5", "node-7"))
	s.up()
	s.allUp(s.tunnels())
}

// rules are a host's firewall as it is loaded.
func (s *story) rules(host string) string {
	s.t.Helper()
	return s.mustOn(host, "nft --stateless list table inet promwire")
}

// lockout: each host refuses a firewall that would keep out who loads it, and goes on with the one that it has. The firewall admits somebody
// else, the monitor, who connects all the time: that proves nothing.
func lockout(s *story) {
	before := map[string]string{}
	var knock strings.Builder
	for host := range s.tunnels() {
		fmt.Fprintf(&knock, "timeout 1 bash -c 'exec 3<>/dev/tcp/%s/22' || true; ", s.address(host))
	}
	s.mustOn("monitor-1", fmt.Sprintf(`systemd-run --quiet --unit=e2e-knock bash -c "while :; do %ssleep 0.2; done"`, knock.String()))
	for host := range s.tunnels() {
		before[host] = s.rules(host)
	}
	s.fault("a firewall that would lock the operator out", "an update", unchanged, func() {
		s.edit(set("ssh", map[string]any{"from": []any{s.address("monitor-1") + "/32"}}))
	}, func() {
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
		from := s.lab.Machines.Network().OperatorV4
		for host, rules := range before {
			want := fmt.Sprintf("promwire: %s: converge: the new firewall does not admit this connection (from %s to port 22), and was rolled back", host, from)
			assert.Contains(s.t, printed, want)
			assert.Equal(s.t, rules, s.rules(host), host)
			assert.Equal(s.t, "inactive", s.mustOn(host, "systemctl is-active promwire-rollback.timer || true"), host)
			assert.True(s.t, strings.HasPrefix(banner(s.t, s.address(host)), "SSH-2.0"), "%s: SSH still answers", host)
		}
		s.allUp(s.tunnels())
	})
	s.mustOn("monitor-1", "systemctl stop e2e-knock")
	s.edits = s.edits[:len(s.edits)-1]
	s.up()
	s.allUp(s.tunnels())
}

// trial is a firewall that nobody confirms, and the one that was there before.
type trial struct {
	before string
	fault  *fault
}

// unconfirmed runs node-1's converge by hand with a firewall that admits the connection which loads it, and no other: nobody can
// confirm it.
func unconfirmed(s *story) trial {
	before := s.rules("node-1")
	digest, script := neverConfirmed(s, s.resources()["node-1-converge"].Outputs)
	require.Contains(s.t, before, digest)
	f := faults.add("a firewall that nobody can confirm", "an update")
	said, err := s.ssh("node-1", script, "bash -s -- apply")
	require.NoError(s.t, err)
	assert.Contains(s.t, said, "firewall on trial")
	assert.Empty(s.t, banner(s.t, s.address("node-1")), "somebody gets in: then there is nothing to go back from")
	assert.NotEqual(s.t, before, s.rules("node-1"))
	return trial{before, f}
}

// neverConfirmed is the script of a converge, with a firewall of another digest that admits no new connection; and its former digest.
func neverConfirmed(s *story, converge map[string]any) (digest, script string) {
	var receipt struct{ Firewall string }
	require.NoError(s.t, json.Unmarshal([]byte(converge["stdout"].(string)), &receipt))
	const first = "iifname \"lo\" accept\n"
	script = strings.ReplaceAll(converge["stdin"].(string), receipt.Firewall, strings.Repeat("e2e0", 16))
	require.Equal(s.t, 1, strings.Count(script, first))
	return receipt.Firewall, strings.Replace(script, first, first+"\t\ttcp dport 22 tcp flags & (syn | ack) == syn drop\n", 1)
}

// wentBack: nobody did anything meanwhile.
func wentBack(s *story, pending trial) {
	s.eventually(func() error {
		if said := banner(s.t, s.address("node-1")); !strings.HasPrefix(said, "SSH-2.0") {
			return fmt.Errorf("SSH says %q", said)
		}
		return nil
	})
	assert.Equal(s.t, pending.before, s.rules("node-1"))
	pending.fault.ended(s.t, "went back by itself")
	// Who comes now comes through the former firewall, and confirms nothing.
	converge := s.resources()["node-1-converge"].Outputs
	_, script := neverConfirmed(s, converge)
	_, err := s.ssh("node-1", script, "bash -s -- confirm")
	assert.ErrorContains(s.t, err, "promwire: node-1: confirm: the new firewall was rolled back, because it admitted no second connection")
	assert.Equal(s.t, pending.before, s.rules("node-1"))
}

// failFirewall makes the firewall's unit fail once.
const failFirewall = `cd /run/systemd/system && mkdir promwire-firewall.service.d && printf '[Service]\nExecStartPre=/bin/false\n' >promwire-firewall.service.d/e2e.conf
systemctl daemon-reload; systemctl restart promwire-firewall; rm -r promwire-firewall.service.d; systemctl daemon-reload`

// comesBack breaks what an update made, on the monitor and a target at once, and nobody runs another update: all becomes as it was, and the
// host says what it did. The killed process is the tunnel's own, on a kernel without WireGuard.
func comesBack(s *story) {
	hosts := []string{"monitor-1", "node-1"}
	rules := map[string]string{}
	for _, host := range hosts {
		rules[host] = s.rules(host)
		s.eventually(func() error { // first of all, it looked once
			_, err := s.on(host, "test -e "+watchMetrics)
			return err
		})
	}
	for _, broken := range []struct{ fault, what, command, shown string }{
		{"the firewall's table deleted", "firewall", "nft delete table inet promwire", "! nft list table inet promwire 2>/dev/null"},
		{"all firewalls flushed", "firewall", "nft flush ruleset", "! nft list table inet promwire 2>/dev/null"},
		{"the firewall opened for a port", "firewall", "nft insert rule inet promwire input tcp dport 9100 accept", "nft list chain inet promwire input | grep -q 'dport 9100 accept'"},
		{"the tunnel's addresses flushed", "address", "ip address flush dev promwire0", "! ip address show dev promwire0 | grep -q inet"},
		{"the tunnel's link deleted", "tunnel", "ip link delete promwire0", "! ip link show promwire0 2>/dev/null"},
		{"the tunnel's process killed", "tunnel", "pkill -KILL -x wireguard-go || ip link delete promwire0", "timeout 10 bash -c 'while ip link show promwire0; do sleep 0.1; done' >/dev/null 2>&1"},
		{"the firewall's unit failed", "unit", failFirewall, "systemctl is-failed --quiet promwire-firewall"},
	} {
		before := map[string]int{}
		s.fault(broken.fault, "at rest", healed, func() {
			for _, host := range hosts {
				before[host] = s.healed(host, broken.what)
				// In one command, under the lock of promwire's scripts: it can't be healed before it was seen to be broken.
				s.mustOn(host, fmt.Sprintf("exec 9>/run/promwire/lock; flock 9; { %s; } 9>&-; %s", broken.command, broken.shown))
			}
		}, func() {
			for _, host := range hosts {
				s.heals(host, broken.what, before[host])
				assert.Equal(s.t, rules[host], s.rules(host), "%s, after %q", host, broken.command)
				assert.Contains(s.t, s.mustOn(host, "ip -oneline address show dev promwire0"), " "+s.tunnels()[host]+"/", "%s, after %q", host, broken.command)
			}
		})
	}
	s.nothingDrifts()
	s.fault("the firewall's unit disabled, its file deleted", "at rest", named, func() {
		s.mustOn("node-1", "systemctl disable --quiet promwire-firewall && mv /etc/promwire/firewall.nft /root/")
	}, func() {
		for _, what := range []string{"boot", "file"} {
			s.becomes(fmt.Sprintf(`promwire_drift{name="node-1",what=%q}`, what), 1)
		}
	})
	s.mustOn("node-1", "mv /root/firewall.nft /etc/promwire/ && systemctl enable --quiet promwire-firewall")
	s.nothingDrifts()
	s.allUp(s.tunnels())
	s.firewall(hosts, closedPorts, map[string][]end{"monitor-1": {tcp(s.tunnels()["node-1"], 9100)}})
}

// nothingDrifts waits until every host's watch says that all is as planned.
func (s *story) nothingDrifts() {
	s.t.Helper()
	for _, host := range s.hosts() {
		s.eventually(func() error {
			_, err := s.on(host, "! grep '^promwire_drift.* 1$' "+watchMetrics+" || { journalctl --unit promwire-watch --lines 5 --output cat >&2; false; }")
			return err
		})
	}
}

// heals waits until a host says once more than before that it put something right.
func (s *story) heals(host, what string, before int) {
	s.t.Helper()
	s.eventually(func() error {
		if now := s.healed(host, what); now <= before {
			return fmt.Errorf("%s: %s was healed %d times, and %d before", host, what, now, before)
		}
		return nil
	})
}

const watchMetrics = "/var/lib/node_exporter/textfile/promwire_watch.prom"

// healed is how often a host says that it put something right.
func (s *story) healed(host, what string) int {
	s.t.Helper()
	count, err := strconv.Atoi(s.mustOn(host, fmt.Sprintf(`sed -n 's/^promwire_healed_total{what="%s"} //p' %s`, what, watchMetrics)))
	require.NoError(s.t, err, what)
	return count
}

// brokenTunnel stops the tunnel of a target and of the monitor, and takes its link away, as a crash does. Nothing listens anywhere
// else then, nothing is open, and all comes back with the tunnel.
func brokenTunnel(s *story) {
	const unit = "wg-quick@promwire0.service"
	for _, host := range []string{"node-3", "monitor-1"} {
		own, rules := s.tunnels()[host], s.rules(host)
		for _, broken := range []struct{ what, command string }{{"stopped", "systemctl stop " + unit}, {"without its link", "ip link delete promwire0"}} {
			s.fault("the tunnel of "+host+" "+broken.what+", its watch off", "at rest", "closed, well after a restart", func() {
				s.mustOn(host, "systemctl stop promwire-watch.timer promwire-watch") // it would bring the link back at once
				s.mustOn(host, broken.command)
				s.mustOn(host, "! ip link show promwire0 2>/dev/null")
			}, func() {
				for _, at := range strings.Fields(s.mustOn(host, "ss --no-header --tcp --listening --numeric | awk '{ print $4 }'")) {
					assert.Regexp(s.t, `:22$|^127\.|^\[::1\]:|^`+regexp.QuoteMeta(own)+":", at, "something listens there on %s, %s", host, broken.what)
				}
				s.firewall([]string{host}, closedPorts, nil)
				assert.Equal(s.t, rules, s.rules(host), "%s, %s", host, broken.what)
				s.mustOn(host, "systemctl restart "+unit+" promwire-watch.timer")
				s.allUp(s.tunnels())
			})
		}
	}
}

func wrongChecksum(s *story) {
	bad := strings.Repeat("0", 64)
	s.fault("a download with a wrong checksum", "an update", mended, func() {
		s.edit(func(fleet map[string]any) {
			exporter := fleet["releases"].(map[string]any)["nodeExporter"].(map[string]any)
			exporter["sha256"] = map[string]any{"amd64": bad}
			exporter["version"] = "9.9.9"
		})
	}, func() {
		printed := s.upFails()
		assert.Contains(s.t, printed, "node_exporter")
		s.allUp(s.tunnels())
		s.edits = s.edits[:len(s.edits)-1]
		s.up()
		s.allUp(s.tunnels())
	})
}

func hostDown(s *story) {
	s.fault("a target without power", "an update", named, func() {
		require.NoError(s.t, s.lab.Machines.PowerOff(s.t.Context(), s.machine("node-3")))
	}, func() {
		s.edit(set("verification", map[string]any{"again": "while a host is down"}))
		printed := s.upFails()
		assert.Contains(s.t, printed, "node-3/node: tunnel: silent, its last handshake was")
		assert.NotContains(s.t, printed, "node-1/")
	})
	s.fault("a target that was without power", "a boot", healed, nothing, func() {
		require.NoError(s.t, s.lab.Machines.PowerOn(s.t.Context(), s.machine("node-3")))
		s.allUp(s.tunnels()) // nobody had to do anything: tunnel, firewall and exporter came back by themselves
	})
	s.firewall([]string{"node-3"}, closedPorts, map[string][]end{"monitor-1": {tcp(s.tunnels()["node-3"], 9100)}})
	s.up()
}

func leavesNothing(s *story) {
	before := map[string]string{} // of the account, which other stories use too
	for _, kind := range []string{"droplets", "firewalls", "tags"} {
		before[kind] = s.cloud(kind)
	}
	s.destroy()
	all, err := s.lab.Machines.List()
	require.NoError(s.t, err)
	for _, m := range all {
		assert.NotContains(s.t, m.Name, s.machine(""), "a machine is left")
	}
	for kind, list := range before {
		assert.Contains(s.t, list, s.machine(""), kind)
		assert.NotContains(s.t, s.cloud(kind), s.machine(""), kind)
	}
	assert.Contains(s.t, s.cloud("account/keys"), accountKey, "the account's own key stays")
	assert.Empty(s.t, s.resources())
}
