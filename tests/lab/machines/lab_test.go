package machines_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/setup"
)

// patience is how long anything may take on a busy computer before a test gives up.
var patience = 2 * time.Minute

// newFolder is a lab's folder with the cache of the checkout, swept when the test ends.
func newFolder(t *testing.T) folder.Folder {
	t.Helper()
	source, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	f := folder.Default(source)
	f.Run = filepath.Join(t.TempDir(), "run")
	if err := setup.Ensure(t.Context(), f, t.Output(), setup.Packages, setup.Image); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := machines.Sweep(context.Background(), f, io.Discard); err != nil {
			t.Error(err)
		}
	})
	return f
}

// open opens a folder's lab.
func open(t *testing.T, f folder.Folder) *machines.Lab {
	t.Helper()
	lab, err := machines.Open(t.Context(), f, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	return lab
}

// client is an SSH client with a key of its own, which knows host keys by the file known.
type client struct{ key, known, authorized string }

func newClient(t *testing.T) client {
	t.Helper()
	dir := t.TempDir()
	c := client{key: filepath.Join(dir, "key"), known: filepath.Join(dir, "known_hosts")}
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", c.key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
	public, err := os.ReadFile(c.key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	c.authorized = strings.TrimSpace(string(public))
	return c
}

// ssh runs a command on a machine and returns what it wrote.
func (c client) ssh(ctx context.Context, user string, address netip.Addr, options []string, command string) (string, error) {
	args := append(c.options(), options...)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", append(args, user+"@"+address.String(), command)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// options are those of every connection.
func (c client) options() []string {
	return []string{
		"-F", "none", "-i", c.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
		"-o", "UserKnownHostsFile=" + c.known, "-o", "GlobalKnownHostsFile=none", "-o", "LogLevel=ERROR",
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// answers reports whether something speaks on a TCP port, seen from the operator's machine. SSH and HTTP servers differ in
// who speaks first, so an open port is enough.
func answers(address netip.Addr, port uint16) bool {
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(address, port).String(), time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// reaches reports whether a machine can open a TCP connection.
func reaches(t *testing.T, lab *machines.Lab, from string, address netip.Addr, port int) bool {
	t.Helper()
	return probe(t, lab, from, "timeout", "1", "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", address, port))
}

// routed reports whether the operator's machine would send a packet to an address into a lab.
func routed(t *testing.T, address netip.Addr) bool {
	t.Helper()
	out, err := exec.Command("ip", "route", "get", address.String()).CombinedOutput()
	return err == nil && strings.Contains(string(out), "promwire-")
}

// serve makes a machine listen on TCP port 8000, IPv4 and IPv6.
func serve(t *testing.T, lab *machines.Lab, name string) {
	t.Helper()
	run(t, lab, name, "systemd-run", "--quiet", "--unit=server", "python3", "-m", "http.server", "8000", "--bind", "::")
}

// run runs a command in a machine that must not fail.
func run(t *testing.T, lab *machines.Lab, name string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := lab.Exec(ctx, name, command...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// create makes a droplet.
func create(t *testing.T, lab *machines.Lab, name, region string, keys ...string) cloud.Addresses {
	t.Helper()
	spec := cloud.MachineSpec{Name: name, Region: region, Image: "debian-12-x64", Keys: keys, IPv6: true}
	addresses, err := lab.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return addresses
}

// booted waits until machines answer on their SSH port.
func booted(t *testing.T, addresses ...netip.Addr) {
	t.Helper()
	for _, address := range addresses {
		eventually(t, "SSH on "+address.String(), func() bool { return answers(address, 22) })
	}
}

// pings reports whether a machine gets an echo.
func pings(t *testing.T, lab *machines.Lab, from string, address netip.Addr) bool {
	t.Helper()
	return probe(t, lab, from, "ping", "-c1", "-W1", "-w2", address.String())
}

// probe runs a command in a machine that ends by itself within seconds, and reports whether it succeeded. One that does not
// end is a fault of the test, never an answer.
func probe(t *testing.T, lab *machines.Lab, from string, command ...string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := lab.Exec(ctx, from, command...)
	if ctx.Err() != nil {
		t.Errorf("%s: not done within %s: %s", from, patience, strings.Join(command, " "))
	}
	return err == nil
}
