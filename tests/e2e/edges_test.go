package e2e

import (
	"fmt"

	"github.com/stretchr/testify/assert"
)

// edge is what people allow: one target connects to a port of another one, and to the monitor's Prometheus.
const (
	edgeFrom, edgeTo = "cache-1", "db-1"
	edgePort         = 7777
)

// dockerForwards is what Docker's owner must do, says the refusal, and noDockerForwards takes it back.
const (
	dockerForwards   = "iptables -I DOCKER-USER -i promwire0 -o promwire0 -j ACCEPT"
	noDockerForwards = "iptables -D DOCKER-USER -i promwire0 -o promwire0 -j ACCEPT"
)

// allowedEdges opens edges, sees them work and be proved, and keeps them: that all else stays closed is for the steps to come. The service behind
// one is away for a while, which closes no edge; another firewall does, and is named.
func allowedEdges(s *story) {
	tunnels := s.tunnels()
	s.mustOn(edgeTo, fmt.Sprintf("systemd-run --quiet --unit=e2e-edge python3 -m http.server --bind %s --directory /proc/sys/kernel %d", tunnels[edgeTo], edgePort))
	url := fmt.Sprintf("http://%s:%d/hostname", tunnels[edgeTo], edgePort)
	assert.True(s.t, refused(s.curlOn(edgeFrom, url)), "it is open before anybody allows it")
	s.edit(set("allow", []any{
		map[string]any{"from": edgeFrom, "to": fmt.Sprintf("%s:%d", edgeTo, edgePort)},
		map[string]any{"from": edgeTo, "to": "monitor-1:9090"},
	}))
	// firewalld and Docker of the monitor's drop what it is to admit and to forward. Each says so, and what to do.
	for _, other := range []struct{ says, run string }{
		{"firewall-cmd --permanent --zone=trusted --add-interface=promwire0", "firewall-cmd --quiet --zone=trusted --add-interface=promwire0"},
		{dockerForwards, dockerForwards},
	} {
		printed := s.upFails()
		assert.Contains(s.t, printed, "promwire: monitor-1: converge: another firewall would drop ")
		assert.Contains(s.t, printed, other.says)
		s.mustOn("monitor-1", other.run)
	}
	s.noMissedScrape(func() { s.up() })
	assertUnchanged(s.t, s.up())
	s.nothingDrifts()
	assert.Equal(s.t, 0, s.curlOn(edgeFrom, url))
	assert.Equal(s.t, 0, s.curlOn(edgeTo, "http://"+tunnels["monitor-1"]+":9090/-/ready"))
	assert.Contains(s.t, s.output("edges"), fmt.Sprintf("[%s] -->|%d|", edgeFrom, edgePort))
	s.becomes(fmt.Sprintf(`promwire_fence_edge_answers{name=%q,to=%q,port="%d"}`, edgeFrom, edgeTo, edgePort), 1)
	s.becomes(`sum(promwire_fence_open_addresses)`, 0)

	s.mustOn(edgeTo, "systemctl stop e2e-edge")
	s.edit(set("verification", map[string]any{"again": "edges"}))
	s.up()
	const block = "nft 'add table inet own; add chain inet own input { type filter hook input priority -10; }; add rule inet own input tcp dport 7777 drop'"
	s.fault("another firewall that closes an edge", "an update", named, func() {
		s.mustOn(edgeTo, block)
	}, func() {
		s.edit(set("verification", map[string]any{"again": "edges once more"}))
		assert.Regexp(s.t, fmt.Sprintf(`%s\t%s\t%s\t%d\topen\tclosed`, edgeFrom, edgeTo, tunnels[edgeTo], edgePort), s.upFails())
	})
	s.mustOn(edgeTo, "nft delete table inet own")
	s.up()
}

// edgesGo: without edges both ends are closed to each other again, and the monitor's owner takes back what they needed.
func edgesGo(s *story) {
	s.edit(func(fleet map[string]any) { delete(fleet, "allow") })
	s.up()
	s.mustOn("monitor-1", noDockerForwards+" && firewall-cmd --quiet --reload")
	tunnels := s.tunnels()
	s.firewall([]string{edgeTo}, []int{edgePort}, nil)
	assert.NotContains(s.t, s.mustOn(edgeFrom, "wg show promwire0 allowed-ips"), tunnels[edgeTo])
	assert.NotContains(s.t, s.mustOn(edgeTo, "wg show promwire0 allowed-ips"), tunnels[edgeFrom])
	s.becomes("count(promwire_fence_edge_answers) or vector(0)", 0)
}
