package plan

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/release"
)

func monitorScript(t *testing.T, change func(*MonitorValues)) string {
	t.Helper()
	v := monitorValues()
	v.Releases.Alertmanager = release.Release{Name: "alertmanager", Version: "0.28.1", SHA256: v.Releases.Prometheus.SHA256}
	change(&v)
	p, err := Monitor(v)
	require.NoError(t, err)
	text, err := p.Script()
	require.NoError(t, err)
	return text
}

func targetScript(t *testing.T, change func(*TargetValues)) string {
	t.Helper()
	v := targetValues()
	change(&v)
	p, err := Target(v)
	require.NoError(t, err)
	text, err := p.Script()
	require.NoError(t, err)
	return text
}

func TestDifferenceOfTheMonitor(t *testing.T) {
	unchanged := func(*MonitorValues) {}
	alerting := func(v *MonitorValues) { v.Alertmanager = &alertmanager.Configuration{Text: "route: {}\n"} }
	for name, c := range map[string]struct {
		before, after func(*MonitorValues)
		want          Effect
	}{
		"nothing": {unchanged, unchanged, Effect{}},
		"Prometheus reads its configuration again, and goes on": {unchanged, func(v *MonitorValues) { v.ScrapeInterval *= 2 },
			Effect{Files: []string{"/etc/prometheus/prometheus.yml"}}},
		"retention": {unchanged, func(v *MonitorValues) { v.RetentionSize = "8GB" },
			Effect{Files: []string{"/etc/prometheus/prometheus.yml"}}},
		"another release": {unchanged, func(v *MonitorValues) { v.Releases.Prometheus.Version = "3.2.2" }, Effect{
			Files:    []string{"/usr/local/bin/prometheus", "/usr/local/bin/promtool"},
			Restarts: []string{"prometheus.service"}, Calls: []string{"release"},
		}},
		"a new service": {unchanged, alerting, Effect{
			Files: []string{"/etc/alertmanager/alertmanager.yml", "/etc/prometheus/prometheus.yml", "/etc/systemd/system/alertmanager.service",
				"/etc/systemd/system/prometheus.service", "/etc/sysusers.d/alertmanager.conf", "/usr/local/bin/alertmanager", "/usr/local/bin/amtool"},
			Starts: []string{"alertmanager.service"}, Restarts: []string{"prometheus.service"},
			Calls: []string{"alertmanager_answers", "alertmanager_login", "firewall", "release", "reload", "remove_alertmanager"},
		}},
		"a service less": {alerting, unchanged, Effect{
			Files: []string{"/etc/alertmanager/alertmanager.yml", "/etc/prometheus/prometheus.yml", "/etc/systemd/system/alertmanager.service",
				"/etc/systemd/system/prometheus.service", "/etc/sysusers.d/alertmanager.conf", "/usr/local/bin/alertmanager", "/usr/local/bin/amtool"},
			Restarts: []string{"prometheus.service"}, Ends: []string{"alertmanager.service"},
			Calls: []string{"alertmanager_answers", "alertmanager_login", "firewall", "release", "reload", "remove_alertmanager"},
		}},
		"what a service reads is made on the host": {alerting, func(v *MonitorValues) { alerting(v); v.ScrapeInterval *= 2 },
			Effect{Files: []string{"/etc/prometheus/prometheus.yml"}, May: []string{"alertmanager.service"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Difference(monitorScript(t, c.before), monitorScript(t, c.after))
			require.NoError(t, err)
			if len(c.want.Files) == 0 {
				c.want.Files = nil
			}
			assertEffect(t, c.want, got)
		})
	}
}

func assertEffect(t *testing.T, want, got Effect) {
	t.Helper()
	assert.Equal(t, strings.Join(want.Files, "\n"), strings.Join(got.Files, "\n"), "files")
	assert.Equal(t, strings.Join(want.Starts, "\n"), strings.Join(got.Starts, "\n"), "starts")
	assert.Equal(t, strings.Join(want.Restarts, "\n"), strings.Join(got.Restarts, "\n"), "restarts")
	assert.Equal(t, strings.Join(want.May, "\n"), strings.Join(got.May, "\n"), "may")
	assert.Equal(t, strings.Join(want.Ends, "\n"), strings.Join(got.Ends, "\n"), "ends")
	assert.Equal(t, strings.Join(want.Calls, "\n"), strings.Join(got.Calls, "\n"), "calls")
}

func TestDifferenceOfATarget(t *testing.T) {
	unchanged := func(*TargetValues) {}
	for name, c := range map[string]struct {
		before, after func(*TargetValues)
		want          Effect
	}{
		"nothing": {unchanged, unchanged, Effect{}},
		"a flag": {unchanged, func(v *TargetValues) { v.Exporters[0].Flags = []string{"--collector.systemd"} }, Effect{
			Files: []string{"/etc/systemd/system/node_exporter.service"}, Restarts: []string{"node_exporter.service"},
		}},
		"a flag that bash must quote": {unchanged, func(v *TargetValues) { v.Exporters[0].Flags = []string{`--collector.netdev.device-exclude=^(a'b|c)$`} }, Effect{
			Files: []string{"/etc/systemd/system/node_exporter.service"}, Restarts: []string{"node_exporter.service"},
		}},
		"what is open": {unchanged, func(v *TargetValues) { v.Open = []nftables.Opening{nftables.Port(443, "tcp")} }, Effect{Calls: []string{"firewall"}}},
		"the monitor is elsewhere": {unchanged, func(v *TargetValues) { v.Monitor.Endpoint = "198.51.100.10:51820" }, Effect{
			Files: []string{"/etc/wireguard/promwire0.d/peer-monitor.conf"},
		}},
		"a package's exporter more": {unchanged, func(v *TargetValues) { v.Exporters = append(v.Exporters, choose("postgres")) }, Effect{}},
		"a package's program may be another one by now": {
			func(v *TargetValues) { v.Exporters = append(v.Exporters, choose("postgres")) },
			func(v *TargetValues) {
				v.Exporters = append(v.Exporters, choose("postgres"))
				v.Open = []nftables.Opening{nftables.Port(443, "tcp")}
			}, Effect{May: []string{"prometheus-postgres-exporter.service"}, Calls: []string{"firewall"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Difference(targetScript(t, c.before), targetScript(t, c.after))
			require.NoError(t, err)
			if name == "a package's exporter more" {
				assert.Contains(t, got.Starts, "prometheus-postgres-exporter.service")
				return
			}
			assertEffect(t, c.want, got)
		})
	}
}

// Another version of promwire may do something else with the same words: what is not certain is said so.
func TestDifferenceOfAnotherVersion(t *testing.T) {
	now := targetScript(t, func(*TargetValues) {})
	before := strings.Replace(now, "converge "+library.Version(), "converge 0123456789abcdef", 1)
	require.NotEqual(t, now, before)
	got, err := Difference(before, now)
	require.NoError(t, err)
	assert.Empty(t, got.Restarts)
	assert.Contains(t, got.May, "node_exporter.service")
	assert.Equal(t, []string{"use"}, got.Calls)
}

// systemd restarts a service with the socket that it is part of, and a unit that starts is not restarted.
func TestDifferenceOfASocket(t *testing.T) {
	text := func(listen string, more ...call) string {
		socket := put("/etc/systemd/system/a.socket", "644", "[Socket]\nListenStream="+listen+"\n")
		service := put("/etc/systemd/system/a.service", "644", "[Unit]\nPartOf=a.socket\n")
		return "#!\n" + function{apply, append([]call{socket, service, do("service", "a.socket"), do("service", "a.service")}, more...)}.String()
	}
	got, err := Difference(text("1"), text("2"))
	require.NoError(t, err)
	assertEffect(t, Effect{Files: []string{"/etc/systemd/system/a.socket"}, Restarts: []string{"a.service", "a.socket"}}, got)
	b := put("/etc/systemd/system/b.service", "644", "[Unit]\nPartOf=a.socket\n")
	got, err = Difference(text("1"), text("2", b, do("service", "b.service")))
	require.NoError(t, err)
	assert.Equal(t, []string{"b.service"}, got.Starts)
	assert.Equal(t, []string{"a.service", "a.socket"}, got.Restarts)
}

// Another mode or check of a file changes it, and restarts nothing: a unit is restarted for texts.
func TestDifferenceOfAMode(t *testing.T) {
	text := func(mode string) string {
		return "#!\n" + function{apply, []call{put("/etc/systemd/system/a.service", mode, "[Unit]\n"), do("service", "a.service")}}.String()
	}
	got, err := Difference(text("644"), text("600"))
	require.NoError(t, err)
	assertEffect(t, Effect{Files: []string{"/etc/systemd/system/a.service"}}, got)
}

func TestDifferenceOfWhatIsNoScript(t *testing.T) {
	now := targetScript(t, func(*TargetValues) {})
	for _, before := range []string{"", "exit 0\n", "\napply() {\nput /a 644 <<'END'\n", "\napply() {\nput '/a\n", "\napply() {\nput /a\n"} {
		_, err := Difference(before, now)
		require.Error(t, err, "%q", before)
	}
}

// Every script that hosts get can be read back, and is then what it was.
func TestReadIsTheInverse(t *testing.T) {
	paths, err := filepath.Glob("../../tests/golden/testdata/*/*.sh")
	require.NoError(t, err)
	seen := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		if !strings.Contains(string(text), " must be\n") { // not of converge
			continue
		}
		seen++
		calls, err := read(string(text))
		require.NoError(t, err, path)
		assert.Contains(t, string(text), function{apply, calls}.String(), path)
	}
	assert.Greater(t, seen, 4)
	odd := call{words: []string{"a", "", "b c", "it's", "two\nlines", `back\slash`}, input: "\nEND\n"}
	calls, err := read("#!\n" + function{apply, []call{odd, do("b")}}.String())
	require.NoError(t, err)
	assert.Equal(t, []call{odd, do("b")}, calls)
}
