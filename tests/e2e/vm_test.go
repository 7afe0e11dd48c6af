//go:build vm

package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/machines"
)

// virtualHosts are a monitor on Debian 13 and a target on Debian 12.
var virtualHosts = []string{"monitor-1", "node-1"}

// TestVirtualMachines is a fleet with certificates whose hosts have a kernel of their own: what containers can't show.
func TestVirtualMachines(t *testing.T) {
	s := newStory(t, "tls")
	s.patience = 15 * time.Minute // what is emulated is slow
	require.NoError(t, s.lab.Boot(t.Context(), machines.Virtual))
	s.edit(without("node-2", direct))
	s.edit(light)
	s.step("from nothing to all up, by certificates", virtualFromNothing)
	s.step("the kernel's own WireGuard", kernelWireGuard)
	s.step("systemd enforces a unit's networks", enforcedNetworks)
	s.step("systemd says how little is exposed", littleExposed)
	s.step("after a reboot", rebooted)
	s.step("a certificate is renewed by itself", virtuallyRenewed)
	s.step("an engine that is killed in the trial", killedInTrial)
	s.step("a firewall that nobody can confirm", func(s *story) { wentBack(s, unconfirmed(s)) })
	s.step("destroy leaves nothing", leavesNoEmulator)
}

// light leaves an emulated processor time for what is tested: fewer scrapes, and fewer addresses for the fence to try. What is due in a
// minute on any host, such as to confirm a firewall, is so here too.
func light(fleet map[string]any) {
	fleet["network"] = map[string]any{"cidr": "10.98.0.0/28"}
	fleet["monitor"].(map[string]any)["prometheus"].(map[string]any)["scrapeInterval"] = "30s"
}

func virtualFromNothing(s *story) {
	began := time.Now()
	s.up()
	s.t.Logf("up in %s", time.Since(began).Round(time.Second))
	s.allUp(s.tunnels())
	for host, want := range map[string]string{"monitor-1": "6.12.", "node-1": "6.1."} {
		assert.True(s.t, strings.HasPrefix(s.mustOn(host, "uname -r"), want), host)
	}
	scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
	require.NoError(s.t, err)
	for _, scrape := range scrapes {
		assert.Equal(s.t, "https", scrape.Scheme, scrape.Address)
	}
	for _, row := range s.output("matrix").([]any) {
		row := row.(map[string]any)
		assert.Equal(s.t, row["expected"], row["seen"], row)
	}
}

func kernelWireGuard(s *story) {
	for _, host := range virtualHosts {
		assert.Contains(s.t, s.mustOn(host, "ip -details link show promwire0"), " wireguard ", host)
		s.mustOn(host, "grep -q ^wireguard /proc/modules")
		s.mustOn(host, "! pgrep -x wireguard-go && ! command -v wireguard-go")
	}
}

// enforcedNetworks: what runs in the cgroup of a service exchanges packets with the fleet's addresses and its own host, and nobody else,
// although the host itself reaches more. The node exporter exchanges none: its socket is systemd's.
func enforcedNetworks(s *story) {
	mirror, err := url.Parse(s.lab.Endpoint.Mirror)
	require.NoError(s.t, err)
	port, err := strconv.Atoi(mirror.Port())
	require.NoError(s.t, err)
	for host, units := range map[string]map[string]int{
		"monitor-1": {"prometheus.service": 1, "node_exporter-tls.service": 0},
		"node-1":    {"node_exporter-tls.service": 0},
	} {
		local, outside := tcp("127.0.0.1", 7400), tcp(mirror.Hostname(), port)
		all := []end{local, outside}
		stop := s.serve(s.host(host), all[:1])
		s.reaches(host, s.host(host), all, all)
		for unit, reached := range units {
			s.reaches(unit+" of "+host, s.unit(host, unit), all, all[:reached])
		}
		stop()
	}
}

// littleExposed: what is measured of the rendered units is so where they run, by the systemd of either Debian.
func littleExposed(s *story) {
	const ask = `sed -n 's|^file /etc/systemd/system/||p' /var/lib/promwire/manifest | sed 's|\.d/.*||' | grep '\.service$' | grep -v ^nftables | sort -u |
while read -r unit; do
  printf '%s ' "$unit"
  systemd-analyze security --no-pager "${unit/@./@x.}" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p'
done`
	for _, host := range virtualHosts {
		said := s.mustOn(host, ask)
		s.t.Logf("%s:\n%s", host, said)
		lines := strings.Split(strings.TrimSpace(said), "\n")
		assert.Greater(s.t, len(lines), 5, "services of %s", host)
		for _, line := range lines {
			unit, score, _ := strings.Cut(line, " ")
			exposure, err := strconv.ParseFloat(score, 64)
			if assert.NoError(s.t, err, "%s of %s", unit, host) {
				assert.LessOrEqual(s.t, exposure, 1.5, "%s of %s", unit, host)
			}
		}
	}
}

// unit is a place in the cgroup of a service, which is what systemd's limits of networks hold for.
func (s *story) unit(host, unit string) where {
	const enter = `echo $$ >"/sys/fs/cgroup$(systemctl show --property ControlGroup --value "$0")/cgroup.procs" && exec "$@"`
	return func(ctx context.Context, command ...string) ([]byte, error) {
		return s.host(host)(ctx, append([]string{"bash", "-euc", enter, unit}, command...)...)
	}
}

// rebooted: all hosts reboot themselves at once. The series go on where they were, and all services end well.
func rebooted(s *story) {
	began := time.Now()
	s.scrapedSince(began)
	boots := map[string]string{}
	const boot = "cat /proc/sys/kernel/random/boot_id"
	for _, host := range virtualHosts {
		boots[host] = s.mustOn(host, boot)
	}
	var again time.Time
	s.fault("all hosts rebooted", "a boot", healed, func() {
		for _, host := range virtualHosts {
			_, _ = s.on(host, "systemctl --no-block reboot") // may be cut off
		}
	}, func() {
		s.eventually(func() error {
			for host, before := range boots {
				now, err := s.on(host, boot)
				if err != nil {
					return err
				}
				if now == before {
					return fmt.Errorf("%s has not booted again", host)
				}
			}
			return nil
		})
		again = time.Now()
		s.allUp(s.tunnels())
		s.scrapedSince(again)
	})
	series, err := s.lab.Samples(s.t.Context(), s.machine("monitor-1"), `up{job="node"}`, began)
	require.NoError(s.t, err)
	require.Len(s.t, series, len(virtualHosts), "a series each: what was recorded before goes on")
	for _, one := range series {
		samples := one.Samples
		require.NotEmpty(s.t, samples)
		assert.True(s.t, samples[0].Time.Before(again) && samples[len(samples)-1].Time.After(again), "%s: %v", one.Labels["name"], samples)
	}
	kernelWireGuard(s)
	for _, host := range virtualHosts { // what ends well at rest may run out of time beside a boot, in an emulator
		assert.Equal(s.t, "running", s.mustOn(host, "systemctl is-system-running --wait || true"), host)
	}
	s.unitsEndWell(virtualHosts)
}

// virtuallyRenewed: certificates that are due a few seconds after they were signed; nobody but the monitor's timer does anything.
func virtuallyRenewed(s *story) {
	s.edit(tls(map[string]any{"validity": "2h", "renewBefore": "1h59m50s"}))
	s.up()
	serials := map[string]string{}
	for _, host := range virtualHosts {
		serials[host] = s.serial(host)
		require.Contains(s.t, serials[host], "serial=", host)
	}
	s.eventually(func() error {
		for host, before := range serials {
			if now := s.serial(host); now == before || now == "" {
				return fmt.Errorf("%s still serves %s", host, before)
			}
		}
		return nil
	})
	s.edits = s.edits[:len(s.edits)-1]
	s.up()
	s.allUp(s.tunnels())
}

// killedInTrial: an update brings a firewall that keeps its operator out, and ends, with all that it has started, as soon as that is loaded.
// The host goes back by itself. It is the monitor: no target's turn comes before it has confirmed its own.
func killedInTrial(s *story) {
	before := map[string]string{}
	for _, host := range virtualHosts {
		before[host] = s.rules(host)
	}
	s.edit(set("ssh", map[string]any{"from": []any{s.address("monitor-1") + "/32"}}))
	s.fault("an engine killed in the trial of a firewall that locks out", "an update", "went back by itself", func() {
		ended := make(chan error, 1)
		go func() {
			options, _ := s.options()
			_, err := s.lab.Operator.Up(s.t.Context(), s.stack, options)
			ended <- err
		}()
		s.mustOn("monitor-1", `digest() { nft --stateless list table inet promwire | sha256sum; }; before=$(digest)
until systemctl is-active --quiet promwire-rollback.timer && [ "$(digest)" != "$before" ]; do sleep 0.2; done`)
		killEngine(s.t)
		require.Error(s.t, <-ended)
	}, func() {
		s.eventually(func() error {
			for _, host := range virtualHosts {
				if said := banner(s.t, s.address(host)); !strings.HasPrefix(said, "SSH-2.0") {
					return fmt.Errorf("SSH on %s says %q", host, said)
				}
				if s.rules(host) != before[host] {
					return fmt.Errorf("%s still has the firewall on trial", host)
				}
			}
			return nil
		})
	})
	s.edits = s.edits[:len(s.edits)-1]
	require.NoError(s.t, s.lab.Operator.Cancel(s.t.Context(), s.stack))
	s.up()
	s.allUp(s.tunnels())
}

// killEngine kills Pulumi's CLI, which this process has started, its engine and its plugins.
func killEngine(t *testing.T) {
	t.Helper()
	engines := 0
	for _, child := range children(t, os.Getpid()) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); string(name) == "pulumi\n" { // others are the lab's
			kill(t, child)
			engines++
		}
	}
	require.Equal(t, 1, engines, "engines at work")
}

// kill ends a process and all that it has started.
func kill(t *testing.T, pid int) {
	t.Helper()
	_ = syscall.Kill(pid, syscall.SIGSTOP) // it starts nothing more
	for _, child := range children(t, pid) {
		kill(t, child)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// children are the processes that one has started; see proc_tid_children(5).
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread that has ended has none
		for child := range strings.FieldsSeq(string(text)) {
			number, err := strconv.Atoi(child)
			require.NoError(t, err)
			all = append(all, number)
		}
	}
	return all
}

// leavesNoEmulator: neither the cloud nor the lab's machine have anything left of the hosts.
func leavesNoEmulator(s *story) {
	leavesNothing(s)
	left, err := filepath.Glob(filepath.Join(s.lab.Folder.Run, "machines", "machine", "*"))
	require.NoError(s.t, err)
	assert.Empty(s.t, left)
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(s.t, err)
	for _, process := range processes {
		line, _ := os.ReadFile(process) // it may have ended
		assert.False(s.t, strings.HasPrefix(string(line), "qemu-") && strings.Contains(string(line), s.lab.Folder.Run), "%s: %q", process, line)
	}
}
