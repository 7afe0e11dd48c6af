// Package clusters runs a lab's Kubernetes clusters: each is one node, all of it real (etcd, the control plane, a kubelet with
// containerd, Calico's felix, CoreDNS), in a network, mount and PID namespace of its own.
//
//	operator's machine ──API only── node ──eth0── the lab's router ── droplets, other nodes
//
// A node stands behind a provider's firewall: its pods reach what machines reach, under the node's address, but nobody opens a
// connection to it by way of the router. The operator's machine has a second link to it, for the Kubernetes API and nothing else.
//
// All state is on disk below folder.Run, so that several processes can work on one lab, and clusters outlive them all.
package clusters

import "net/netip"

// Plugin is the network plugin of a cluster.
type Plugin string

// Network plugins.
const (
	Calico Plugin = "calico" // enforces NetworkPolicies
	Bridge Plugin = "bridge" // takes NetworkPolicies, as every cluster does, and enforces none
)

// Cluster is one of the lab's clusters, and the context of that name in the lab's kubeconfig.
type Cluster struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"` // its node's in the lab, which droplets see as its pods' address
	API     string     `json:"api"`     // URL of its API server, only for the operator's machine
	Plugin  Plugin     `json:"plugin"`
	On      bool       `json:"-"` // whether it runs
}

// Options say how clusters are made. The zero value makes them of what the lab built, with Calico.
type Options struct {
	// Programs is a folder of programs that are taken instead of building them: "kubernetes", which is all of Kubernetes's in one as
	// the lab builds it, or kubelet, kube-apiserver, etcd and so on; "calico", and its "calico-crds.yaml". Empty: none.
	Programs string
	Plugin   Plugin // empty: Calico
}
