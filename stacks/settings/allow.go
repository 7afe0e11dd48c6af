package settings

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/stacks/settings/document"
)

// maxEdges are all that a fleet can have: each is two rules on hosts and one where the ends meet, and is proved with packets.
const maxEdges = 500

// portOf is what Edge.To ends with.
var portOf = regexp.MustCompile(`^(.+):([1-9][0-9]{0,4})$`)

// allow are the edges that people declare.
func (c *checker) allow(list []document.Edge, clusters []Cluster) []Edge {
	var all []Edge
	for i, e := range list {
		path := document.Index("allow", i)
		from, namespace := c.senders(path+".from", e.From, clusters)
		match := portOf.FindStringSubmatch(e.To)
		if match == nil {
			c.Add(path+".to", "%q: must end with a TCP port, such as db-1:5432", e.To)
			continue
		}
		port, _ := strconv.Atoi(match[2])
		if port > 65535 {
			c.Add(path+".to", "%d is not a TCP port", port)
		}
		for _, f := range from {
			for _, to := range c.ends(path+".to", match[1]) {
				why := closedPort(to, port)
				switch {
				case why != "":
					c.Add(path+".to", "%s", why)
				case namespace != "" && len(to.Name) > longestService:
					c.Add(path+".to", "%s has %d characters; a Service for pods can be called to-NAME with at most %d of them", to.Name, len(to.Name), longestService)
				case f.Name != to.Name:
					all = append(all, Edge{From: f.Name, To: to.Name, Port: port, Namespace: namespace})
				case !strings.HasPrefix(e.From, byLabel) && !strings.HasPrefix(e.To, byLabel):
					c.Add(path+".to", "%s reaches its own ports without an edge", f.Name)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), a.Port-b.Port, cmp.Compare(a.Namespace, b.Namespace))
	})
	if all = slices.Compact(all); len(all) > maxEdges {
		c.Add("allow", "these are %d edges between hosts; at most %d are possible", len(all), maxEdges)
	}
	return all
}

// longestService is how long a host's name may be in that of a Service (RFC 1035 label), behind "to-".
const longestService = maxLabel - len("to-")

// closedPort says why a port can be no edge; "" if it can. What the monitor scrapes admits nobody else, also by the exporters' own units.
func closedPort(to located, port int) string {
	ssh := 22
	if to.Existing != nil {
		ssh = to.Existing.Port
	}
	scraped := exporter.Ports(append(exporter.Endpoints(to.Exporters, to.Scrape, false), exporter.Endpoints(to.Exporters, to.Scrape, true)...))
	switch {
	case port == ssh:
		return fmt.Sprintf("%d is SSH of %s, which never goes through the tunnel", port, to.Name)
	case port == fence.Port || port == certificate.ReceivePort:
		return fmt.Sprintf("%d of %s is promwire's own; only the monitor connects to it", port, to.Name)
	case slices.Contains(scraped, port):
		return fmt.Sprintf("%d of %s is what the monitor scrapes, and only it; whoever needs its series asks the monitor, at port %d", port, to.Name, prometheus.Port)
	}
	return ""
}

// senders are the ends that may connect, and the namespace of pods if they are a cluster. The monitor is none of them.
func (c *checker) senders(path, text string, clusters []Cluster) (from []located, namespace string) {
	const monitor = "monitor"
	if name, namespace, is := strings.Cut(text, "/"); is && !strings.HasPrefix(text, byLabel) {
		return c.podsOf(path, name, namespace, clusters), namespace
	}
	all := c.ends(path, text)
	if len(all) == 1 && all[0].path == monitor && !strings.HasPrefix(text, byLabel) {
		c.Add(path, "%s is the monitor, which connects only to what it scrapes; write the port under scrape of the target", text)
	}
	return slices.DeleteFunc(all, func(h located) bool { return h.path == monitor }), ""
}

// podsOf are those of a cluster's namespace: they connect through its gateway.
func (c *checker) podsOf(path, name, namespace string, clusters []Cluster) []located {
	i := slices.IndexFunc(clusters, func(cluster Cluster) bool { return cluster.Name == name })
	switch {
	case i < 0:
		c.Add(path, "there is no cluster %q; write the name of a target, or CLUSTER/NAMESPACE", name)
	case clusters[i].Mode != Gateway:
		c.Add(path, "%s is a dark cluster, whose pods have no gateway that they could connect through", name)
	case clusters[i].AcceptUnenforced:
		c.Add(path, "%s may be a cluster where no policy is enforced (acceptUnenforced), so all of its pods would connect; leave out one of the two", name)
	case !label.MatchString(namespace) || len(namespace) > maxLabel:
		c.Add(path, "%q is not the name of a namespace", namespace)
	case namespace == clusters[i].Namespace:
		c.Add(path, "%s is promwire's own namespace, which stays closed; write another one", namespace)
	default:
		return []located{{path: path, Host: Host{Name: name}}}
	}
	return nil
}

// byLabel begins the name of ends by a label.
const byLabel = "label "

// ends are the hosts that have a name or a label. A name that nobody has is an error, so that nobody waits for an edge that never opens; a label
// may have none yet.
func (c *checker) ends(path, text string) []located {
	label, is := strings.CutPrefix(text, byLabel)
	key, value, both := strings.Cut(label, "=")
	if is && (!both || key == "" || value == "") {
		c.Add(path, "%q: write label KEY=VALUE, such as label team=shop", text)
		return nil
	}
	var found []located
	for _, h := range c.hosts {
		if has := h.Labels[key]; (is && has == value) || (!is && h.Name == text) {
			found = append(found, h)
		}
	}
	if len(found) == 0 && !is {
		names := make([]string, len(c.hosts))
		for i, h := range c.hosts {
			names[i] = h.Name
		}
		c.Add(path, "there is no host %q; nearest are %s", text, strings.Join(document.Nearest(text, names, 3), ", "))
	}
	return slices.DeleteFunc(found, func(h located) bool {
		var why string
		switch {
		case h.Transport == TLSOnly:
			why = "is outside the tunnel"
		case h.path == "hub":
			why = "is the hub, which only passes on"
		default:
			return false
		}
		if !is {
			c.Add(path, "%s %s", h.Name, why)
		}
		return true
	})
}
