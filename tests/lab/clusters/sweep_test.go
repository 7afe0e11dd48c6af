package clusters_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
)

// victimRun has the test program be a lab's process that is killed before it ends.
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

// victim boots a cluster, and says on stdout when it does.
func victim(dir string) error {
	source, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	f := folder.Default(source)
	f.Run = dir
	_, err = clusters.Start(context.Background(), f, []string{"victim"}, clusters.Options{Plugin: clusters.Bridge}, os.Stdout)
	return err
}

// powerLoss ends a node and starts it again: its state is still there, and its pods run again.
func powerLoss(t *testing.T, f folder.Folder) {
	pid := strings.Fields(string(nodeProcesses(t, f, "a")))[0]
	if out, err := exec.Command("kill", "-KILL", pid).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, "the node is off", func() bool {
		all, err := clusters.List(f)
		return err == nil && !all[0].On
	})
	if _, err := clusters.Exec(t.Context(), f, "a", "true"); err == nil || !strings.Contains(err.Error(), "start it") {
		t.Errorf("a command on a node that is off: %v", err)
	}
	start(t, f, "a", clusters.Calico)
	eventually(t, "the pods are back", func() bool { return reaches(t, f, "a", address(t, f, "a", "server"), 7000) })
}

// nodeProcesses are those of a cluster's node as the operator's machine numbers them.
func nodeProcesses(t *testing.T, f folder.Folder, cluster string) []byte {
	t.Helper()
	id, err := machines.Identify(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		text, err := os.ReadFile(filepath.Join(root, "promwire-"+id+"-clusters", cluster, "node", "cgroup.procs"))
		if err == nil {
			return text
		}
	}
	t.Fatalf("%s has no cgroup", cluster)
	return nil
}

// stop ends one cluster. The other goes on.
func stop(t *testing.T, f folder.Folder) {
	for range 2 { // with nothing there, too
		if err := clusters.Stop(t.Context(), f, "plain"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := clusters.List(f)
	if err != nil || len(all) != 1 || all[0].Name != "a" || !all[0].On {
		t.Errorf("after the stop: %+v, %v", all, err)
	}
	if left := traces(t, f); strings.Contains(left, "plain") {
		t.Errorf("the stop left something:\n%s", left)
	}
	if text, err := os.ReadFile(clusters.Kubeconfig(f)); err != nil || strings.Contains(string(text), "plain") {
		t.Errorf("the kubeconfig still has the context: %v", err)
	}
}

// sweepKilled kills a process that boots a cluster, and sweeps it with the cluster that runs.
func sweepKilled(t *testing.T, f folder.Folder, before string) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimRun+"="+f.Run)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	booting := false
	for said := bufio.NewScanner(stdout); !booting && said.Scan(); {
		booting = strings.HasPrefix(said.Text(), "booting cluster victim")
	}
	eventually(t, "the victim boots its cluster", func() bool {
		all, err := clusters.List(f)
		return err == nil && len(all) == 2 && all[1].On
	})
	cmd.Process.Kill()
	cmd.Wait()
	for range 2 { // with nothing there, too
		for _, sweep := range []func(context.Context, folder.Folder, io.Writer) error{clusters.Sweep, machines.Sweep} {
			if err := sweep(t.Context(), f, t.Output()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := traces(t, f); after != before {
		t.Errorf("the sweep left something:\n%s\nbefore:\n%s", after, before)
	}
}

// traces is all that a lab's clusters leave on a machine: processes, mounts of whatever process, links, namespaces, cgroups. Each
// bears the lab's folder or its id.
func traces(t *testing.T, f folder.Folder) string {
	t.Helper()
	id, err := machines.Identify(f)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, pattern := range []string{
		"/sys/class/net/*" + id + "*", "/run/netns/*" + id + "*", "/sys/fs/cgroup/*" + id + "*/*", "/sys/fs/cgroup/*/*" + id + "*/*",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			fmt.Fprintln(&text, path)
		}
	}
	for _, file := range []string{"cgroup", "mountinfo", "cmdline"} {
		paths, err := filepath.Glob("/proc/[0-9]*/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			content, _ := os.ReadFile(path) // of a process that may be gone by now
			for line := range strings.Lines(string(content)) {
				// Only the last zombies of a cgroup outlive it, until this machine's PID 1 comes to reap them.
				zombie := file == "cgroup" && strings.Contains(line, "(deleted)")
				if !zombie && (strings.Contains(line, id) || strings.Contains(line, f.Run)) {
					fmt.Fprintf(&text, "%s %s\n", path, strings.TrimSpace(line))
				}
			}
		}
	}
	return text.String()
}
