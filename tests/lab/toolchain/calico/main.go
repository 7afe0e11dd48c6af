// Command calico is what enforces NetworkPolicy on a cluster's node: Calico's agent (felix), its CNI plugin, which is what it is
// when a container runtime calls it, and the definitions of the resources that both keep in the Kubernetes API.
package main

import (
	"fmt"
	"os"

	"github.com/projectcalico/calico/cni-plugin/pkg/plugin"
	felix "github.com/projectcalico/calico/felix/daemon"
)

// version is Calico's release whose sources go.mod pins.
const version = "v3.28.5"

func main() {
	switch {
	case os.Getenv("CNI_COMMAND") != "": // as the specification of CNI has it
		plugin.Main(version)
	case len(os.Args) == 3 && os.Args[1] == "felix":
		felix.Run(os.Args[2], version, "", "")
	default:
		fmt.Fprintln(os.Stderr, "usage: calico felix CONFIGURATION\nOr, as a CNI plugin: CNI_COMMAND=… calico")
		os.Exit(2)
	}
}
