package setup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/promwire/promwire/tests/lab/folder"
)

// nodeCommands are what the nodes of clusters run of the operator's machine.
var nodeCommands = []needed{
	{"/usr/lib/cni/host-local", "containernetworking-plugins"},
	{"conntrack", "conntrack"},
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"ipset", "ipset"},
	{"iptables", "iptables"},
	{"runc", "runc"},
}

func ensureNodes(ctx context.Context, _ folder.Folder, log io.Writer) error {
	return ensureCommands(ctx, nodeCommands, log)
}

// kubernetesTool is the control plane, the node's programs and kubectl, and calicoTool what enforces their NetworkPolicies.
var (
	kubernetesTool = tool{name: "kubernetes", module: "toolchain/kubernetes", path: ".", link: kubernetesVersion("1", "34", "0")}
	calicoTool     = tool{name: "calico", module: "toolchain/calico", path: "."}
)

// kubernetesVersion has the linker set what Kubernetes's own build does: an API server that says v0.0.0 is none of a known version.
func kubernetesVersion(major, minor, patch string) string {
	var link []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, variable := range []string{
			"gitVersion=v" + major + "." + minor + "." + patch, "gitMajor=" + major, "gitMinor=" + minor, "gitTreeState=clean",
		} {
			link = append(link, "-X "+pkg+"."+variable)
		}
	}
	return strings.Join(link, " ")
}

func ensureKubernetes(ctx context.Context, f folder.Folder, log io.Writer) error {
	if err := ensureBuilt(ctx, f, log, []tool{kubernetesTool, calicoTool}); err != nil {
		return err
	}
	return ensureDefinitions(ctx, f)
}

// Definitions is the file in folder.Bin that has the custom resource definitions which Calico keeps its things in.
const Definitions = "calico-crds.yaml"

// ensureDefinitions takes them from the sources of the module that calico was built from.
func ensureDefinitions(ctx context.Context, f folder.Folder) error {
	key, err := calicoTool.key(ctx, f)
	if err != nil {
		return err
	}
	path := filepath.Join(f.Bin(), Definitions)
	if stamped(path, key) {
		return nil
	}
	dir, err := run(ctx, command{
		dir: calicoTool.dir(f), env: goEnvironment,
		args: []string{"go", "list", "-m", "-f", "{{.Dir}}", "github.com/projectcalico/calico"},
	})
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(dir), "libcalico-go", "config", "crd", "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no definitions in the sources of Calico in %s: %w", dir, err)
	}
	var all bytes.Buffer
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&all, "---\n%s\n", text)
	}
	if err := writeFile(path, all.Bytes()); err != nil {
		return err
	}
	return stamp(path, key)
}
