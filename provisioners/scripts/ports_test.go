package scripts

import (
	"os"
	"strings"
	"testing"
)

// listening is a host where listen WHERE... starts a process that listens on each, waits until it does, and leaves its number in $pid.
// Without systemd, every process is of the unit in /mnt/unit, and systemd's sockets are those in /mnt/sockets.
const listening = `
ip link set lo up; ip address add 10.98.0.2/24 dev lo; ip address add fd98::2/64 dev lo nodad
cat >/mnt/listen <<'END'
use Socket qw(:all);
for (@ARGV) {
  my ($host, $port) = /^(.*):(\d+)$/;
  my $six = $host =~ /:/;
  socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die;
  bind($s, $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $host)) : pack_sockaddr_in($port, inet_aton($host))) or die "$_: $!";
  listen($s, 5) or die;
  push @all, $s;
}
open(F, ">", "/mnt/ready"); close F; sleep 50;
END
listen() { rm -f /mnt/ready; "${perl:-perl}" /mnt/listen "$@" & pid=$!; disown; until [ -e /mnt/ready ]; do sleep 0.02; done; }
pid=
trap '[ -z "$pid" ] || kill "$pid"' EXIT
unit_in() { cat /mnt/unit; }
systemctl() { cat /mnt/sockets; }
journalctl() { :; }
echo session-3.scope >/mnt/unit
`

// TestPorts: what listens where a unit of the plan is to is refused and named, unless it is the unit, or promwire's.
func TestPorts(t *testing.T) {
	t.Parallel()
	const (
		needs = "\n(ports a.service 10.98.0.2:9100 a.service '[fd98::2]:9100' b.service 127.0.0.1:9115) || true; echo \"listening: $pid\""
		held  = "promwire: host: verb: port 9100 is held by perl, pid PID, of session-3.scope, and a.service needs it at 10.98.0.2; "
		held6 = "promwire: host: verb: port 9100 is held by perl, pid PID, of session-3.scope, and a.service needs it at [fd98::2]; "
	)
	for _, c := range []struct{ name, text, said string }{
		{"nothing listens", needs, ""},
		{"at all addresses", "listen 0.0.0.0:9100" + needs, held},
		{"at all addresses of both families", "listen :::9100" + needs, held},
		{"at the very address", "listen 10.98.0.2:9100" + needs, held},
		{"at the very address of IPv6", "listen fd98::2:9100" + needs, held6},
		{"at an IPv4 address by IPv6", "listen ::ffff:10.98.0.2:9100" + needs, held},
		{"at loopback", "listen 127.0.0.1:9115" + needs, "port 9115 is held by perl, pid PID, of session-3.scope, and b.service needs it at 127.0.0.1; "},
		{"at another address or port", "listen 127.0.0.1:9100 ::1:9100 10.98.0.2:9101 10.98.0.2:9115" + needs, ""},
		{"the unit itself", "echo a.service >/mnt/unit; listen 0.0.0.0:9100" + needs, ""},
		{"a former unit of ours", "echo old.service >/mnt/unit; record unit old.service; listen 0.0.0.0:9100" + needs, ""},
		{"a service of a socket of ours", "echo old.service >/mnt/unit; record file $UNIT_FOLDER/old.service; listen 0.0.0.0:9100" + needs, ""},
		{"a name that looks like another process", "cp $(command -v perl) '/mnt/x\",pid=1,fd=3)'; perl='/mnt/x\",pid=1,fd=3)'\n" +
			"echo '0.0.0.0:9100 r.socket r.service' >/mnt/sockets; record unit r.socket; listen 0.0.0.0:9100" + needs,
			`port 9100 is held by x",pid=1,fd=3), pid `},
	} {
		t.Run(c.name, func(t *testing.T) {
			said, ok := run(t, listening+c.text)
			refused, pid, _ := strings.Cut(said, "listening: ")
			want := strings.ReplaceAll(c.said, "PID", strings.TrimSpace(pid))
			if !ok || (want == "") != (refused == "") || !strings.Contains(refused, want) {
				t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, want)
			}
		})
	}
}

// TestPortsOfSystemd: systemd listens for its sockets, and is asked which.
func TestPortsOfSystemd(t *testing.T) {
	t.Parallel()
	name, err := os.ReadFile("/proc/1/comm")
	if err != nil {
		t.Fatal(err)
	}
	systemd := strings.TrimSpace(string(name))
	const by1 = listening + `
ss() { printf '%s 0.0.0.0:*          users:(("systemd",pid=1,fd=36))\n' "LISTEN 0 4096 $listens"; }
printf '%s\n' '10.98.0.2:9100 promwire-relay-9100.socket x.service' '[::]:9100 theirs.socket x.service' >/mnt/sockets
record unit promwire-relay-9100.socket
`
	check(t, by1+"listens=10.98.0.2:9100; ports a.service 10.98.0.2:9100; echo passed", "passed", false)
	check(t, by1+"listens='*:9100'; ports a.service 10.98.0.2:9100", "port 9100 is held by "+systemd+", pid 1, of theirs.socket, and a.service needs it", true)
	check(t, by1+"listens=0.0.0.0:9100; ports a.service 10.98.0.2:9100", "is held by "+systemd+", pid 1, of no-unit, and", true)
}

// TestPortsForAMoment: a process that ends while it is looked at, or soon after, holds no port.
func TestPortsForAMoment(t *testing.T) {
	t.Parallel()
	const copies = listening + `
ss() { echo "LISTEN 0 4096 10.98.0.2:9100 0.0.0.0:*          users:((\"x\",pid=$(head -n 1 /mnt/copies),fd=36))"; sed -i 1d /mnt/copies; }
sleep() { :; }
`
	check(t, copies+"echo 999999 >/mnt/copies; ports a.service 10.98.0.2:9100 2>&1; echo passed", "passed\n", false)
	check(t, copies+"printf '%s\n' $$ $PPID >/mnt/copies; ports a.service 10.98.0.2:9100 2>&1; echo passed", "passed\n", false)
	check(t, copies+"printf '%s\n' $$ $PPID $$ $PPID >/mnt/copies; ports a.service 10.98.0.2:9100", "is held by ", true)
}

// TestPortsHeld: it is not enough that something answers.
func TestPortsHeld(t *testing.T) {
	t.Parallel()
	const quick = "sleep() { if [ -e /mnt/late ]; then echo a.service >/mnt/unit; else tries=149; fi; }\n"
	check(t, listening+"echo a.service >/mnt/unit; listen 10.98.0.2:9100; ports a.service 10.98.0.2:9100; ports_held; echo passed", "passed", false)
	check(t, listening+"PORTS=(promwire-relay-9100.socket 10.98.0.2:9100); echo promwire-relay-9100.service >/mnt/unit\n"+
		"listen 10.98.0.2:9100; ports_held; echo passed", "passed", false)
	check(t, listening+"ports a.service 10.98.0.2:9100; listen 10.98.0.2:9100\n"+quick+"touch /mnt/late; ports_held; echo passed", "passed", false)
	check(t, listening+"ports a.service 10.98.0.2:9100; listen 10.98.0.2:9100\n"+quick+"ports_held",
		"a.service is not what listens at 10.98.0.2:9100 (", true)
	check(t, listening+"ports a.service 10.98.0.2:9100\n"+quick+"ports_held", "a.service is not what listens at 10.98.0.2:9100 ()", true)
}

// TestUnitIn: a user's own systemd can call a unit as it likes.
func TestUnitIn(t *testing.T) {
	t.Parallel()
	for cgroup, want := range map[string]string{
		"0::/system.slice/node_exporter.service":                                     "node_exporter.service",
		"0::/user.slice/user-1.slice/user@1.service/app.slice/node_exporter.service": "user@1.service",
		"0::/user.slice/user-1.slice/session-3.scope":                                "session-3.scope",
		`2:cpu:/x.service\n1:name=systemd:/system.slice/b.service`:                   "b.service",
		"0::/": "",
	} {
		check(t, "printf '"+cgroup+"\\n' >/mnt/cgroup; echo \"<$(unit_in </mnt/cgroup)>\"", "<"+want+">\n", false)
	}
}
