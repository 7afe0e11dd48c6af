package clusters_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/promwire/promwire/tests/lab/cloud"
	"github.com/promwire/promwire/tests/lab/clusters"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/machines"
)

// TestClusters boots two clusters side by side, one of them with a network plugin that enforces nothing, and a machine.
func TestClusters(t *testing.T) {
	f := newFolder(t)
	before := traces(t, f)
	a, plain := start(t, f, "a", clusters.Calico), start(t, f, "plain", clusters.Bridge)
	for _, cluster := range []string{"a", "plain"} {
		runPods(t, f, cluster)
	}
	t.Run("the operator reaches the API and nothing else", func(t *testing.T) { operatorSees(t, f, a, plain) })
	t.Run("names", func(t *testing.T) { dnsAnswers(t, f) })
	t.Run("policies", func(t *testing.T) { policies(t, f) })
	t.Run("machines", func(t *testing.T) { machinesSee(t, f, a, plain) })
	t.Run("a power loss", func(t *testing.T) { powerLoss(t, f) })
	t.Run("stop", func(t *testing.T) { stop(t, f) })
	t.Run("sweep", func(t *testing.T) { sweepKilled(t, f, before) })
}

// operatorSees checks what the lab's kubeconfig leads to, and what else of the nodes is open to the operator's machine.
func operatorSees(t *testing.T, f folder.Folder, all ...clusters.Cluster) {
	for _, c := range all {
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: clusters.Kubeconfig(f)},
			&clientcmd.ConfigOverrides{CurrentContext: c.Name}).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		client, err := discovery.NewDiscoveryClientForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		version, err := client.ServerVersion()
		if err != nil || version.GitVersion != "v1.34.0" || config.Host != c.API {
			t.Errorf("%s: %s is %v: %v", c.Name, config.Host, version, err)
		}
		api := netip.MustParseAddrPort(strings.TrimPrefix(c.API, "https://"))
		for _, closed := range []netip.AddrPort{
			netip.AddrPortFrom(api.Addr(), 10250), netip.AddrPortFrom(c.Address, 6443), netip.AddrPortFrom(c.Address, 10250),
		} {
			if conn, err := net.DialTimeout("tcp", closed.String(), time.Second); err == nil {
				conn.Close()
				t.Errorf("%s: %s is open to the operator's machine", c.Name, closed)
			}
		}
	}
}

// dnsAnswers asks for names as pods do, and goes where the answer says.
func dnsAnswers(t *testing.T, f folder.Folder) {
	for _, cluster := range []string{"a", "plain"} {
		service := kubectl(t, f, cluster, "", "get", "service", "server", "--output=jsonpath={.spec.clusterIP}")
		eventually(t, cluster+": the service has a name", func() bool {
			answer, err := inClient(t, f, cluster, "nslookup", "server.default.svc.cluster.local")
			return err == nil && strings.Contains(answer, "Address: "+service)
		})
		if answer, err := inClient(t, f, cluster, "nslookup", "nobody.default.svc.cluster.local"); err == nil {
			t.Errorf("%s: nobody has an address: %s", cluster, answer)
		}
		eventually(t, cluster+": the service is reached", func() bool { return reaches(t, f, cluster, service, 70) })
	}
	labels := kubectl(t, f, "a", "", "get", "namespace", "default", "--output=jsonpath={.metadata.labels}")
	if !strings.Contains(labels, `"kubernetes.io/metadata.name":"default"`) {
		t.Errorf("the namespace's labels are %s", labels)
	}
}

// policies makes NetworkPolicies, which one cluster enforces and the other does not.
func policies(t *testing.T, f folder.Folder) {
	apply := func(name string) {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, cluster := range []string{"a", "plain"} {
			kubectl(t, f, cluster, string(text), "apply", "--filename=-")
		}
	}
	server := address(t, f, "a", "server")
	admits := func() bool { return reaches(t, f, "a", server, 7000) }
	blocks := func() bool { return !admits() }
	apply("deny.yaml")
	eventually(t, "default-deny blocks", blocks)
	apply("allow.yaml")
	eventually(t, "an allowed edge is admitted", admits)
	if reaches(t, f, "a", server, 8080) {
		t.Error("another port than the one allowed is open")
	}
	kubectl(t, f, "a", "", "label", "pod", "client", "app=other", "--overwrite")
	eventually(t, "a pod of another label is blocked", blocks)
	kubectl(t, f, "a", "", "delete", "networkpolicy", "--all")
	eventually(t, "without policies all is admitted", admits)
	if !reaches(t, f, "plain", address(t, f, "plain", "server"), 8080) {
		t.Error("the plugin that should enforce nothing does")
	}
}

// machinesSee checks what passes between pods, machines and the other cluster's node.
func machinesSee(t *testing.T, f folder.Folder, a, plain clusters.Cluster) {
	lab, err := machines.Open(t.Context(), f, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	droplet, err := lab.Create(t.Context(), cloud.MachineSpec{Name: "droplet", Region: "lon1", Image: "debian-12-x64"})
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range []clusters.Cluster{a, plain} {
		eventually(t, cluster.Name+": a pod reaches the droplet", func() bool { return reaches(t, f, cluster.Name, droplet.V4.String(), 22) })
	}
	for name, closed := range map[string]string{
		"the API": fmt.Sprintf("%s/6443", a.Address), "the kubelet": fmt.Sprintf("%s/10250", a.Address),
		"the API's other address": fmt.Sprintf("%s/6443", strings.Split(strings.TrimPrefix(a.API, "https://"), ":")[0]),
		"a pod":                   address(t, f, "a", "server") + "/7000",
	} {
		if dials(t, lab, closed) {
			t.Errorf("the droplet reaches %s at %s", name, closed)
		}
	}
	for _, port := range []int{6443, 10250} {
		if reaches(t, f, "a", plain.Address.String(), port) {
			t.Errorf("a pod reaches port %d of the other cluster's node", port)
		}
	}
	if reaches(t, f, "a", address(t, f, "plain", "server"), 7000) {
		t.Error("a pod reaches one of the other cluster")
	}
}

// dials reports whether the droplet can open a TCP connection to HOST/PORT.
func dials(t *testing.T, lab *machines.Lab, to string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := lab.Exec(ctx, "droplet", "timeout", "2", "bash", "-c", "exec 3<>/dev/tcp/"+to)
	if ctx.Err() != nil {
		t.Fatalf("not done within %s: dial %s", patience, to)
	}
	return err == nil
}
