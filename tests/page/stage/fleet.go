package stage

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// regions of made-up fleets.
var regions = []string{"lon1", "sfo3", "sgp1", "tor1", "fra1"}

// Fleet is a monitor, which is the first, and targets in several regions; the monitor knows the tunnel of each.
func Fleet(targets int) []Host {
	all := []Host{{Name: "monitor-1", Region: "tor1", Role: prometheus.RoleMonitor}}
	var peers strings.Builder
	for i := range targets {
		h := Host{Name: fmt.Sprintf("node-%d", i+1), Region: regions[i%len(regions)], Role: prometheus.RoleTarget}
		h.Metrics = Usual(i) + Fenced()
		all = append(all, h)
		Peer(&peers, h.Name, i)
	}
	all[0].Metrics = Usual(0) + peers.String()
	return all
}

// Peer writes what the monitor knows of a host's tunnel.
func Peer(to *strings.Builder, host string, i int) {
	fmt.Fprintf(to, "promwire_peer_last_handshake_seconds{host=%q} %d\n", host, time.Now().Unix()-int64(5+i%100))
	fmt.Fprintf(to, "promwire_peer_receive_bytes_total{host=%q} %d\npromwire_peer_transmit_bytes_total{host=%q} %d\n", host, i*1000, host, i*500)
}

// Usual are the metrics of a host that pages show.
func Usual(i int) string {
	busy := 0.2 + 0.15*math.Sin(float64(i))
	return fmt.Sprintf(`node_cpu_seconds_total{cpu="0",mode="idle"} %d
node_memory_MemTotal_bytes 4e9
node_memory_MemAvailable_bytes %g
node_filesystem_size_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 8e10
node_filesystem_avail_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} %g
node_network_receive_bytes_total{device="eth0"} 1000
node_network_transmit_bytes_total{device="eth0"} 500
node_load1 %g
node_load15 %g
promwire_watch_last_run_timestamp_seconds %d
promwire_healed_total{what="firewall"} 0
promwire_healed_total{what="tunnel"} 0
promwire_drift{what="firewall"} 0
promwire_drift{what="tunnel"} 0
`, 1000+i, 4e9*(1-busy), 8e10*(0.9-busy), busy, busy/2, time.Now().Unix())
}

// Fenced is what a target says of its fence.
func Fenced() string {
	return fmt.Sprintf(`promwire_fence_last_run_timestamp_seconds %d
promwire_fence_probed_addresses{to="monitor",port="22"} 1
promwire_fence_open_addresses{to="monitor",port="22"} 0
promwire_fence_probed_addresses{to="targets",port="9100"} 254
promwire_fence_open_addresses{to="targets",port="9100"} 0
`, time.Now().Unix())
}
