package document

// Cluster is a Kubernetes cluster to watch. Its own Prometheus is federated by the monitor, through the tunnel alone.
type Cluster struct {
	// The cluster's name: the label cluster of all its series, and its place in the tunnel. Lower-case letters, digits and hyphens.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=48"`
	// How kubectl would reach the cluster. Left out: as kubectl does, by KUBECONFIG or ~/.kube/config, its current context.
	Kubeconfig Kubeconfig `json:"kubeconfig,omitzero"`
	// The namespace to make. It must not be there yet, unless it is this fleet's.
	Namespace string `json:"namespace,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// gateway: Prometheus listens inside the cluster, and a gateway pod holds the tunnel. dark: Prometheus listens on its pod's
	// loopback alone, beside the end of the tunnel; nothing listens on the cluster's network.
	Mode string `json:"mode" jsonschema:"enum=gateway,enum=dark"`
	// Any text. Another one makes other keys for the cluster's ends of the tunnel.
	Key string `json:"key,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=32"`
	// The cluster's Prometheus.
	Prometheus ClusterPrometheus `json:"prometheus,omitzero"`
	// Mode gateway: whether the Kubernetes API is reached through the tunnel too, so that it need not be public. The output
	// "clusters" says how.
	API bool `json:"api,omitempty"`
	// Mode gateway: other services of the cluster that the monitor reaches through the tunnel.
	Expose []Exposed `json:"expose,omitempty"`
	// Whether reflect runs there, a demonstration service: it says what it heard, and counts its connections.
	Reflect bool `json:"reflect,omitempty"`
	// A Pushgateway for the cluster's batch jobs. Left out: none.
	Pushgateway *ClusterPushgateway `json:"pushgateway,omitempty"`
	// What the monitor takes from the cluster's Prometheus.
	Federate Federate `json:"federate,omitzero"`
	// Whether a cluster is taken whose network plugin does not enforce NetworkPolicies: every pod of it then reaches what listens
	// on its network.
	AcceptUnenforced bool `json:"acceptUnenforced,omitempty"`
}

// Kubeconfig is how to reach a cluster's API.
type Kubeconfig struct {
	// File, from the program's folder if it does not begin with / or ~/.
	Path string `json:"path,omitempty"`
	// The whole text of such a file, in place of path: `pulumi config set --secret --path 'promwire:fleet.clusters[0].kubeconfig.contents'`.
	Contents string `json:"contents,omitempty"`
	// Context in it. Left out: its current one.
	Context string `json:"context,omitempty"`
}

// ClusterPrometheus is the Prometheus of a cluster.
type ClusterPrometheus struct {
	// Mode gateway: one that is there already, as kube-prometheus-stack installs it; it is only read. Left out: promwire runs one.
	Service *Service `json:"service,omitempty"`
	// Time between two scrapes, such as 15s; from 1s to 2m.
	ScrapeInterval string `json:"scrapeInterval,omitempty"`
	// What is kept, on the node's disk (an emptyDir volume): the monitor has the series for longer.
	Retention Retention `json:"retention,omitzero"`
}

// Service is one of the cluster's.
type Service struct {
	// Name of the Service.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// Its namespace.
	Namespace string `json:"namespace" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63"`
	// TCP port of the Service.
	Port *int `json:"port" jsonschema:"minimum=1,maximum=65535"`
	// TCP port of its pods, where that is another one (targetPort): policies admit it.
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
	// direct: TLS and passwords are Pushgateway's own, so there is no way around them. proxy: nginx stands in front; who may push may not read, and
	// the other way round, and each user may push only the job of its own name.
	Form string `json:"form,omitempty" jsonschema:"enum=direct,enum=proxy"`
	// The batch jobs: each is a user name, with a password of its own.
	Jobs []string `json:"jobs" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"`
	// Namespaces whose pods may push; of all others, no packet arrives.
	From []string `json:"from" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"`
}

// Federate is what the monitor takes from a cluster's Prometheus.
type Federate struct {
	// Selectors of series, such as {job="shop"}. Left out: the aggregates of the recording rules, {__name__=~"job:.+"}.
	Match []string `json:"match,omitempty" jsonschema:"minItems=1"`
}

// Images are the container images that clusters run, each pinned by its digest: NAME@sha256:DIGEST.
type Images struct {
	// Prometheus, with busybox beside it, as prom/prometheus has it.
	Prometheus string `json:"prometheus,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// wireproxy: WireGuard in userspace, without privileges.
	Wireproxy string `json:"wireproxy,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// Pushgateway.
	Pushgateway string `json:"pushgateway,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// nginx that runs without privileges, as nginxinc/nginx-unprivileged.
	Nginx string `json:"nginx,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
	// reflect, which `go run ./tests/lab image reflect FILE` builds.
	Reflect string `json:"reflect,omitempty" jsonschema:"pattern=@sha256:[0-9a-f]{64}$"`
}
