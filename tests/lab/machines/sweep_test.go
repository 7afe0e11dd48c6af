package machines_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
)

// victimRun has the test program be a lab's process that never ends by itself.
const victimRun = "PROMWIRE_TEST_VICTIM_RUN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimRun); dir != "" {
		if err := victim(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// victim makes a machine, says its address, and works on until it is killed.
func victim(dir string) error {
	source, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	f := folder.Default(source)
	f.Run = dir
	lab, err := machines.Open(context.Background(), f, io.Discard)
	if err != nil {
		return err
	}
	addresses, err := lab.Create(context.Background(), cloud.MachineSpec{Name: "survivor", Region: "lon1", Image: "debian-12-x64"})
	if err != nil {
		return err
	}
	fmt.Println(addresses.V4)
	for { // die in the midst of something
		if err := lab.Filter(context.Background(), "survivor", nil); err != nil {
			return err
		}
	}
}

// TestSweep kills a lab's process. Its machine goes on, another process takes over, and Sweep leaves nothing.
func TestSweep(t *testing.T) {
	other := open(t, newFolder(t))
	otherMachine := create(t, other, "other", "lon1")

	f := newFolder(t)
	before := traces(t, f.Run)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimRun+"="+f.Run)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	cmd.Process.Kill()
	cmd.Wait()
	if net.ParseIP(strings.TrimSpace(line)) == nil {
		t.Fatalf("the process said %q", line)
	}

	lab := open(t, f)
	if lab.Network().V4.Overlaps(other.Network().V4) {
		t.Errorf("two labs in %s", lab.Network().V4)
	}
	list, err := lab.List()
	if err != nil || len(list) != 1 || list[0].Name != "survivor" || !list[0].On {
		t.Fatalf("after the kill: %+v, %v", list, err)
	}
	booted(t, list[0].V4, otherMachine.V4)
	if reaches(t, other, "other", list[0].V4, 22) {
		t.Error("a machine of one lab reaches one of another")
	}

	for range 2 { // with nothing there, too
		if err := machines.Sweep(t.Context(), f, t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	if routed(t, list[0].V4) {
		t.Error("there is a route to the machine after the sweep")
	}
	if after := traces(t, f.Run); after != before {
		t.Errorf("the sweep left something:\n%s\nbefore:\n%s", after, before)
	}
	if !answers(otherMachine.V4, 22) || !on(t, other, "other") {
		t.Error("the sweep took another lab's machine along")
	}
}

// traces is all that labs leave on a machine: links, namespaces, routes, rules, mounts, cgroups, and processes of this lab.
// Other labs of this machine may come and go meanwhile, so the test looks only at this lab's traces, which contain its folder, or
// come with its link.
func traces(t *testing.T, run string) string {
	t.Helper()
	var text strings.Builder
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, run) {
			text.WriteString("mount " + line)
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if line, err := os.ReadFile(process); err == nil && strings.Contains(string(line), run) {
			fmt.Fprintf(&text, "process %s %q\n", process, line)
		}
	}
	text.WriteString(linkTraces(t, run))
	return text.String()
}

// linkTraces are the links, namespaces and cgroups that bear the lab's id.
func linkTraces(t *testing.T, run string) string {
	t.Helper()
	id := machines.ID(run)
	var text strings.Builder
	for _, dir := range []string{"/sys/class/net", "/run/netns", "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"} {
		entries, err := fs.Glob(os.DirFS(dir), "*"+id+"*")
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			fmt.Fprintln(&text, filepath.Join(dir, entry))
		}
	}
	return text.String()
}
