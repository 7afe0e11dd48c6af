// Command pulumi-resource-command is the lab's stand-in for Pulumi's command provider v1.2.1, for machines where the real
// one cannot be downloaded. It has the resources remote.Command and local.Command, and behaves as the real ones do,
// their faults included: a program that works with the stand-in must work with the real plugin.
//
// What it does not know: CopyToRemote, CopyFile, local.run, and a local command's assetPaths and archivePaths.
package main

import (
	"context"
	"fmt"
	"os"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"github.com/promwire/promwire/tests/lab/plugins/command/local"
	"github.com/promwire/promwire/tests/lab/plugins/command/remote"
)

// version is that of the real plugin whose behaviour this one has.
const version = "1.2.1"

func main() {
	if err := p.RunProvider(context.Background(), "command", version, provider()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-command:", err)
		os.Exit(1)
	}
}

func provider() p.Provider {
	return infer.Provider(infer.Options{Resources: []infer.InferredResource{
		infer.Resource(&local.Command{}),
		infer.Resource(&remote.Command{}),
	}})
}
