package scripts

import "testing"

// TestRetention has a file system of 8 MB for Prometheus's data.
func TestRetention(t *testing.T) {
	t.Parallel()
	const disk = `
mkdir -p /var/lib/prometheus
mount -t tmpfs -o size=8m none /var/lib/prometheus
config() { printf 'storage:\n  tsdb:\n    retention:\n      time: 15d\n      size: %s\n' "$1"; }
`
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
		fails      bool
	}{
		{"a default that fits stays", "config 4MB | retention fit 4MB cat", "time: 15d\n      size: 4MB\n", false},
		{"a default that does not fit is fitted", "config 10GB | retention fit 10GB cat", "time: 15d\n      size: 4MB\n", false},
		{"the owner's stays", "config 7MB | retention exact 7MB cat", "size: 7MB\n", false},
		{"the owner's may be small", "config 900B | retention exact 900B cat", "size: 900B\n", false},
		{"the owner's that can't fit is refused", "config 10GB | retention exact 10GB cat; echo done",
			"promwire: host: verb: retention.size: Prometheus can't keep 10GB: the file system at /var/lib/prometheus has 8 MB; write at most 7MB, or enlarge it\n", true},
		{"so is an endless one", "config 9EB | retention exact 9EB cat", "can't keep 9EB", true},
		{"what is put is recorded", "retention fit 10GB put /mnt/a 644 < <(config 10GB); cat /mnt/a; echo ${#CHANGED[@]}", "size: 4MB\n1\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, disk+c.text, c.said, c.fails)
		})
	}
}
