// Command promwire is the Pulumi program: `pulumi up` runs it.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/promwire/promwire/stacks"
)

func main() {
	pulumi.Run(stacks.Run)
}
