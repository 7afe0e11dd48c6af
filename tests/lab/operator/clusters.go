package operator

import (
	"slices"
)

// Clusters lists the clusters that the file of a stack takes to be there already, by their contexts in a kubeconfig, sorted. Those
// that it says more of, a file or its contents, are not the lab's.
func (o *Operator) Clusters(stack string) ([]string, error) {
	fleet, err := o.read(stack)
	if err != nil {
		return nil, err
	}
	var contexts []string
	for _, c := range fleet.Clusters {
		if k := c.Kubeconfig; k.Context != "" && k.Path == "" && k.Contents == nil {
			contexts = append(contexts, k.Context)
		}
	}
	slices.Sort(contexts)
	return slices.Compact(contexts), nil
}

// cluster is as much of a cluster in promwire:fleet as the lab must know.
type cluster struct {
	Kubeconfig struct {
		Context  string `yaml:"context"`
		Path     string `yaml:"path"`
		Contents any    `yaml:"contents"` // text, or a secret
	} `yaml:"kubeconfig"`
}

// placeClusters gives the clusters of a fleet that name no kubeconfig the lab's, as KUBECONFIG would: the program, which runs in this
// process, has this process's environment.
func placeClusters(fleet map[string]any, kubeconfig string) {
	clusters, _ := fleet["clusters"].([]any)
	for _, c := range clusters {
		c, ok := c.(map[string]any)
		if !ok {
			continue // the program itself will say what is wrong
		}
		k, ok := c["kubeconfig"].(map[string]any)
		if !ok && c["kubeconfig"] == nil {
			k = map[string]any{}
			c["kubeconfig"] = k
		}
		if k != nil && k["path"] == nil && k["contents"] == nil {
			k["path"] = kubeconfig
		}
	}
}

// nameImages puts the lab's images in place of those of a fleet with clusters.
func nameImages(fleet map[string]any, known map[string]string) {
	if fleet["clusters"] == nil || len(known) == 0 {
		return
	}
	images, _ := fleet["images"].(map[string]any)
	if images == nil {
		images = map[string]any{}
		fleet["images"] = images
	}
	for name, reference := range known {
		images[name] = reference
	}
}
