package clusters

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/sync/errgroup"

	"github.com/promwire/promwire/tests/lab/wait"
)

// await makes a cluster that boots whole, and waits until it works: images are imported, the network plugin's resources and the
// DNS are there, the node is ready and the DNS answers.
func (b *boot) await(ctx context.Context, r record) error {
	parts, partsCtx := errgroup.WithContext(ctx)
	parts.Go(func() error { return b.importImages(partsCtx, r) })
	parts.Go(func() error { return b.applyBase(partsCtx, r) })
	err := parts.Wait()
	if err == nil {
		err = b.awaitDNS(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, b.lab.lastLines(r.Name))
	}
	return nil
}

// ctr is containerd's own client on a node.
var ctr = []string{"ctr", "--address", containerdRun, "--namespace", "k8s.io"}

// importImages gives containerd the images.
func (b *boot) importImages(ctx context.Context, r record) error {
	err := retry(ctx, func() error {
		_, err := b.lab.exec(ctx, r.Name, "", append(ctr, "version")...)
		return err
	})
	if err != nil {
		return err
	}
	known, err := b.lab.exec(ctx, r.Name, "", append(ctr, "images", "list", "--quiet")...)
	if err != nil {
		return err
	}
	for _, image := range b.images {
		if slices.Contains(strings.Fields(string(known)), image.Reference) {
			continue
		}
		file, err := os.Open(image.File)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := b.lab.load(ctx, r.Name, file); err != nil {
			return fmt.Errorf("import image %s: %w", image.Name, err)
		}
	}
	return nil
}

// applyBase makes what the network plugin keeps in the Kubernetes API, and waits until the node is ready.
func (b *boot) applyBase(ctx context.Context, r record) error {
	err := retry(ctx, func() error {
		_, err := b.lab.kubectl(ctx, r.Name, "", "get", "--raw", "/readyz")
		return err
	})
	if err != nil {
		return err
	}
	if r.Plugin == Calico {
		if err := b.apply(ctx, r, "", onNode+"programs/"+definitions); err != nil {
			return err
		}
		if err := b.apply(ctx, r, fmt.Sprintf(calicoReady, r.Name), "-"); err != nil {
			return err
		}
	}
	return retry(ctx, func() error {
		if _, err := b.lab.kubectl(ctx, r.Name, "", "get", "serviceaccount", "default", "--namespace=default"); err != nil {
			return err
		}
		_, err := b.lab.kubectl(ctx, r.Name, "", "wait", "--for=condition=Ready", "node/"+r.Name, "--timeout=10s")
		return err
	})
}

// calicoReady is what felix and the CNI plugin wait for.
const calicoReady = `{"apiVersion": "crd.projectcalico.org/v1", "kind": "ClusterInformation", "metadata": {"name": "default"},
"spec": {"datastoreReady": true, "clusterType": "k8s", "clusterGUID": %q}}`

//go:embed dns.yaml
var dnsManifest string

// awaitDNS runs CoreDNS, and waits until it answers.
func (b *boot) awaitDNS(ctx context.Context, r record) error {
	var text bytes.Buffer
	manifest := template.Must(template.New("dns.yaml").Parse(dnsManifest))
	err := manifest.Execute(&text, map[string]any{
		"Image": b.image("coredns").Reference, "Address": newPlan(b.network, r.Number).service(dnsService),
	})
	if err != nil {
		return err
	}
	if err := b.apply(ctx, r, text.String(), "-"); err != nil {
		return err
	}
	// After a cluster was off, the API still has the old state: only the DNS's pod knows whether it works.
	return retry(ctx, func() error {
		pod, err := b.lab.kubectl(ctx, r.Name, "", "get", "pods", "--namespace=kube-system", "--selector=k8s-app=kube-dns",
			"--output=jsonpath={.items[0].status.podIP}")
		if err != nil {
			return err
		}
		_, err = b.lab.exec(ctx, r.Name, "", "curl", "--silent", "--show-error", "--fail", "--max-time", "2",
			fmt.Sprintf("http://%s:8181/ready", pod))
		return err
	})
}

// apply makes or changes objects, again and again while the API does not know their kinds yet.
func (b *boot) apply(ctx context.Context, r record, stdin, file string) error {
	return retry(ctx, func() error {
		_, err := b.lab.kubectl(ctx, r.Name, stdin, "apply", "--server-side", "--force-conflicts", "--filename="+file)
		return err
	})
}

// kubectl runs kubectl on the node as the cluster's administrator.
func (l *lab) kubectl(ctx context.Context, cluster, stdin string, args ...string) ([]byte, error) {
	return l.exec(ctx, cluster, stdin, append([]string{"kubectl", "--kubeconfig=" + onNode + "pki/admin.conf"}, args...)...)
}

// retry tries until it succeeds; the error is the last one, when the context ends.
func retry(ctx context.Context, do func() error) error {
	var last error
	err := wait.Until(ctx, func() (bool, error) {
		last = do()
		return last == nil, nil
	})
	if err != nil && last != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return err
}

// lastLines are the last lines of the console, to find the cause.
func (l *lab) lastLines(name string) string {
	text, err := os.ReadFile(l.console(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Sprintf("the end of %s (the programs' own logs are in %s/log):\n%s", l.console(name), l.disk(name),
		strings.Join(lines[max(0, len(lines)-10):], "\n"))
}
