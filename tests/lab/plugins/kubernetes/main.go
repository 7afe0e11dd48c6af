// Command pulumi-resource-kubernetes is the lab's stand-in for Pulumi's kubernetes provider v4.28.0, for machines where the
// real one cannot be downloaded. It is a client of the Kubernetes API, takes objects of any kind, applies them on the
// server's side, waits until Deployments, Jobs, Pods and Services work, and behaves as the real one does, its faults
// included: a program that works with the stand-in must work with the real plugin.
//
// What it does not know, and refuses: client-side apply, rendering to YAML, Helm, lists, patches (DeploymentPatch and the
// like), pulumi.com/waitFor, and the kinds in unawaited, for which the real one waits. Where the real plugin waits forever
// because it may not list what it waits for, this one fails and says so. And where the real one, which keeps what it saw of a
// namespace, now and then takes a Deployment's former rollout for the one that it just began, this one waits.
package main

import (
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// version is that of the real plugin whose behaviour this one has.
const version = "4.28.0"

func main() {
	err := provider.Main("kubernetes", func(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return newPlugin(host), nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-kubernetes:", err)
		os.Exit(1)
	}
}
