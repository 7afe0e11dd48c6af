package scripts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// observed is what a function of observe.sh prints, without comments. The folder stands for those of wireguard, and for promwire's state; dump is what
// `wg show promwire0 dump` says.
func observed(t *testing.T, folder, dump, commands string) []string {
	t.Helper()
	for name, text := range map[string]string{"dump": dump, "wg": "#!/bin/bash\ncat " + folder + "/dump\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script := strings.NewReplacer(wireguard.Parts, folder, folders.State, folder).Replace(WithConstants(Observe))
	cmd := exec.Command("bash", "-c", "set -euo pipefail\n"+script+commands)
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(all)
	return all
}

// peer is a part of the tunnel's configuration.
func peer(t *testing.T, folder, name, key string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, "peer-"+name+".conf"), []byte("# "+name+"\n[Peer]\nPublicKey = "+key+"\nAllowedIPs = 10.98.0.2/32\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

const ofInterface = "private=\tpublic=\t51820\toff\n"

func dumped(key string, handshake, received, sent int) string {
	return fmt.Sprintf("%s\t(none)\t198.51.100.1:51820\t10.98.0.2/32\t%d\t%d\t%d\toff\n", key, handshake, received, sent)
}

// TestPeers: a, b and c are enrolled, and c is not in the interface, which has one more. Of a more has come than at the last look, of b has not.
func TestPeers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"a", "b", "c.cluster"} {
		peer(t, folder, name, name+"=")
	}
	dump := ofInterface + dumped("a=", 900, 5000000000, 7) + dumped("b=", 0, 0, 148) + dumped("stranger=", 5, 6, 7)
	const now = `date() { echo 1000; }; `
	first := observed(t, folder, dump, now+`peer_metrics /nowhere | tee `+folder+`/former`)
	want := []string{
		`promwire_peer_last_handshake_seconds{host="a"} 900`,
		`promwire_peer_last_handshake_seconds{host="b"} 0`,
		`promwire_peer_last_received_seconds{host="a"} 900`,
		`promwire_peer_last_received_seconds{host="b"} 0`,
		`promwire_peer_missing{host="c.cluster"} 1`,
		`promwire_peer_receive_bytes_total{host="a"} 5000000000`,
		`promwire_peer_receive_bytes_total{host="b"} 0`,
		`promwire_peer_transmit_bytes_total{host="a"} 7`,
		`promwire_peer_transmit_bytes_total{host="b"} 148`,
		`promwire_peer_unknown{key="stranger="} 1`,
		`promwire_peers_last_look_seconds 1000`,
		`promwire_peers_unknown 1`,
	}
	if !slices.Equal(first, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(first, "\n"), strings.Join(want, "\n"))
	}
	dump = strings.Replace(dump, "5000000000", "5000000001", 1)
	later := observed(t, folder, dump, `date() { echo 1020; }; peer_metrics `+folder+`/former`)
	for _, line := range []string{`promwire_peer_last_received_seconds{host="a"} 1020`, `promwire_peer_last_received_seconds{host="b"} 0`} {
		if !slices.Contains(later, line) {
			t.Errorf("no %s among:\n%s", line, strings.Join(later, "\n"))
		}
	}
	if gone := observed(t, folder, "", now+"peer_metrics /nowhere"); !slices.Contains(gone, `promwire_peer_missing{host="a"} 1`) {
		t.Errorf("the tunnel is gone, and it says:\n%s", strings.Join(gone, "\n"))
	}
	dump = ofInterface + dumped("a=", 0, 0, 148) + dumped("b=", 0, 0, 148) // after a boot
	third := observed(t, folder, dump, strings.Replace(now, "1000", "1040", 1)+`peer_metrics `+folder+`/former`)
	if line := `promwire_peer_last_received_seconds{host="a"} 900`; !slices.Contains(third, line) {
		t.Errorf("an interface that counts from 0 again takes that for packets: no %s in %q", line, third)
	}
}

// TestManyPeers: all of a thousand have their series, of one process: it is given all files at once.
func TestManyPeers(t *testing.T) {
	t.Parallel()
	folder, dump := t.TempDir(), ofInterface
	for n := range 1000 {
		peer(t, folder, fmt.Sprintf("h%d", n), fmt.Sprintf("k%d=", n))
		dump += dumped(fmt.Sprintf("k%d=", n), 900, n, n)
	}
	lines := observed(t, folder, dump, "peer_metrics /nowhere")
	if len(lines) != 4*1000+2 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestEnrolled: what Prometheus must scrape, whether the files are there or not; not the monitor's own.
func TestEnrolled(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	const manifest = "file /etc/prometheus/targets.d/db-1.node.json\nfile /etc/prometheus/targets.d/_monitor.node.json\n" +
		"unit x\nfile /etc/prometheus/targets.d/db-1.my.shop.json\nfile /etc/other/a.node.json\n"
	if err := os.WriteFile(filepath.Join(folder, "manifest"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{`promwire_target_enrolled{host="db-1",job="my.shop"} 1`, `promwire_target_enrolled{host="db-1",job="node"} 1`}
	if got := observed(t, folder, "", "target_metrics"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFailedUnits have a series each, with the name as systemd has it.
func TestFailedUnits(t *testing.T) {
	t.Parallel()
	got := observed(t, t.TempDir(), "", `systemctl() { printf 'a\\x2db.service loaded failed failed A\n'; printf 'n%s.service loaded failed failed A\n' {1..30}; }; host_metrics | grep unit_failed`)
	if len(got) != 20 || !slices.Contains(got, `promwire_unit_failed{unit="a\\x2db.service"} 1`) {
		t.Errorf("got %q", got)
	}
}
