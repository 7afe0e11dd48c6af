package kubernetes

// Kubeconfig is how to reach a cluster's API. The zero value: as kubectl does.
type Kubeconfig struct {
	Path     string // of a kubeconfig
	Contents string // of a kubeconfig, in place of Path; a secret
	Context  string // "": the current one
}

// Images are the container images of pods in clusters, each with its digest; "" where no cluster needs it.
type Images struct{ Prometheus, Wireproxy, Pushgateway, Nginx, Reflect string }
