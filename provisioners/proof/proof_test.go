package proof

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
)

var gate = GateValues{
	Monitor: "monitor", Digest: "d0", Wait: 2 * time.Minute, Again: "it's \"again\"\n$(reboot)",
	Targets: []Target{
		{Name: "b", Address: "10.98.0.3", Endpoints: secured, Tunnel: true, PublicKey: "keyB=", Digest: "d2"},
		targetA,
		{Name: "c", Address: "c.example.com", Endpoints: secured, Digest: "d3"},
	},
}

var (
	targetA = Target{Name: "a", Address: "10.98.0.2", Endpoints: []exporter.Endpoint{
		{Job: "node", Port: 9100, Unit: "node_exporter"}, {Job: "shop", Port: 8080, Path: "/internal/metrics"},
	}, Tunnel: true, PublicKey: "keyA=", Digest: "d1"}
	secured = []exporter.Endpoint{{Job: "node", Port: 19100, TLS: true, Unit: "node_exporter-tls"}}
)

// TestScriptsAreTheSameForTheSameFleet: a changed script runs again, so order must not change it.
func TestScriptsAreTheSameForTheSameFleet(t *testing.T) {
	turned := gate
	turned.Targets = []Target{gate.Targets[1], gate.Targets[2], gate.Targets[0]}
	if Gate(gate) != Gate(turned) {
		t.Error("the order of targets changes the gate")
	}
	hosts := []Outsider{{"b", "198.51.100.2", 22, "d2", nil}, {"a", "198.51.100.1", 2222, "d1", nil}}
	if Outside(OutsideValues{Hosts: hosts}) != Outside(OutsideValues{Hosts: []Outsider{hosts[1], hosts[0]}}) {
		t.Error("the order of hosts changes the probes")
	}
	replanned := targetA
	replanned.Digest = "d9"
	for what, changed := range map[string]GateValues{
		"a target's plan": {
			Monitor: gate.Monitor, Digest: "d0", Wait: gate.Wait, Again: gate.Again,
			Targets: []Target{gate.Targets[0], replanned, gate.Targets[2]},
		},
		"the monitor's plan": {Monitor: gate.Monitor, Digest: "d9", Wait: gate.Wait, Again: gate.Again, Targets: gate.Targets},
		"the wish":           {Monitor: gate.Monitor, Digest: "d0", Wait: gate.Wait, Again: "other", Targets: gate.Targets},
	} {
		if Gate(changed) == Gate(gate) {
			t.Errorf("%s changed, but not the gate", what)
		}
	}
}

// TestScriptsParse: whatever text the settings have, it stays text.
func TestScriptsParse(t *testing.T) {
	for name, script := range map[string]string{
		"gate":    Gate(gate),
		"outside": Outside(OutsideValues{Again: gate.Again, Hosts: []Outsider{{"a", "2001:db8::1", 22, "d", nil}}}),
	} {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		for line := range strings.Lines(script) {
			if strings.Contains(line, "reboot") {
				t.Errorf("%s: text of the settings is part of the script: %s", name, line)
			}
		}
	}
}

// TestOutsidePorts: SSH answers, and nothing else that a host of the fleet may have.
func TestOutsidePorts(t *testing.T) {
	script := Outside(OutsideValues{Hosts: []Outsider{{"a", "198.51.100.1", 2222, "d", []int{9100, 9091}}, {"b", "198.51.100.2", 22, "d", nil}}})
	for probe, want := range map[string]string{
		"2222": "open", "9100": "closed", "9091": "closed",
	} {
		if line := "\na 198.51.100.1 " + probe + " " + want + "\n"; strings.Count(script, line) != 1 {
			t.Errorf("%q is missing in:\n%s", line, script)
		}
	}
	if strings.Contains(script, "\nb 198.51.100.2 9091 ") {
		t.Errorf("a port that is closed on one host is probed on another:\n%s", script)
	}
}

// TestOutsideWithFewFiles: where few files may be open, connections that curl could not open would look closed. Packets to port 1 are dropped,
// so these connections stay open for seconds; at port 2 something listens.
func TestOutsideWithFewFiles(t *testing.T) {
	var probes strings.Builder
	for i := range 130 {
		if i < 100 {
			fmt.Fprintf(&probes, "a 127.9.0.%d 1 closed\n", 1+i)
		} else {
			fmt.Fprintf(&probes, "b 127.9.0.%d 2 open\n", 1+i)
		}
	}
	args := []string{"--net", "bash", "-c", `set -euo pipefail
ip link set lo up
nft -f - <<<'table inet t { chain c { type filter hook input priority 0; tcp dport 1 drop; }; }'
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 2, Listen => 200) or die; open(F, ">", $ARGV[0]); close F; close($c) while $c = $s->accept' "$1" 3>&- &
trap 'kill $!' EXIT
until [ -e "$1" ]; do sleep 0.05; done
(ulimit -n 128 && bash -s)`, "few", filepath.Join(t.TempDir(), "ready")}
	if os.Geteuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	cmd := exec.Command("unshare", args...)
	cmd.Stdin = strings.NewReader("fleet_probes='\n" + probes.String() + "'\n" + outsideScript)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOutsideTriesAll: a port that curl says nothing of is not taken for closed.
func TestOutsideTriesAll(t *testing.T) {
	cmd := exec.Command("bash", "-s")
	cmd.Stdin = strings.NewReader("fleet_probes='\na 127.0.0.1 1 closed\n'\ncurl() { echo 'curl: option --parallel: is unknown' >&2; return 2; }\n" + outsideScript)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "promwire: operator: verify: curl did not try all ports; it must be 7.68 or later here") {
		t.Errorf("error %v: %s", err, out)
	}
}

// TestOutsideOfMany: rows of probes that end at the same time are whole.
func TestOutsideOfMany(t *testing.T) {
	const hosts, ports = 1000, 6
	var probes strings.Builder
	for i := range hosts {
		for port := range ports {
			fmt.Fprintf(&probes, "node-%d 127.9.%d.%d %d closed\n", i, i/200, 1+i%200, 1+port)
		}
	}
	cmd := exec.Command("bash", "-s")
	cmd.Stdin = strings.NewReader("fleet_probes='\n" + probes.String() + "'\n" + outsideScript)
	out, err := cmd.Output()
	rows, wrong := Matrix(string(out))
	if err != nil || wrong != nil || len(rows) != hosts*ports {
		t.Errorf("%d rows: %v, %v", len(rows), err, wrong)
	}
}

// TestOutside runs the probes against a port that is open and one that is closed.
func TestOutside(t *testing.T) {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := gone.Addr().(*net.TCPAddr).Port
	gone.Close()
	port := open.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			connection, err := open.Accept()
			if err != nil {
				return
			}
			connection.Close()
		}
	}()

	for _, c := range []struct {
		expectOpen, expectClosed string
		ok                       bool
	}{
		{"open", "closed", true},
		{"closed", "closed", false}, // something answers that must not
		{"open", "open", false},     // something is silent that must answer
	} {
		probes := fmt.Sprintf("fleet_probes='\na 127.0.0.1 %d %s\nb 127.0.0.1 %d %s\n'\n", port, c.expectOpen, closed, c.expectClosed)
		cmd := exec.Command("bash", "-s")
		cmd.Stdin = strings.NewReader(probes + outsideScript)
		out, err := cmd.CombinedOutput()
		if (err == nil) != c.ok {
			t.Errorf("%+v: error %v: %s", c, err, out)
		}
		if !c.ok {
			if !strings.Contains(string(out), "promwire: operator: verify: seen differs") {
				t.Errorf("%+v: the error is missing: %s", c, out)
			}
			continue
		}
		rows, err := Matrix(string(out))
		if err != nil || len(rows) != 2 {
			t.Fatalf("%v: %v", rows, err)
		}
		want := []Row{
			{"operator", "a", "127.0.0.1", port, "open", "open"},
			{"operator", "b", "127.0.0.1", closed, "closed", "closed"},
		}
		for i := range want {
			if rows[i] != want[i] {
				t.Errorf("got %+v, want %+v", rows[i], want[i])
			}
		}
	}
}

func TestMatrix(t *testing.T) {
	rows, err := Matrix("", "monitor\ta\t10.98.0.2\t9100\topen\topen\n\n")
	if err != nil || len(rows) != 1 || rows[0] != (Row{"monitor", "a", "10.98.0.2", 9100, "open", "open"}) {
		t.Errorf("%+v, %v", rows, err)
	}
	if table := Table(rows); !strings.Contains(table, "EXPECTED") || !strings.Contains(table, "monitor  a   10.98.0.2  9100  open      open") {
		t.Error(table)
	}
	for _, bad := range []string{"too few", "a\tb\tc\tport\topen\topen", "a\tb\tc\t1\topen\topen\tmore"} {
		if _, err := Matrix(bad); err == nil {
			t.Errorf("%q was taken for a row", bad)
		}
	}
}

func TestSummary(t *testing.T) {
	rows := []Row{{Seen: "open"}, {Seen: "closed"}, {Seen: "closed"}, {Seen: "refused"}}
	for want, rows := range map[string][]Row{
		"nothing was proved": nil,
		"probes as expected: 4 (2 closed, 1 open, 1 refused)": rows,
	} {
		if got := Summary(rows); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
