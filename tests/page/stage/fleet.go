package stage

import (
	"fmt"
	"maps"
	"math"
	"slices"
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

// Lively is a fleet whose metrics move, with one host down and a cluster: for pictures.
func Lively() []Host {
	all := Fleet(9)
	for i := range all {
		all[i].Live, all[i].Metrics = func() string { return moment(i, time.Now()) }, Fenced()
	}
	all[0].Live = func() string { return moment(0, time.Now()) + livelyPeers(all[1:]) }
	all[4].Down = true
	all[6].Metrics += "promwire_healed_total{what=\"firewall\"} 1\npromwire_drift{what=\"tunnel\"} 0\n"
	return append(all, Host{Cluster: "shop", Metrics: "job:up:sum{job=\"api\"} 11\njob:up:count{job=\"api\"} 12\n"})
}

// History is what was scraped of the host at this place in Lively until now, for an hour, in the format OpenMetrics.
func History(i int) string {
	h, now := Lively()[i], time.Now()
	labels := fmt.Sprintf(`name=%q,instance=%q,region=%q,role=%q,job="node"`, h.Name, h.Name, h.Region, h.Role)
	series := map[string][]string{}
	for at := now.Add(-time.Hour); at.Before(now.Add(-10 * time.Second)); at = at.Add(15 * time.Second) {
		for line := range strings.Lines(moment(i, at) + "up 1\n") {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			if bare, own, has := strings.Cut(name, "{"); has {
				name = bare + "{" + labels + "," + own
			} else {
				name += "{" + labels + "}"
			}
			series[name] = append(series[name], fmt.Sprintf("%s %s %d\n", name, value, at.Unix()))
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(series)) {
		b.WriteString(strings.Join(series[name], ""))
	}
	return b.String() + "# EOF\n"
}

// moment are the usual metrics of a host at a moment. Counters are integrals of what they count.
func moment(i int, at time.Time) string {
	seconds := float64(at.UnixMilli()%1e9) / 1000
	slow, fast := seconds/600+float64(i), seconds/97
	busy := 0.35 + 0.2*math.Sin(slow) + 0.08*math.Sin(fast)
	worked := 0.35*seconds - 0.2*600*math.Cos(slow) - 0.08*97*math.Cos(fast)
	return fmt.Sprintf(`node_cpu_seconds_total{cpu="0",mode="idle"} %g
node_memory_MemTotal_bytes 4e9
node_memory_MemAvailable_bytes %g
node_filesystem_size_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 8e10
node_filesystem_avail_bytes{device="/dev/vda1",fstype="ext4",mountpoint="/"} 5e10
node_filesystem_size_bytes{device="/dev/vdb",fstype="ext4",mountpoint="/srv"} 2e11
node_filesystem_avail_bytes{device="/dev/vdb",fstype="ext4",mountpoint="/srv"} %g
node_network_receive_bytes_total{device="eth0"} %g
node_network_transmit_bytes_total{device="eth0"} %g
node_load1 %g
node_load15 %g
promwire_watch_last_run_timestamp_seconds %d
`, seconds-worked, 4e9*(0.7-busy/4), 6e10-5e6*math.Mod(seconds, 5000), 4e5*worked, 1.3e5*worked, 2*busy, 0.7+busy/9, at.Unix()-3)
}

func livelyPeers(hosts []Host) string {
	var b strings.Builder
	for i, h := range hosts {
		shaken, since := time.Now().Unix()-int64(7+13*i), float64(time.Now().UnixMilli()%1e9)/1000
		if h.Down {
			shaken -= 1500
			since = 0
			fmt.Fprintf(&b, "promwire_target_cause{host=%q,job=\"node\",cause=\"tunnel\"} 1\n", h.Name)
		}
		fmt.Fprintf(&b, "promwire_peer_last_handshake_seconds{host=%q} %d\n", h.Name, shaken)
		fmt.Fprintf(&b, "promwire_peer_receive_bytes_total{host=%q} %g\npromwire_peer_transmit_bytes_total{host=%q} %g\n", h.Name, since*float64(2100+90*i), h.Name, since*float64(310+8*i))
	}
	return b.String()
}
