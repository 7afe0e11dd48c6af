package settings

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

var (
	// volumeSize is a quantity of Kubernetes in powers of 1024.
	volumeSize = regexp.MustCompile(`^[1-9][0-9]*(Mi|Gi|Ti)$`)
	// storageClass is an RFC 1123 subdomain.
	storageClass = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	// podLabel and podLabelValue are what Kubernetes takes as a label.
	podLabel      = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	podLabelValue = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$`)
)

// clusterScrapes are what a cluster's Prometheus reads of the cluster itself. own is promwire's namespace there.
func (c *checker) clusterScrapes(path, own string, d document.ClusterPrometheus) kubernetes.Scrapes {
	s := kubernetes.Scrapes{
		Kubelet: d.Kubelet, CAdvisor: d.CAdvisor, Unverified: d.AcceptUnverified, State: d.KubeStateMetrics,
		Nodes: c.nodes(path+".nodes", d.Nodes),
	}
	if !s.OfNodes() && (d.AcceptUnverified || d.Nodes != nil) {
		c.Add(path, "has acceptUnverified or nodes, which say how kubelets are scraped, and neither kubelet nor cadvisor is true; leave them out, or turn one of these on")
	}
	jobs := map[string]bool{}
	for i, pods := range d.Pods {
		s.Pods = append(s.Pods, c.pods(document.Index(path+".pods", i), own, pods, jobs))
	}
	return s
}

// nodes are networks of nodes.
func (c *checker) nodes(path string, list []string) []netip.Prefix {
	var all []netip.Prefix
	for i, text := range list {
		network, err := netip.ParsePrefix(text)
		if err != nil || network != network.Masked() {
			c.Add(document.Index(path, i), "%q is not a network; write its first address and its length, such as 10.0.0.0/16", text)
			continue
		}
		if network.Bits() == 0 {
			c.Add(document.Index(path, i), "%q is everywhere, so Prometheus could connect to port %d of any host; write the networks in which the nodes are, such as 10.0.0.0/16",
				text, kubernetes.KubeletPort)
			continue
		}
		all = append(all, network)
	}
	return all
}

func (c *checker) pods(at, own string, d document.ScrapedPods, jobs map[string]bool) kubernetes.Pods {
	switch {
	case !scrapeJob.MatchString(d.Job):
		c.Add(at+".job", "%q is not a valid name: use letters, digits, hyphens and underscores, a letter or underscore first, at most 64", d.Job)
	case slices.Contains(kubernetes.Jobs(), d.Job):
		c.Add(at+".job", "%q is a job of promwire's own; choose another name", d.Job)
	case jobs[d.Job]:
		c.Add(at+".job", "%q is a job of this cluster already; choose another name", d.Job)
	}
	jobs[d.Job] = true
	if c.dns(at+".namespace", d.Namespace); d.Namespace == own {
		c.Add(at+".namespace", "%q is promwire's own namespace, which is closed; scrape pods of others", own)
	}
	for _, key := range slices.Sorted(maps.Keys(d.Labels)) {
		if !podLabel.MatchString(key) || !podLabelValue.MatchString(d.Labels[key]) {
			c.Add(at+".labels."+key, "%q is not a label of a pod: use letters, digits, hyphens, underscores and dots, at most 63", key+"="+d.Labels[key])
		}
	}
	if d.Port == nil {
		c.Add(at+".port", "missing: give the TCP port at which the pods serve their metrics")
	}
	pods := kubernetes.Pods{
		Job: d.Job, Namespace: d.Namespace, Labels: d.Labels, Port: c.number(at+".port", d.Port, 1, 1, maxPort),
		Path: or(d.Path, kubernetes.DefaultPath), Limit: c.number(at+".limit", d.Limit, defaultPods, 1, maxPods), Annotated: d.Annotated,
	}
	if !scrapePath.MatchString(pods.Path) {
		c.Add(at+".path", "%q is not a plain path; write it like %s", pods.Path, kubernetes.DefaultPath)
	}
	return pods
}

func (c *checker) clusterLimits(path string, l document.ClusterLimits) prometheus.Limits {
	samples := defaultClusterSamples
	if l.Samples == nil {
		l.Samples = &samples
	}
	l.BodySize = or(l.BodySize, defaultClusterBody)
	return c.limits(path, document.Limits(l))
}

// volume is where a cluster's Prometheus keeps its data, which has to hold what it may keep.
func (c *checker) volume(path string, d document.ClusterPrometheus, retention string) *kubernetes.Volume {
	v := d.Volume
	if v == nil || d.Service != nil {
		return nil
	}
	if v.StorageClass != "" && (len(v.StorageClass) > 253 || !storageClass.MatchString(v.StorageClass)) {
		c.Add(path+".volume.storageClass", "%q is not a valid name of a storage class: use lower-case letters, digits, hyphens and dots", v.StorageClass)
	}
	if !volumeSize.MatchString(v.Size) {
		c.Add(path+".volume.size", "%q is not a size; write it like 10Gi, with one of Mi, Gi, Ti", v.Size)
		return nil
	}
	if dataSize.MatchString(retention) && sizeOf(v.Size) <= sizeOf(retention) {
		c.Add(path+".volume.size", "%s has no room for retention.size, %s, and what is not compacted yet; make it larger, or keep less", v.Size, retention)
	}
	return &kubernetes.Volume{StorageClass: v.StorageClass, Size: v.Size}
}

// sizeOf are the bytes of a size in powers of 1024, as Prometheus writes it, 1GB, or as Kubernetes does, 1Gi: the number is a float, which has no largest size.
func sizeOf(size string) float64 {
	end := strings.LastIndexAny(size, "0123456789") + 1
	number, _ := strconv.ParseFloat(size[:end], 64) // only digits
	for range strings.IndexByte("BKMGTPE", size[end]) {
		number *= 1024
	}
	return number
}
