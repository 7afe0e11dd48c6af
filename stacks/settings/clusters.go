package settings

import (
	"reflect"
	"regexp"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/promwire/promwire/provisioners/kubernetes"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// Modes of clusters.
const (
	Gateway = "gateway" // Prometheus listens in the cluster, and a gateway pod holds the tunnel
	Dark    = "dark"    // Prometheus listens on its pod's loopback only, beside the end of the tunnel
)

// Forms of a Pushgateway.
const (
	Direct  = "direct" // TLS and passwords are its own
	Proxied = "proxy"  // nginx stands in front
)

// maxCluster is the longest name of a cluster, in bytes: what is named after it has 63.
const maxCluster = 48

// Cluster is a Kubernetes cluster to watch.
type Cluster struct {
	Name             string // RFC 1123 label in lower case, unique among hosts and clusters
	Kubeconfig       kubernetes.Kubeconfig
	Namespace        string
	Mode             string              // Gateway or Dark
	Key              string              // which keys the ends of the tunnel have
	Server           kubernetes.Server   // the Prometheus that promwire runs there
	Volume           *kubernetes.Volume  // of its data; nil: none
	Existing         *kubernetes.Service // an existing Prometheus, in place of Server; nil: none
	API              bool                // whether the Kubernetes API is reached through the tunnel
	Expose           []kubernetes.Exposed
	Resolvers        []kubernetes.Resolver // of names, beside those that the cluster shows
	Reflect          bool
	Pushgateway      *ClusterPushgateway // nil: none
	Match            []string            // selectors of the series that the monitor takes; never empty
	AcceptUnenforced bool
}

// TunnelNames are the names of all its ends of the tunnel, the cluster's own first. Each has a tunnel address.
func (c Cluster) TunnelNames() []string {
	names := []string{c.Name}
	if reflect := c.ReflectName(); reflect != "" {
		names = append(names, reflect)
	}
	return names
}

// ReflectName is the name of reflect's own end of the tunnel; "" where it has none.
func (c Cluster) ReflectName() string {
	if !c.Reflect || c.Mode != Dark {
		return ""
	}
	return c.Name + "-reflect"
}

// ClusterPushgateway is a Pushgateway in a cluster.
type ClusterPushgateway struct {
	Form string   // Direct or Proxied
	Jobs []string // user names too; never empty
	From []string // namespaces; never empty
}

// jobName is a URL's path segment without any escapes, and nginx's variable $remote_user alike.
var jobName = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$`)

// scraper is the user name of Prometheus itself; choose another for a Pushgateway.
const scraper = "prometheus"

func (c *checker) clusters(list []document.Cluster) []Cluster {
	var clusters []Cluster
	for i, cluster := range list {
		clusters = append(clusters, c.cluster(document.Index("clusters", i), cluster))
	}
	return clusters
}

func (c *checker) cluster(path string, d document.Cluster) Cluster {
	switch {
	case d.Name == "":
		c.Add(path+".name", "missing: every cluster needs a name")
	case len(d.Name) <= maxCluster:
		c.name(path+".name", d.Name)
	default:
		c.Add(path+".name", "%q has %d characters; a cluster's name has at most %d", d.Name, len(d.Name), maxCluster)
	}
	cluster := Cluster{
		Name: d.Name, Kubeconfig: c.kubeconfig(path+".kubeconfig", d.Kubeconfig), Namespace: or(d.Namespace, defaultNamespace),
		Mode: d.Mode, Key: or(d.Key, defaultKey), API: d.API, Reflect: d.Reflect,
		Pushgateway: c.clusterPushgateway(path+".pushgateway", d.Pushgateway), Match: c.match(path+".federate.match", d.Federate.Match),
		AcceptUnenforced: d.AcceptUnenforced,
	}
	cluster.Server, cluster.Existing = c.clusterPrometheus(path, d)
	cluster.Volume = c.volume(path+".prometheus", d.Prometheus, cluster.Server.RetentionSize)
	if cluster.Existing == nil {
		cluster.Match = matchOfOwn(cluster.Match, d.Federate.Match == nil, cluster.Server.Scrapes)
	}
	c.dns(path+".namespace", cluster.Namespace)
	c.dns(path+".key", cluster.Key)
	switch d.Mode {
	case Gateway, Dark:
	case "":
		c.Add(path+".mode", "missing: gateway (Prometheus listens inside the cluster) or dark (nothing listens on the cluster's network)")
	default:
		c.Add(path+".mode", "%q is not a mode; write gateway or dark", d.Mode)
	}
	cluster.Expose = c.expose(path, d)
	cluster.Resolvers = c.resolvers(path+".dns", d.DNS)
	if d.Mode == Dark {
		c.dark(path, d)
	}
	return cluster
}

// dark reports what has no place in a dark cluster.
func (c *checker) dark(path string, d document.Cluster) {
	for _, wrong := range []struct {
		key  string
		said bool
		why  string
	}{
		{"api", d.API, "is the gateway's to forward"},
		{"expose", len(d.Expose) > 0, "is the gateway's to forward"},
		{"prometheus.service", d.Prometheus.Service != nil, "listens on the cluster's network"},
		{"pushgateway", d.Pushgateway != nil, "listens on the cluster's network"},
	} {
		if wrong.said {
			c.Add(path+"."+wrong.key, "%s, and a dark cluster has no such thing; leave it out, or choose mode gateway", wrong.why)
		}
	}
}

func (c *checker) kubeconfig(path string, k document.Kubeconfig) kubernetes.Kubeconfig {
	if k.Path != "" && k.Contents != "" {
		c.Add(path, "has both path and contents; write only one of them")
	}
	return kubernetes.Kubeconfig{Path: k.Path, Contents: k.Contents, Context: k.Context}
}

// clusterPrometheus is the one that promwire runs, or the existing one.
func (c *checker) clusterPrometheus(path string, d document.Cluster) (kubernetes.Server, *kubernetes.Service) {
	path += ".prometheus"
	if d.Prometheus.Service != nil {
		if only := (document.ClusterPrometheus{Service: d.Prometheus.Service}); !reflect.DeepEqual(d.Prometheus, only) {
			c.Add(path, "already exists, and promwire only reads it; leave out all but service")
		}
		if d.Reflect || d.Pushgateway != nil {
			c.Add(path+".service", "is a Prometheus that promwire does not configure, so it would not scrape reflect or the Pushgateway; leave them out")
		}
		service := c.service(path+".service", *d.Prometheus.Service)
		return kubernetes.Server{Cluster: d.Name}, &service
	}
	resolved := c.prometheus(path, document.Prometheus{
		ScrapeInterval: d.Prometheus.ScrapeInterval,
		Retention: document.Retention{
			Time: or(d.Prometheus.Retention.Time, defaultClusterRetention),
			Size: or(d.Prometheus.Retention.Size, defaultClusterSize),
		},
	})
	return kubernetes.Server{
		Cluster: d.Name, ScrapeInterval: resolved.ScrapeInterval,
		RetentionTime: resolved.RetentionTime, RetentionSize: resolved.RetentionSize,
		Scrapes: c.clusterScrapes(path, or(d.Namespace, defaultNamespace), d.Prometheus), Limits: c.clusterLimits(path+".limits", d.Prometheus.Limits),
	}, nil
}

func (c *checker) service(path string, s document.Service) kubernetes.Service {
	c.dns(path+".name", s.Name)
	c.dns(path+".namespace", s.Namespace)
	if s.Port == nil {
		c.Add(path+".port", "missing: give the Service's TCP port")
	}
	service := kubernetes.Service{Name: s.Name, Namespace: s.Namespace, Port: c.number(path+".port", s.Port, 1, 1, maxPort)}
	service.PodPort = c.number(path+".podPort", s.PodPort, service.Port, 1, maxPort)
	return service
}

// expose are the services that the gateway forwards, each at a port of its own.
func (c *checker) expose(path string, d document.Cluster) []kubernetes.Exposed {
	taken := map[int]string{prometheus.Port: "Prometheus"}
	if d.API {
		taken[kubernetes.APIPort] = "the Kubernetes API"
	}
	if d.Reflect {
		taken[kubernetes.ReflectPort] = "reflect"
	}
	var all []kubernetes.Exposed
	for i, e := range d.Expose {
		at := document.Index(path+".expose", i)
		exposed := kubernetes.Exposed{Service: c.service(at, e.Service)}
		exposed.TunnelPort = c.number(at+".tunnelPort", e.TunnelPort, exposed.Port, 1, maxPort)
		if other, is := taken[exposed.TunnelPort]; is && (e.Port != nil || e.TunnelPort != nil) {
			c.Add(at+".tunnelPort", "%d of the cluster's tunnel address is used by %s already; choose another", exposed.TunnelPort, other)
		}
		taken[exposed.TunnelPort] = e.Name
		all = append(all, exposed)
	}
	return all
}

func (c *checker) resolvers(path string, list []document.Resolver) []kubernetes.Resolver {
	var all []kubernetes.Resolver
	for i, r := range list {
		at := document.Index(path, i)
		resolver := kubernetes.Resolver{Namespace: r.Namespace, Port: c.number(at+".port", r.Port, kubernetes.DNSPort, 1, maxPort)}
		switch {
		case (r.Namespace == "") == (r.Address == ""):
			c.Add(at, "write either the namespace of the pods that answer, or an address")
		case r.Namespace != "":
			c.dns(at+".namespace", r.Namespace)
		default:
			if resolver.Address = single(r.Address); !resolver.Address.IsValid() {
				c.Add(at+".address", "%q is not an IP address that pods can ask", r.Address)
			}
		}
		all = append(all, resolver)
	}
	return all
}

func (c *checker) clusterPushgateway(path string, p *document.ClusterPushgateway) *ClusterPushgateway {
	if p == nil {
		return nil
	}
	resolved := &ClusterPushgateway{Form: or(p.Form, defaultForm), Jobs: p.Jobs, From: p.From}
	if resolved.Form != Direct && resolved.Form != Proxied {
		c.Add(path+".form", "%q is not a form; write direct or proxy", p.Form)
	}
	c.jobs(path+".jobs", p.Jobs)
	if len(p.From) == 0 {
		c.Add(path+".from", "missing: name the namespaces whose pods push")
	}
	for i, namespace := range p.From {
		c.dns(document.Index(path+".from", i), namespace)
	}
	return resolved
}

// match are selectors of series, as Prometheus's own parser takes them.
func (c *checker) match(path string, selectors []string) []string {
	if selectors == nil {
		return slices.Clone(defaultMatch)
	}
	if len(selectors) == 0 {
		c.Add(path, "the list is empty; leave it out to take the aggregates")
	}
	promql := parser.NewParser(parser.Options{})
	for i, selector := range selectors {
		if _, err := promql.ParseMetricSelector(selector); err != nil {
			c.Add(document.Index(path, i), "%q is not a valid selector of series: %v", selector, err)
		}
	}
	return selectors
}

// matchOfOwn are the selectors of a Prometheus that promwire runs: the default ones, or those of the settings and what the alerts read of the cluster itself,
// where there is such a thing.
func matchOfOwn(match []string, byDefault bool, scrapes kubernetes.Scrapes) []string {
	switch {
	case byDefault:
		return slices.Clone(ownMatch)
	case (scrapes.OfNodes() || scrapes.State || len(scrapes.Pods) > 0) && !slices.Contains(match, ownMatch[0]):
		return append(slices.Clone(match), clusterMatch)
	}
	return match
}

// dns checks the name of a namespace, a Service or the like: an RFC 1123 label.
func (c *checker) dns(path, name string) {
	switch {
	case name == "":
		c.Add(path, "missing: write the name")
	case len(name) > maxLabel || !label.MatchString(name):
		c.Add(path, "%q is not a valid name in Kubernetes: use lower-case letters, digits and hyphens, no hyphen at either end, at most %d", name, maxLabel)
	}
}
