package document

// Cluster is a Kubernetes cluster to watch. Its own Prometheus is federated by the monitor, only through the tunnel.
type Cluster struct {
	// The cluster's name: the label cluster of all its series, and its name in the tunnel. Lower-case letters, digits and hyphens.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=48"`
	// How to reach the cluster's API. Left out: as kubectl does, by KUBECONFIG or ~/.kube/config, its current context.
	Kubeconfig Kubeconfig `json:"kubeconfig,omitzero"`
	// The namespace to make. It must not exist yet, unless this fleet made it.
	Namespace string `json:"namespace,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// gateway: Prometheus listens inside the cluster, and a gateway pod holds the tunnel. dark: Prometheus listens on its pod's
	// loopback only, beside the end of the tunnel; nothing listens on the cluster's network.
	Mode string `json:"mode" jsonschema:"enum=gateway,enum=dark"`
	// Any text. Change it to get new keys and passwords for the cluster.
	Key string `json:"key,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=32"`
	// The cluster's Prometheus.
	Prometheus ClusterPrometheus `json:"prometheus,omitzero"`
	// Mode gateway: whether the Kubernetes API is reached through the tunnel too, so that it need not be public. The output
	// "clusters" says how.
	API bool `json:"api,omitempty"`
	// Mode gateway: other services of the cluster that the monitor reaches through the tunnel.
	Expose []Exposed `json:"expose,omitempty"`
	// What answers the pods' questions for names, beside kube-dns or CoreDNS in kube-system. NodeLocal DNSCache and OpenShift's resolver are
	// found, if the kubeconfig's user may see them.
	DNS []Resolver `json:"dns,omitempty"`
	// Whether reflect runs there, a demonstration service: it repeats what it is sent, and counts its connections.
	Reflect bool `json:"reflect,omitempty"`
	// A Pushgateway for the cluster's batch jobs. Left out: none.
	Pushgateway *ClusterPushgateway `json:"pushgateway,omitempty"`
	// What the monitor takes from the cluster's Prometheus.
	Federate Federate `json:"federate,omitzero"`
	// Whether to accept a cluster whose network plugin does not enforce NetworkPolicies: then every pod of it can reach what
	// listens on its network.
	AcceptUnenforced bool `json:"acceptUnenforced,omitempty"`
}

// Resolver answers pods' questions for names.
type Resolver struct {
	// Namespace of the pods that answer.
	Namespace string `json:"namespace,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// Or the IP address that answers on every node, such as 169.254.20.10.
	Address string `json:"address,omitempty"`
	// Port of the pods or the address, TCP and UDP.
	Port *int `json:"port,omitempty" jsonschema:"minimum=1,maximum=65535"`
}

// Kubeconfig is how to reach a cluster's API.
type Kubeconfig struct {
	// Path of the file; if it does not begin with / or ~/, it begins at the program's folder.
	Path string `json:"path,omitempty"`
	// The whole text of such a file, instead of path: `pulumi config set --secret --path 'promwire:fleet.clusters[0].kubeconfig.contents'`.
	Contents string `json:"contents,omitempty"`
	// Context in it. Left out: the current one.
	Context string `json:"context,omitempty"`
}

// ClusterPrometheus is the Prometheus of a cluster.
type ClusterPrometheus struct {
	// Mode gateway: a Prometheus that is already there, for example from kube-prometheus-stack; promwire only reads it. Left out:
	// promwire runs one.
	Service *Service `json:"service,omitempty"`
	// Time between two scrapes, such as 15s; from 1s to 2m.
	ScrapeInterval string `json:"scrapeInterval,omitempty"`
	// What is kept, on the node's disk (an emptyDir volume): the monitor keeps the series for longer. Left out: 1d and 1GB.
	Retention Retention `json:"retention,omitzero"`
	// A volume for its data. Left out: the node's disk, and a new pod begins anew.
	Volume *Volume `json:"volume,omitempty"`
	// What one scrape may bring; one with more is refused.
	Limits ClusterLimits `json:"limits,omitzero"`
	// Whether the kubelets' own metrics are scraped, those of volumes too. Prometheus's token may then read these, and all nodes.
	Kubelet bool `json:"kubelet,omitempty"`
	// Whether the kubelets' metrics of containers (cAdvisor) are scraped. Prometheus's token may then read what it may with kubelet.
	CAdvisor bool `json:"cadvisor,omitempty"`
	// Kubelets: whether to believe one whatever certificate it shows. Needed where the cluster's authority does not sign their certificates, as in
	// kubeadm's default. Then whoever answers in its place says what its metrics are, and gets Prometheus's token: docs/clusters.md says what one can
	// read with that.
	AcceptUnverified bool `json:"acceptUnverified,omitempty"`
	// Kubelets: networks in which the nodes are, such as 10.0.0.0/16; Prometheus may connect to port 10250 of all of them. Left out: the nodes that
	// there are at the update, one by one. With an autoscaler it is needed, or no node that it adds is scraped. Everywhere (0.0.0.0/0) is refused.
	Nodes []string `json:"nodes,omitempty" jsonschema:"minItems=1"`
	// Whether kube-state-metrics runs beside it and is scraped. Its image is images.kubeStateMetrics. Prometheus's token, which it uses too, may then
	// read all nodes, pods, Deployments, StatefulSets, DaemonSets and Jobs: no Secrets, but what is written in a pod's environment, arguments and
	// annotations.
	KubeStateMetrics bool `json:"kubeStateMetrics,omitempty"`
	// Pods to scrape.
	Pods []ScrapedPods `json:"pods,omitempty"`
}

// Volume is a PersistentVolumeClaim.
type Volume struct {
	// The storage class. Left out: the cluster's default one.
	StorageClass string `json:"storageClass,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$,maxLength=253"`
	// How large it is, such as 10Gi: more than retention.size.
	Size string `json:"size" jsonschema:"pattern=^[1-9][0-9]*(Mi|Gi|Ti)$"`
}

// ClusterLimits are what one scrape of a cluster's Prometheus may bring.
type ClusterLimits struct {
	// Samples, which are series of one moment.
	Samples *int `json:"samples,omitempty" jsonschema:"minimum=5000"`
	// Labels of a series.
	Labels *int `json:"labels,omitempty" jsonschema:"minimum=16"`
	// Bytes of a label's name.
	LabelNameLength *int `json:"labelNameLength,omitempty" jsonschema:"minimum=64"`
	// Bytes of a label's value.
	LabelValueLength *int `json:"labelValueLength,omitempty" jsonschema:"minimum=256"`
	// Size of the answer, uncompressed, such as 64MB. Units: MB, GB, powers of 1024.
	BodySize string `json:"bodySize,omitempty" jsonschema:"pattern=^[1-9][0-9]*(MB|GB)$"`
}

// ScrapedPods are pods of one namespace that serve metrics by HTTP. Prometheus may connect to their port, and its token may read all pods of the
// namespace, with what is written in their environment, arguments and annotations.
type ScrapedPods struct {
	// The label job of their series.
	Job string `json:"job" jsonschema:"pattern=^[a-zA-Z_][a-zA-Z0-9_-]*$,maxLength=64"`
	// Their namespace, which must be there and is not promwire's.
	Namespace string `json:"namespace" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// Labels that they have. Left out: all pods of the namespace.
	Labels map[string]string `json:"labels,omitempty"`
	// TCP port of the pods.
	Port *int `json:"port" jsonschema:"minimum=1,maximum=65535"`
	// Path of the metrics.
	Path string `json:"path,omitempty" jsonschema:"pattern=^/"`
	// How many pods there may be. If there are more, none of them is scraped, and the alert ClusterScrapeDown says so.
	Limit *int `json:"limit,omitempty" jsonschema:"minimum=1,maximum=100000"`
	// Only pods with the annotation prometheus.io/scrape: "true" and, if they have prometheus.io/port, this port. Their prometheus.io/path and
	// prometheus.io/scheme count.
	Annotated bool `json:"annotated,omitempty"`
}

// Service is a Service of the cluster.
type Service struct {
	// Name of the Service.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// Its namespace.
	Namespace string `json:"namespace" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// TCP port of the Service.
	Port *int `json:"port" jsonschema:"minimum=1,maximum=65535"`
	// TCP port of its pods, if that is another one (targetPort): policies open it.
	PodPort *int `json:"podPort,omitempty" jsonschema:"minimum=1,maximum=65535"`
}

// Exposed is a service that the monitor reaches through the tunnel.
type Exposed struct {
	Service
	// TCP port of the cluster's tunnel address. Left out: the Service's own.
	TunnelPort *int `json:"tunnelPort,omitempty" jsonschema:"minimum=1,maximum=65535"`
}

// ClusterPushgateway is a Pushgateway in a cluster. Its credentials are the stack's output "pushgateways", a secret.
type ClusterPushgateway struct {
	// direct: TLS and passwords are Pushgateway's own. proxy: nginx is in front; who may push may not read, who may read may not
	// push, and each user may push only the job of its own name.
	Form string `json:"form,omitempty" jsonschema:"enum=direct,enum=proxy"`
	// The batch jobs: each is a user name, with a password of its own.
	Jobs []string `json:"jobs" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"`
	// Namespaces whose pods may push; no packet of any other pod arrives.
	From []string `json:"from" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"`
}

// Federate is what the monitor takes from a cluster's Prometheus.
type Federate struct {
	// Selectors of series, such as {job="shop"}. The default takes what the recording rules make: aggregates of jobs, and what the alerts read of
	// the cluster itself; where kubelet, cadvisor, kubeStateMetrics or pods is on, the latter is taken in any case. Of a Prometheus that is already
	// there, the default takes {__name__=~"job:.+"} only.
	Match []string `json:"match,omitempty" jsonschema:"minItems=1"`
}

// Images are the container images that clusters run, each pinned by its digest: NAME@sha256:DIGEST.
type Images struct {
	// Prometheus, with busybox in the image, as prom/prometheus has it.
	Prometheus string `json:"prometheus,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// wireproxy: WireGuard in userspace, without privileges.
	Wireproxy string `json:"wireproxy,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// Pushgateway.
	Pushgateway string `json:"pushgateway,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// nginx that runs without privileges, such as nginxinc/nginx-unprivileged.
	Nginx string `json:"nginx,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// kube-state-metrics.
	KubeStateMetrics string `json:"kubeStateMetrics,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// reflect, which `go run ./tests/lab image reflect FILE` builds.
	Reflect string `json:"reflect,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
}
