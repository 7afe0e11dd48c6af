package kubernetes

// Kubeconfig is how to reach a cluster's API. The zero value: as kubectl does.
type Kubeconfig struct {
	Path     string // of a kubeconfig
	Contents string // of a kubeconfig, in place of Path; a secret
	Context  string // "": the current one
}

// Images are the container images of pods in clusters, each with its digest; "" where no cluster needs it.
type Images struct{ Prometheus, Wireproxy, Pushgateway, Nginx, Reflect, KubeStateMetrics string }

// Volume is a PersistentVolumeClaim.
type Volume struct {
	StorageClass string // "": the cluster's default one
	Size         string // a quantity of Kubernetes, such as 10Gi
}
