//go:build vm

package machines_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/machines"
	"github.com/promwire/promwire/tests/lab/setup"
)

func init() { patience = 15 * time.Minute } // what is emulated is slow

// TestVirtualMachines boots a machine of each image with a kernel of its own, and goes through what is not as it is with containers.
func TestVirtualMachines(t *testing.T) {
	f := newFolder(t)
	if err := setup.Ensure(t.Context(), f, t.Output(), setup.Kernels); err != nil {
		t.Fatal(err)
	}
	lab := open(t, f)
	if err := lab.SetBoot(machines.Virtual); err != nil {
		t.Fatal(err)
	}
	ssh := newClient(t)
	first := createVirtual(t, lab, "first", "debian-12-x64", ssh.authorized)
	second := createVirtual(t, lab, "second", "debian-13-x64", ssh.authorized)
	booted(t, first.V4, second.V4, first.V6, second.V6)

	t.Run("login", func(t *testing.T) { virtualLogin(t, ssh, first, second) })
	t.Run("kernel", func(t *testing.T) { virtualKernel(t, lab) })
	t.Run("commands", func(t *testing.T) { virtualCommands(t, lab) })
	t.Run("firewall", func(t *testing.T) { virtualFirewall(t, lab, first, second) })
	t.Run("power", func(t *testing.T) { testPower(t, lab, "first", "second", first) })
	t.Run("sweep", func(t *testing.T) {
		if traces(t, f.Run) == "" {
			t.Error("two machines run and leave no traces")
		}
		if err := machines.Sweep(t.Context(), f, t.Output()); err != nil {
			t.Fatal(err)
		}
		if left := traces(t, f.Run); left != "" {
			t.Errorf("the sweep left something:\n%s", left)
		}
	})
}

func createVirtual(t *testing.T, lab *machines.Lab, name, image, key string) cloud.Addresses {
	t.Helper()
	spec := cloud.MachineSpec{Name: name, Region: "lon1", Image: image, Keys: []string{key}, IPv6: true}
	addresses, err := lab.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return addresses
}

// virtualLogin makes sure that cloud-init did its work, with the seed of this machine.
func virtualLogin(t *testing.T, ssh client, first, second cloud.Addresses) {
	accept := []string{"-o", "StrictHostKeyChecking=accept-new"}
	for name, addresses := range map[string]cloud.Addresses{"first": first, "second": second} {
		eventually(t, "root logs in to "+name, func() bool {
			out, err := ssh.ssh(t.Context(), "root", addresses.V4, accept, "hostname")
			return err == nil && out == name
		})
	}
}

// virtualKernel makes sure of what containers do not have: a kernel that is not this machine's, with a WireGuard of its own.
func virtualKernel(t *testing.T, lab *machines.Lab) {
	here, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"first": "6.1.", "second": "6.12."} {
		release := run(t, lab, name, "uname", "-r")
		if !strings.HasPrefix(release, want) || release == strings.TrimSpace(string(here)) {
			t.Errorf("%s runs Linux %s, want %s", name, release, want)
		}
		run(t, lab, name, "bash", "-euc", "ip link add wg0 type wireguard; ip -details link show wg0 | grep -q ' wireguard '; ip link delete wg0")
		if failed := run(t, lab, name, "systemctl", "list-units", "--failed", "--plain", "--no-legend"); failed != "" {
			t.Errorf("%s: units failed: %s", name, failed)
		}
	}
}

// virtualCommands makes sure that commands inside are run as those in containers are.
func virtualCommands(t *testing.T, lab *machines.Lab) {
	if got := run(t, lab, "first", "bash", "-c", `echo "$HOME $LANG $1" && pwd`, "bash", "a b"); got != "/root C.UTF-8 a b\n/" {
		t.Errorf("got %q", got)
	}
	large := run(t, lab, "first", "bash", "-c", "head -c 3000000 /dev/zero | tr '\\0' x")
	if large != strings.Repeat("x", 3000000) {
		t.Errorf("3000000 bytes are %d here", len(large))
	}
	_, err := lab.Exec(t.Context(), "first", "bash", "-c", "echo said; echo why >&2; exit 7")
	if err == nil || !strings.Contains(err.Error(), "first: exec: bash -c") || !strings.HasSuffix(err.Error(), "exit status 7: why") {
		t.Errorf("a command that fails: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := lab.Exec(ctx, "first", "sleep", "86399"); err == nil || ctx.Err() == nil {
		t.Errorf("a command that takes too long: %v", err)
	}
	eventually(t, "the command that took too long ends", func() bool {
		return !probe(t, lab, "first", "pgrep", "-f", "sleep 8639[9]")
	})
}

// virtualFirewall makes sure that what these machines send passes the filter, as what others send does.
func virtualFirewall(t *testing.T, lab *machines.Lab, first, second cloud.Addresses) {
	filter := func(rules *cloud.Rules) {
		t.Helper()
		if err := lab.Filter(t.Context(), "first", rules); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{first.V4.String(), first.V6.String()} {
		if !probe(t, lab, "second", "timeout", "30", "bash", "-c", "exec 3<>/dev/tcp/"+address+"/22") {
			t.Errorf("second does not reach %s", address)
		}
	}
	filter(&cloud.Rules{Inbound: []cloud.Rule{tcp(22, only(lab.Network().OperatorV4))}})
	if !answers(first.V4, 22) {
		t.Error("the operator does not reach what the firewall admits")
	}
	if probe(t, lab, "second", "timeout", "10", "bash", "-c", "exec 3<>/dev/tcp/"+first.V4.String()+"/22") {
		t.Error("second reaches what the firewall does not admit")
	}
	filter(nil)
	if outside := pings(t, lab, "first", second.V4); !outside {
		t.Error("first does not reach second")
	}
}
