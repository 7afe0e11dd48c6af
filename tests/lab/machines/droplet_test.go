package machines_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/machines"
)

var (
	everywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	everything = []cloud.Rule{{Protocol: "tcp", Networks: everywhere}, {Protocol: "udp", Networks: everywhere}, {Protocol: "icmp", Networks: everywhere}}
)

// tcp admits one TCP port from some networks.
func tcp(port int, networks ...netip.Prefix) cloud.Rule {
	return cloud.Rule{Protocol: "tcp", FirstPort: port, LastPort: port, Networks: networks}
}

// only is the network of one address.
func only(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// TestDroplets boots two machines in one region and one in another, and goes through what the cloud does with them.
func TestDroplets(t *testing.T) {
	lab := open(t, newFolder(t))
	ssh := newClient(t)
	near := create(t, lab, "near", "lon1", ssh.authorized)
	beside := create(t, lab, "beside", "lon1", ssh.authorized)
	far := create(t, lab, "far", "sfo3", ssh.authorized)
	booted(t, near.V4, beside.V4, far.V4, near.V6, beside.V6, far.V6)
	for _, name := range []string{"near", "beside", "far"} {
		serve(t, lab, name)
	}
	for _, a := range []cloud.Addresses{near, beside, far} {
		eventually(t, "port 8000", func() bool { return answers(a.V4, 8000) })
	}

	t.Run("login", func(t *testing.T) { testLogin(t, lab, ssh, near) })
	t.Run("network", func(t *testing.T) { testNetwork(t, lab, near, beside, far) })
	t.Run("packages", func(t *testing.T) { testPackages(t, lab) })
	t.Run("firewall", func(t *testing.T) { testFirewall(t, lab, near, beside, far) })
	t.Run("power", func(t *testing.T) { testPower(t, lab, "far", "beside", far) })
	t.Run("names", func(t *testing.T) { testNames(t, lab) })
	t.Run("destroy", func(t *testing.T) { testDestroy(t, lab, beside) })
}

// testLogin makes sure of the keys in the metadata, and that host keys are the machine's own.
func testLogin(t *testing.T, lab *machines.Lab, ssh client, near cloud.Addresses) {
	accept := []string{"-o", "StrictHostKeyChecking=accept-new"}
	eventually(t, "root logs in", func() bool {
		out, err := ssh.ssh(t.Context(), "root", near.V4, accept, "hostname")
		return err == nil && out == "near"
	})
	if out, err := newClient(t).ssh(t.Context(), "root", near.V4, accept, "true"); err == nil {
		t.Errorf("a stranger's key logs in: %s", out)
	}
	const fingerprint = "/etc/ssh/ssh_host_ed25519_key.pub"
	if run(t, lab, "near", "cat", fingerprint) == run(t, lab, "beside", "cat", fingerprint) {
		t.Error("two machines have one host key")
	}
	if run(t, lab, "near", "cat", "/etc/machine-id") == run(t, lab, "beside", "cat", "/etc/machine-id") {
		t.Error("two machines have one machine-id")
	}
	eventually(t, "cloud-init is done", func() bool {
		out, _ := lab.Exec(t.Context(), "near", "cloud-init", "status")
		return strings.Contains(string(out), "done")
	})
}

// testNetwork makes sure that everybody reaches everybody, and nothing outside.
func testNetwork(t *testing.T, lab *machines.Lab, near, beside, far cloud.Addresses) {
	for _, a := range []netip.Addr{beside.V4, beside.V6, far.V4, far.V6} {
		if !reaches(t, lab, "near", a, 8000) || !pings(t, lab, "near", a) {
			t.Errorf("near does not reach %s", a)
		}
	}
	n := lab.Network()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(n.OperatorV4, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if !reaches(t, lab, "far", n.OperatorV4, listener.Addr().(*net.TCPAddr).Port) {
		t.Error("far does not reach the operator's address, where the mirror listens")
	}
	for _, outside := range outsideAddresses(t, n) {
		if pings(t, lab, "far", outside) {
			t.Errorf("far reaches %s, which is outside the lab", outside)
		}
	}
	for _, region := range []cloud.Addresses{near, far} {
		if !pings(t, lab, "near", region.V4Gateway) || !pings(t, lab, "near", region.V6Gateway) {
			t.Errorf("near does not reach the gateways %s and %s", region.V4Gateway, region.V6Gateway)
		}
	}
}

// outsideAddresses are the operator's machine's other addresses.
func outsideAddresses(t *testing.T, n machines.Network) []netip.Addr {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var list []netip.Addr
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			t.Fatal(err)
		}
		if a := prefix.Addr(); a.IsGlobalUnicast() && !n.V4.Contains(a) && !n.V6.Contains(a) {
			list = append(list, a)
		}
	}
	return list
}

// testPackages installs what is not in the image yet, as a program would.
func testPackages(t *testing.T, lab *machines.Lab) {
	if _, err := lab.Exec(t.Context(), "near", "which", "wg"); err == nil {
		t.Fatal("wireguard-tools are there before they are installed")
	}
	run(t, lab, "near", "apt-get", "--quiet", "update")
	run(t, lab, "near", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes",
		"--no-install-recommends", "install", "wireguard-tools", "wireguard-go", "nftables", "curl")
	run(t, lab, "near", "bash", "-euc", "wireguard-go wg0; wg show wg0; nft add table inet try; ip link delete wg0; nft delete table inet try")
}

// testFirewall makes sure that a firewall admits what it says, and refuses the rest: inside a region and from outside.
func testFirewall(t *testing.T, lab *machines.Lab, near, beside, far cloud.Addresses) {
	filter := func(rules *cloud.Rules) {
		t.Helper()
		if err := lab.Filter(t.Context(), "near", rules); err != nil {
			t.Fatal(err)
		}
	}
	operator := only(lab.Network().OperatorV4)
	type seen struct{ operator, beside, far, beside6, ping, out bool }
	cases := []struct {
		name  string
		rules *cloud.Rules
		want  seen
	}{
		{"none", nil, seen{operator: true, beside: true, far: true, beside6: true, ping: true, out: true}},
		{"empty", &cloud.Rules{}, seen{}},
		{"only outbound", &cloud.Rules{Outbound: everything}, seen{out: true}},
		{"one neighbour", &cloud.Rules{Inbound: []cloud.Rule{tcp(8000, only(beside.V4))}}, seen{beside: true}},
		{"one neighbour, IPv6", &cloud.Rules{Inbound: []cloud.Rule{tcp(8000, only(beside.V6))}}, seen{beside6: true}},
		{"another region", &cloud.Rules{Inbound: []cloud.Rule{tcp(8000, only(far.V4))}}, seen{far: true}},
		{"operator", &cloud.Rules{Inbound: []cloud.Rule{tcp(8000, operator)}}, seen{operator: true}},
		{"another port", &cloud.Rules{Inbound: []cloud.Rule{tcp(22, everywhere...)}, Outbound: everything}, seen{out: true}},
		{"another protocol", &cloud.Rules{Inbound: []cloud.Rule{{Protocol: "udp", Networks: everywhere}}}, seen{}},
		{"echo", &cloud.Rules{Inbound: []cloud.Rule{{Protocol: "icmp", Networks: everywhere}}}, seen{ping: true}},
		{"overlapping", &cloud.Rules{Inbound: []cloud.Rule{tcp(8000, operator, everywhere[0]), tcp(8000, operator)}}, seen{operator: true, beside: true, far: true}},
	}
	for _, c := range cases {
		filter(c.rules)
		var got seen
		var probes sync.WaitGroup // at once, for each refusal takes its second
		probes.Go(func() { got.operator = answers(near.V4, 8000) })
		probes.Go(func() { got.beside = reaches(t, lab, "beside", near.V4, 8000) })
		probes.Go(func() { got.far = reaches(t, lab, "far", near.V4, 8000) })
		probes.Go(func() { got.beside6 = reaches(t, lab, "beside", near.V6, 8000) })
		probes.Go(func() { got.ping = pings(t, lab, "beside", near.V6) })
		probes.Go(func() { got.out = reaches(t, lab, "near", beside.V4, 8000) })
		probes.Wait()
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	filter(nil)
	testEstablished(t, near.V4, filter)
}

// testEstablished makes sure that a connection which was admitted goes on under new rules, and no new one comes in.
func testEstablished(t *testing.T, near netip.Addr, filter func(*cloud.Rules)) {
	conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(near, 8000).String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	filter(&cloud.Rules{})
	if answers(near, 8000) {
		t.Error("a new connection passes a firewall without rules")
	}
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("an admitted connection ended with its rules: %q, %v", line, err)
	}
	filter(nil)
}

// testPower makes sure that a machine that is off is silent, and comes back with its disk; as it does when it reboots itself.
func testPower(t *testing.T, lab *machines.Lab, name, other string, at cloud.Addresses) {
	run(t, lab, name, "bash", "-c", "echo kept >/root/file && sync")
	// When PID 1 started tells containers' boots, which share one kernel; the kernel's own ID tells those of machines that have one.
	tell := []string{"bash", "-c", "cut -d ' ' -f 22 /proc/1/stat; cat /proc/sys/kernel/random/boot_id"}
	for range 2 { // off twice is not an error
		if err := lab.PowerOff(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if answers(at.V4, 22) || pings(t, lab, other, at.V4) {
		t.Error("a machine answers that is off")
	}
	if on(t, lab, name) {
		t.Error("the list says that a machine is on that is off")
	}
	if _, err := lab.Exec(t.Context(), name, "true"); err == nil || !strings.Contains(err.Error(), name+": exec: the machine is off") {
		t.Errorf("exec in a machine that is off: %v", err)
	}
	for range 2 {
		if err := lab.PowerOn(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	booted(t, at.V4, at.V6)
	if got := run(t, lab, name, "cat", "/root/file"); got != "kept" {
		t.Errorf("the disk has %q", got)
	}
	before := run(t, lab, name, tell...)
	brief := func(command ...string) (string, error) { // a machine that goes down may leave a command without an end
		ctx, cancel := context.WithTimeout(t.Context(), patience/8)
		defer cancel()
		out, err := lab.Exec(ctx, name, command...)
		return strings.TrimSpace(string(out)), err
	}
	run(t, lab, name, "bash", "-c", "systemctl is-system-running --wait || true") // before, a request to reboot may be lost
	out, err := brief("systemctl", "--no-block", "reboot")                        // may be cut off
	t.Logf("reboot: %s %v", out, err)
	eventually(t, "another boot", func() bool {
		now, err := brief(tell...)
		return err == nil && now != before
	})
	booted(t, at.V4, at.V6)
}

// on reports what the list says of a machine.
func on(t *testing.T, lab *machines.Lab, name string) bool {
	t.Helper()
	list, err := lab.List()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(m machines.Machine) bool { return m.Name == name })
	return i >= 0 && list[i].On
}

// testNames makes sure of the refusals.
func testNames(t *testing.T, lab *machines.Lab) {
	cases := []struct {
		spec cloud.MachineSpec
		want string
	}{
		{cloud.MachineSpec{Name: "near", Region: "lon1", Image: "debian-12-x64"}, "a machine of this name"},
		{cloud.MachineSpec{Name: "../x", Region: "lon1", Image: "debian-12-x64"}, "not a host name"},
		{cloud.MachineSpec{Name: "", Region: "lon1", Image: "debian-12-x64"}, "not a host name"},
		{cloud.MachineSpec{Name: "-x", Region: "lon1", Image: "debian-12-x64"}, "not a host name"},
		{cloud.MachineSpec{Name: "new", Region: "lon1", Image: "centos-7"}, `no image "centos-7"`},
	}
	for _, c := range cases {
		if _, err := lab.Create(t.Context(), c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("create %q: got %v, want %q", c.spec.Name, err, c.want)
		}
	}
	if err := lab.Filter(t.Context(), "nobody", nil); err == nil || !strings.Contains(err.Error(), `no machine "nobody"`) {
		t.Errorf("filter nobody: %v", err)
	}
}

// testDestroy makes sure that nothing of a machine stays.
func testDestroy(t *testing.T, lab *machines.Lab, beside cloud.Addresses) {
	for range 2 {
		if err := lab.Destroy(t.Context(), "beside"); err != nil {
			t.Fatal(err)
		}
	}
	list, err := lab.List()
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(list, func(m machines.Machine) bool { return m.Name == "beside" }) {
		t.Error("a destroyed machine is in the list")
	}
	if answers(beside.V4, 22) {
		t.Error("a destroyed machine answers")
	}
	if _, err := os.Stat(lab.NamespaceFile("beside")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its namespace is there: %v", err)
	}
}
