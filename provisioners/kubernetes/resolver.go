package kubernetes

import "net/netip"

// Resolver answers pods' questions for names: pods in Namespace, or an Address on every node that belongs to no pod's network.
type Resolver struct {
	Namespace string
	Labels    map[string]string // of the pods; none: all of Namespace
	Address   netip.Addr        // in place of Namespace
	Port      int               // of the pods or the address, TCP and UDP
}

// KubeDNS is the resolver that nearly every cluster has: CoreDNS has this label too.
var KubeDNS = Resolver{Namespace: dnsNamespace, Labels: map[string]string{dnsLabel: "kube-dns"}, Port: DNSPort}

// OpenShiftDNS is OpenShift's.
var OpenShiftDNS = Resolver{Namespace: "openshift-dns", Labels: map[string]string{"dns.operator.openshift.io/daemonset-dns": "default"}, Port: 5353}

// NodeLocalLabel is of the pods of NodeLocal DNSCache, in the namespace of KubeDNS.
const NodeLocalLabel = "node-local-dns"

// NodeLocal is what pods ask where each node has a cache. It answers at an address of its own and, in place of kube-dns, at the address of
// that Service. A plugin that replaces Services' addresses by those of pods (Cilium) sees its pods.
func NodeLocal(service netip.Addr) []Resolver {
	all := []Resolver{
		{Namespace: dnsNamespace, Labels: map[string]string{dnsLabel: NodeLocalLabel}, Port: DNSPort},
		{Address: netip.AddrFrom4([4]byte{169, 254, 20, 10}), Port: DNSPort},
	}
	if service.IsValid() {
		all = append(all, Resolver{Address: service, Port: DNSPort})
	}
	return all
}

// edges are how pods of a role reach it.
func (r Resolver) edges(role string) []Edge {
	to := End{Namespace: r.Namespace, Labels: r.Labels}
	if r.Address.IsValid() {
		to = End{Network: single(r.Address)}
	}
	return []Edge{{End{Role: role}, to, UDP, r.Port}, {End{Role: role}, to, TCP, r.Port}}
}

// dns are a role's edges to whatever answers names there.
func (v Values) dns(role string) []Edge {
	edges := KubeDNS.edges(role)
	for _, r := range v.Resolvers {
		edges = append(edges, r.edges(role)...)
	}
	return edges
}
