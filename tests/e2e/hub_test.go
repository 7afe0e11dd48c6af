package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// hubHosts: the monitor, which admits only SSH from its bastion, the hub, and two targets.
var hubHosts = []string{"monitor-1", "hub-1", "web-1", "db-1"}

// TestHub is a fleet whose monitor nobody reaches, so that the ends of the tunnel meet elsewhere.
func TestHub(t *testing.T) {
	s := newStory(t, "hub")
	require.NoError(t, s.lab.Place(t.Context(), s.stack))
	s.edit(func(fleet map[string]any) {
		fleet["monitor"].(map[string]any)["prometheus"] = map[string]any{"scrapeInterval": "5s"}
	})
	var before map[string]inventory
	s.step("first up", func(s *story) {
		for _, host := range hubHosts {
			s.eventually(func() error {
				_, err := s.on(host, "systemctl is-system-running --wait | grep -E 'running|degraded'")
				return err
			})
		}
		s.mustOn("db-1", "su admin -c 'sudo true'") // the first time leaves a file in the user's home
		before = s.inventories(hubHosts)
		s.up()
		s.allUp(s.tunnels())
		assert.Contains(s.t, s.output("summary"), "hub hub-1, targets: 2")
	})
	s.step("a second up changes nothing", func(s *story) {
		s.noMissedScrape(func() { assertUnchanged(s.t, s.up()) })
		s.nothingDrifts()
	})
	s.step("nobody else gets in", func(s *story) {
		var scraped []end
		for _, host := range hubHosts[1:] {
			scraped = append(scraped, tcp(s.tunnels()[host], 9100), tcp(s.tunnels()[host], fence.Port))
		}
		s.firewall(hubHosts, append([]int{fence.Port}, closedPorts...), map[string][]end{"monitor-1": scraped})
		s.firewall([]string{"monitor-1"}, []int{51820}, nil)
	})
	s.step("people allow edges through the hub", edgesThroughHub)
	s.step("a target that turns on the fleet gets nowhere", rogueBehindHub)
	s.step("a hub that passes on too much is named", openHub)
	s.step("a hub that forwards nothing any more heals itself", forwardsNothing)
	s.step("an intruder at the hub is named", intruder)
	s.step("a silent target is named, and no other", silentTarget)
	s.step("the hub's power fails", func(s *story) {
		s.fault("the hub without power", "between updates", named, func() {
			require.NoError(s.t, s.lab.Machines.PowerOff(s.t.Context(), s.machine("hub-1")))
		}, func() {
			for host, cause := range map[string]string{"hub-1": "tunnel", "web-1": "hub", "db-1": "hub"} {
				s.becomes(fmt.Sprintf(`ALERTS{alertname="TargetDown",name=%q,cause=%q}`, host, cause), 1)
			}
			s.becomes(`ALERTS{alertname="HubDown"}`, 1)
			require.NoError(s.t, s.lab.Machines.PowerOn(s.t.Context(), s.machine("hub-1")))
			s.allUp(s.tunnels())
		})
	})
	s.step("the hub moves to another host, and stays as a target", movedHub)
	s.step("destroy leaves all as it was", func(s *story) {
		s.destroy()
		s.asBefore(before)
	})
}

// edgesThroughHub: one target connects to a port of another one, and one to the monitor's Prometheus, which is in no other way reached. Nobody else
// does, and none of them does afterwards.
func edgesThroughHub(s *story) {
	const port = 7777
	hosts, ports := []string{"monitor-1", "web-1", "db-1"}, []int{port, 9090}
	s.edit(set("allow", []any{
		map[string]any{"from": "web-1", "to": fmt.Sprintf("db-1:%d", port)},
		map[string]any{"from": "db-1", "to": "monitor-1:9090"},
	}))
	s.noMissedScrape(func() { s.up() })
	tunnels := s.tunnels()
	s.firewall(hosts, ports, map[string][]end{"web-1": {tcp(tunnels["db-1"], port)}, "db-1": {tcp(tunnels["monitor-1"], 9090)}})
	s.edits = s.edits[:len(s.edits)-1]
	s.up()
	s.firewall(hosts, ports, nil)
}

// intruder: a peer that nobody enrolled.
func intruder(s *story) {
	key := s.mustOn("hub-1", "wg genkey | wg pubkey")
	s.mustOn("hub-1", fmt.Sprintf("wg set %s peer %s allowed-ips 10.98.0.77/32", wireguard.Name, key))
	s.edit(set("verification", map[string]any{"again": "intruder"}))
	printed := s.upFails()
	assert.Contains(s.t, printed, "promwire: hub-1: verify: the hub has what is of no host and no cluster of this stack")
	assert.Contains(s.t, printed, key)
	s.edit(set("verification", map[string]any{"again": "intruder", "removeUnknown": true}))
	s.up()
	assert.NotContains(s.t, s.mustOn("hub-1", "wg show "+wireguard.Name+" peers"), key)
}

// silentTarget: its tunnel ends. Only the hub can know that.
func silentTarget(s *story) {
	s.fault("a target's tunnel stopped", "between updates", named, func() {
		s.mustOn("web-1", "systemctl stop "+wireguard.Unit)
	}, func() {
		s.becomes(`promwire_target_cause{host="web-1",cause="tunnel"}`, 1)
		s.becomes(`count(promwire_target_cause)`, 1)
		s.mustOn("web-1", "systemctl start "+wireguard.Unit)
		s.allUp(s.tunnels())
	})
}

// rogueBehindHub: it sends whatever it likes into the tunnel. An honest target's packets for others do not leave it.
func rogueBehindHub(s *story) {
	tunnels := s.tunnels()
	const hub = "wg set " + wireguard.Name + " peer $(wg show " + wireguard.Name + " peers) allowed-ips "
	s.mustOn("web-1", hub+"10.98.0.0/24")
	s.mustOn("web-1", "ping -c 1 -W 5 -I "+wireguard.Name+" "+tunnels["hub-1"])
	for host, port := range map[string]int{"db-1": 9100, "hub-1": 9100, "monitor-1": prometheus.Port} {
		status := s.curlOn("web-1", fmt.Sprintf("http://%s:%d/metrics", tunnels[host], port), "--interface", wireguard.Name)
		assert.True(s.t, refused(status), "a rogue target to %s, through the hub: curl says %d", host, status)
	}
	s.mustOn("web-1", hub+"10.98.0.1/32")
}

// openHub: a rule in front of the hub's admits everything, and its watch does not remove it.
func openHub(s *story) {
	s.fault("a hub that forwards all", "an update", named, func() {
		s.mustOn("hub-1", "systemctl stop promwire-watch.timer promwire-watch.service && nft insert rule inet promwire forward accept")
	}, func() {
		s.edit(set("verification", map[string]any{"again": "forward"}))
		printed := s.upFails()
		assert.Contains(s.t, printed, "promwire: hub-1: verify: seen differs from expected")
		assert.Regexp(s.t, `(web|db)-1, through hub-1\t(web|db)-1\t10\.98\.0\.\d\t9100\tclosed\topen`, printed)
		assert.Regexp(s.t, `monitor, through hub-1\t(web|db)-1\t10\.98\.0\.\d\t22\tclosed\topen`, printed)
	})
	s.mustOn("hub-1", "systemctl start promwire-watch.timer && systemctl start promwire-watch.service")
	s.up()
}

// forwardsNothing: whoever sets net.ipv4.ip_forward, as a baseline does, sets the tunnel's switch too.
func forwardsNothing(s *story) {
	s.fault("the hub's forwarding is off", "between updates", healed, func() {
		s.mustOn("hub-1", "cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 0 >ip_forward")
	}, func() {
		s.becomes(`promwire_healed_total{name="hub-1",what="tunnel"}`, 1)
		assert.Equal(s.t, "1", s.mustOn("hub-1", "cat /proc/sys/net/ipv4/conf/"+wireguard.Name+"/forwarding"))
		s.allUp(s.tunnels())
	})
}

// movedHub: a target becomes the hub, and the hub a target, with its one peer, which forwards nothing.
func movedHub(s *story) {
	s.edit(func(fleet map[string]any) {
		targets := fleet["targets"].([]any)
		fleet["hub"], targets[0] = targets[0], fleet["hub"]
	})
	s.up()
	s.allUp(s.tunnels())
	assert.Contains(s.t, s.output("summary"), "hub web-1, targets: 2")
	for host, peers := range map[string]string{"hub-1": "1", "db-1": "1", "monitor-1": "1", "web-1": "3"} {
		assert.Equal(s.t, peers, s.mustOn(host, "wg show "+wireguard.Name+" peers | wc -l"), "peers of %s", host)
	}
	assert.Equal(s.t, "0", s.mustOn("hub-1", "cat /proc/sys/net/ipv4/conf/"+wireguard.Name+"/forwarding"))
	s.nothingDrifts()
	assertUnchanged(s.t, s.up())
}
