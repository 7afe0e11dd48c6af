package settings

import (
	"regexp"
	"strings"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/stacks/settings/document"
)

var pinned = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)

// unsaid is what the stack file clusters has where only the operator knows the digest. No image has this one.
var unsaid = "@sha256:" + strings.Repeat("0", 64)

// images are those that the clusters run. A digest names what runs; a tag may name something else tomorrow.
func (c *checker) images(d document.Images, clusters []document.Cluster) kubernetes.Images {
	var pushgateway, nginx, reflect, state bool
	for _, cluster := range clusters {
		reflect = reflect || cluster.Reflect
		state = state || cluster.Prometheus.KubeStateMetrics
		if p := cluster.Pushgateway; p != nil {
			pushgateway = true
			nginx = nginx || or(p.Form, defaultForm) == Proxied
		}
	}
	any := len(clusters) > 0
	return kubernetes.Images{
		Prometheus:  c.image("prometheus", d.Prometheus, defaultImages.Prometheus, any),
		Wireproxy:   c.image("wireproxy", d.Wireproxy, "", any),
		Pushgateway: c.image("pushgateway", d.Pushgateway, defaultImages.Pushgateway, pushgateway),
		Nginx:       c.image("nginx", d.Nginx, defaultImages.Nginx, nginx),
		Reflect:     c.image("reflect", d.Reflect, "", reflect),

		KubeStateMetrics: c.image("kubeStateMetrics", d.KubeStateMetrics, "", state),
	}
}

func (c *checker) image(key, text, fallback string, needed bool) string {
	path := "images." + key
	switch {
	case strings.HasSuffix(text, unsaid) && needed:
		c.Add(path, "%q is only a placeholder for your own digest (`crane digest NAME` prints it)", text)
	case text != "" && !pinned.MatchString(text):
		c.Add(path, "%q is not pinned; write it as NAME@sha256:DIGEST (`crane digest NAME` prints the digest)", text)
	case text == "" && fallback == "" && needed:
		c.Add(path, "missing: a cluster runs it; write it as NAME@sha256:DIGEST (`crane digest NAME` prints the digest)")
	}
	if !needed {
		return ""
	}
	return or(text, fallback)
}
