package kubernetes

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Jobs of what a cluster's Prometheus reads of the cluster itself.
const (
	JobKubelet  = "kubelet"
	JobCAdvisor = "cadvisor"
	JobState    = "kube-state-metrics"
)

// Ports of what it reads there.
const (
	KubeletPort = 10250 // TCP, of nodes: Kubernetes's own default
	StatePort   = 8081  // of the loopback of Prometheus's pod, where kube-state-metrics says what it knows of the cluster
	StateItself = 8082  // of the same, where kube-state-metrics says how it is itself: nobody asks
)

// DefaultPath is the path of pods' metrics that say no other.
const DefaultPath = "/metrics"

// Jobs are those that every cluster's Prometheus may have. Names of Pods must be others.
func Jobs() []string {
	return []string{"prometheus", "kubernetes-apiservers", RoleReflect, RolePushgateway, JobKubelet, JobCAdvisor, JobState}
}

// Scrapes are what a cluster's Prometheus reads of the cluster itself. The zero value: nothing.
type Scrapes struct {
	Kubelet    bool           // the kubelets' own metrics, those of volumes too
	CAdvisor   bool           // the kubelets' metrics of containers
	Unverified bool           // whether a kubelet is believed whatever certificate it shows
	Nodes      []netip.Prefix // where the kubelets are; none: where the cluster says so, one by one
	State      bool           // kube-state-metrics, beside Prometheus in its pod
	Pods       []Pods
}

// OfNodes says whether anything is read from nodes.
func (s Scrapes) OfNodes() bool { return s.Kubelet || s.CAdvisor }

// Namespaces are those whose pods are read, sorted.
func (s Scrapes) Namespaces() []string {
	var all []string
	for _, p := range s.Pods {
		all = append(all, p.Namespace)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Pods are pods of one namespace, not promwire's, that are scraped at one port.
type Pods struct {
	Job       string
	Namespace string
	Labels    map[string]string // that the pods have; none: all pods
	Port      int               // TCP
	Path      string
	Limit     int  // pods; of more, none is scraped. 0: no limit
	Annotated bool // only those that the annotation prometheus.io/scrape asks for, at the path that prometheus.io/path says
}

// edges are how Prometheus reaches what it reads. Kube-state-metrics needs none: it asks the API servers as Prometheus does.
func (s Scrapes) edges() []Edge {
	from := End{Role: RolePrometheus}
	var edges []Edge
	if s.OfNodes() {
		for _, nodes := range s.Nodes {
			edges = append(edges, Edge{from, End{Network: nodes}, TCP, KubeletPort})
		}
	}
	for _, p := range s.Pods {
		edges = append(edges, Edge{from, End{Namespace: p.Namespace, Labels: p.Labels}, TCP, p.Port})
	}
	return edges
}

// render is a part of <scrape_configs>. What a redirect leads to is not followed: it would get the token.
func (s Scrapes) render() string {
	var b strings.Builder
	trust := "ca_file: " + serviceAccount + "/ca.crt"
	if s.Unverified {
		trust = "insecure_skip_verify: true"
	}
	for _, of := range []struct {
		on        bool
		job, path string
		more      string
	}{
		{s.Kubelet, JobKubelet, DefaultPath, ""},
		// Its timestamps are of when it looked, and series of ended containers would stay for five minutes.
		{s.CAdvisor, JobCAdvisor, DefaultPath + "/cadvisor", "    honor_timestamps: false\n"},
	} {
		if of.on {
			fmt.Fprintf(&b, kubeletConfig, of.job, of.path, of.more, serviceAccount, trust)
		}
	}
	if s.State {
		fmt.Fprintf(&b, stateConfig, JobState, StatePort)
	}
	for _, p := range s.Pods {
		b.WriteString(p.render())
	}
	return b.String()
}

func (p Pods) render() string {
	labels := ""
	if len(p.Labels) > 0 {
		var words []string
		for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
			words = append(words, key+"="+p.Labels[key])
		}
		labels = fmt.Sprintf(podLabels, strings.Join(words, ","))
	}
	annotated := ""
	if p.Annotated {
		annotated = fmt.Sprintf(podAnnotations, p.Port)
	}
	return fmt.Sprintf(podsConfig, p.Job, p.Path, p.Namespace, labels, annotated, p.Port, p.Limit)
}

// The label instance is the node's name: Prometheus's discovery sets it.
const kubeletConfig = `
  - job_name: %[1]s
    scheme: https
    metrics_path: %[2]s
    follow_redirects: false
%[3]s    authorization:
      credentials_file: %[4]s/token
    tls_config:
      %[5]s
    kubernetes_sd_configs:
      - role: node
    relabel_configs:
      - source_labels: [__meta_kubernetes_node_name]
        target_label: node
`

const stateConfig = `
  - job_name: %[1]s
    follow_redirects: false
    static_configs:
      - targets: ['127.0.0.1:%[2]d']
        labels: {instance: %[1]s}
`

// One target a pod, at the port of the network policy, whichever ports the pod declares. Names with a colon are of recording rules: no pod says
// what the cluster's Prometheus makes of others.
//
// What the settings name is quoted: a job or a namespace may be called null or 1.
const podsConfig = `
  - job_name: '%[1]s'
    metrics_path: '%[2]s'
    follow_redirects: false
    target_limit: %[7]d
    kubernetes_sd_configs:
      - role: pod
        namespaces:
          names: ['%[3]s']
%[4]s    relabel_configs:
      - source_labels: [__meta_kubernetes_pod_phase]
        regex: Running
        action: keep
%[5]s      - source_labels: [__meta_kubernetes_pod_ip]
        regex: '([^:]+)'
        target_label: __address__
        replacement: '$1:%[6]d'
      - source_labels: [__meta_kubernetes_pod_ip]
        regex: '(.*:.*)'
        target_label: __address__
        replacement: '[$1]:%[6]d'
      - source_labels: [__meta_kubernetes_namespace]
        target_label: namespace
      - source_labels: [__meta_kubernetes_pod_name]
        target_label: pod
      - source_labels: [__meta_kubernetes_pod_name]
        target_label: instance
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: '.*:.*'
        action: drop
`

const podLabels = `        selectors:
          - role: pod
            label: '%s'
`

const podAnnotations = `      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape]
        regex: 'true'
        action: keep
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_port]
        regex: '(%d)?'
        action: keep
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path]
        regex: '(.+)'
        target_label: __metrics_path__
      - source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scheme]
        regex: '(https?)'
        target_label: __scheme__
`
