package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	desired "github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/tests/lab/clusters"
)

// cluster is one of the lab's, as a story tells of it.
type cluster struct {
	*story
	name string
}

func (s *story) cluster(name string) cluster { return cluster{s, name} }

// kubectl runs kubectl as the cluster's administrator, and returns what it says.
func (c cluster) kubectl(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	args = append([]string{"kubectl", "--context", c.name}, args...)
	cmd := exec.CommandContext(ctx, filepath.Join(c.lab.Folder.Bin(), "kubernetes"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+clusters.Kubeconfig(c.lab.Folder))
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c cluster) must(args ...string) string {
	c.t.Helper()
	out, err := c.kubectl("", args...)
	require.NoError(c.t, err, "cluster %s: kubectl %v: %s", c.name, args, out)
	return out
}

func (c cluster) apply(manifest string) {
	c.t.Helper()
	out, err := c.kubectl(manifest, "apply", "-f", "-")
	require.NoError(c.t, err, "cluster %s: %s", c.name, out)
}

// ours is kubectl in promwire's namespace.
func (c cluster) ours(args ...string) string {
	c.t.Helper()
	return c.must(append([]string{"-n", "promwire"}, args...)...)
}

// pod is the address of a running pod.
func (c cluster) pod(namespace, selector string) netip.Addr {
	c.t.Helper()
	var address netip.Addr
	c.eventually(func() error {
		out, err := c.kubectl("", "-n", namespace, "get", "pods", "-l", selector, "--field-selector", "status.phase=Running",
			"-o", "jsonpath={.items[*].status.podIP}")
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		address, err = netip.ParseAddr(out)
		return err
	})
	return address
}

// role is the address of promwire's pod of a role.
func (c cluster) role(role string) netip.Addr {
	c.t.Helper()
	return c.pod("promwire", desired.RoleLabel+"="+role)
}

// stranger makes a pod that does nothing, and returns its address.
func (c cluster) stranger(namespace, name string, labels map[string]string) netip.Addr {
	c.t.Helper()
	all := map[string]string{"stranger": name}
	maps.Copy(all, labels)
	image := c.ours("get", "deployment", "prometheus", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": name, "namespace": namespace, "labels": all},
		"spec": map[string]any{
			"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
			"securityContext": map[string]any{
				"runAsNonRoot": true, "runAsUser": 65534, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
			},
			"containers": []any{map[string]any{
				"name": "idle", "image": image, "command": []any{"/bin/sh", "-c", "sleep 86400"},
				"securityContext": map[string]any{
					"allowPrivilegeEscalation": false, "capabilities": map[string]any{"drop": []any{"ALL"}},
				},
				// No Service takes it for one of its own.
				"readinessProbe": map[string]any{"exec": map[string]any{"command": []any{"/bin/false"}}},
			}},
		},
	})
	require.NoError(c.t, err)
	c.apply(string(manifest))
	return c.pod(namespace, "stranger="+name)
}

// onNode is a cluster's node, in no pod.
func (c cluster) onNode(ctx context.Context, command ...string) ([]byte, error) {
	return clusters.Exec(ctx, c.lab.Folder, c.name, command...)
}

// inside is the network of a pod, by its address: with the node's programs, which the pod has not.
func (c cluster) inside(pod netip.Addr) where {
	find := fmt.Sprintf(`for ns in /run/netns/*; do
  if nsenter --net="$ns" ip -oneline address show 2>/dev/null | grep -qF ' %s/'; then exec nsenter --net="$ns" "$@"; fi
done
echo "no pod has %[1]s" >&2; exit 1`, pod)
	return func(ctx context.Context, command ...string) ([]byte, error) {
		return c.onNode(ctx, append([]string{"bash", "-c", find, "bash"}, command...)...)
	}
}

// inPod runs a shell command in the network of a pod.
func (c cluster) inPod(pod netip.Addr, command string) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	out, err := c.inside(pod)(ctx, "bash", "-c", command)
	return strings.TrimSpace(string(out)), err
}

// listening scans all TCP ports of an address, and returns those that answer.
func (s *story) listening(from where, address netip.Addr) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 3*time.Minute)
	defer cancel()
	scan := fmt.Sprintf("for ((port = 1; port < 65536; port++)); do { exec 3<>/dev/tcp/%s/$port; } 2>/dev/null && echo $port; done; true", address)
	out, err := from(ctx, "bash", "-c", scan)
	require.NoError(s.t, err)
	return strings.Join(strings.Fields(string(out)), " ")
}

// query asks the central Prometheus, and returns promtool's lines.
func (s *story) query(query string) (string, error) { return s.queryAt("127.0.0.1", query) }

// queryAt asks a Prometheus where the monitor reaches it.
func (s *story) queryAt(address, query string) (string, error) {
	return s.on("monitor-1", fmt.Sprintf("promtool query instant http://%s:9090 %q", address, query))
}

// value is the one sample that a query of the central Prometheus finds.
func (s *story) value(query string) (float64, error) {
	out, err := s.query(query)
	if err != nil {
		return 0, err
	}
	_, sample, found := strings.Cut(out, "=> ")
	var value float64
	if _, err := fmt.Sscan(sample, &value); !found || err != nil {
		return 0, fmt.Errorf("%s: %q", query, out)
	}
	return value, nil
}

// federated waits until the central Prometheus has series of these clusters, and of no others, that it scraped since this began.
func (s *story) federated(names ...string) {
	s.t.Helper()
	since := time.Now().Unix() // machines of the lab have one clock
	s.eventually(func() error {
		out, err := s.query(fmt.Sprintf(`count by (cluster) (up{job="federate"} == 1 and timestamp(up{job="federate"}) > %d)`, since))
		if err != nil {
			return err
		}
		if got := strings.Count(out, "cluster="); got != len(names) {
			return fmt.Errorf("federated: %s, wanted %v", out, names)
		}
		for _, name := range names {
			up, err := s.value(fmt.Sprintf(`job:up:sum{cluster="%s", job="prometheus"} and on (cluster) up{job="federate"} == 1`, name))
			if err != nil || up != 1 {
				return fmt.Errorf("cluster %s: %v, %w", name, up, err)
			}
		}
		return nil
	})
}
