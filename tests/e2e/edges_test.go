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
