// Package kubernetes says what one cluster must be: which pods may reach which in promwire's namespace, and how its Prometheus is
// configured. It is pure: components/cluster makes resources of it.
package kubernetes

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Roles of pods, the values of the label RoleLabel.
const (
	RoleGateway     = "gateway"
	RolePrometheus  = "prometheus"
	RoleReflect     = "reflect"
	RolePushgateway = "pushgateway"
	RoleCanary      = "canary"
	RoleProbe       = "probe" // it probes the canary
)

// Labels of promwire's pods and namespace.
const (
	RoleLabel      = "app.kubernetes.io/component"
	Name           = "promwire" // value of NameLabel and ManagedLabel
	NameLabel      = "app.kubernetes.io/name"
	ManagedLabel   = "app.kubernetes.io/managed-by"
	FleetLabel     = "promwire/fleet"              // of the namespace: the fleet that it belongs to
	NamespaceLabel = "kubernetes.io/metadata.name" // set by Kubernetes itself on every namespace
	dnsNamespace   = "kube-system"
	dnsLabel       = "k8s-app"
	DNSPort        = 53
)

// Protocols, as NetworkPolicies name them.
const (
	TCP = "TCP"
	UDP = "UDP"
)

// End is one end of an Edge: pods of promwire's namespace by Role, other pods by Namespace, the Monitor, or addresses by Network.
// The zero value: everybody.
type End struct {
	Role      string
	Namespace string            // another one than promwire's
	Labels    map[string]string // of pods in Namespace; none: all of them
	Monitor   bool              // the fleet's, at its public address
	Network   netip.Prefix      // outside the cluster
}

func (e End) String() string {
	switch {
	case e.Role != "":
		return e.Role
	case e.Namespace != "":
		words := []string{"namespace " + e.Namespace}
		for _, key := range slices.Sorted(maps.Keys(e.Labels)) {
			words = append(words, key+"="+e.Labels[key])
		}
		return strings.Join(words, " ")
	case e.Monitor:
		return "the monitor"
	case e.Network.IsValid():
		return e.Network.String()
	}
	return "everybody"
}

// Edge is one allowed connection: everything else is closed.
type Edge struct {
	From, To End
	Protocol string // TCP or UDP
	Port     int    // of the pod, not of a Service
}

func (e Edge) String() string { return fmt.Sprintf("%s -> %s %d/%s", e.From, e.To, e.Port, e.Protocol) }

// Policy is what pods of one role may do.
type Policy struct {
	Role    string
	Ingress []Edge // to them
	Egress  []Edge // from them
}

// Policies groups edges by the role that each end has, sorted, so that the same graph makes the same policies.
func Policies(graph []Edge) []Policy {
	byRole := map[string]*Policy{}
	of := func(role string) *Policy {
		if byRole[role] == nil {
			byRole[role] = &Policy{Role: role}
		}
		return byRole[role]
	}
	byText := func(a, b Edge) int { return strings.Compare(a.String(), b.String()) }
	sorted := slices.SortedFunc(slices.Values(graph), byText)
	for _, e := range slices.CompactFunc(sorted, func(a, b Edge) bool { return byText(a, b) == 0 }) {
		if e.From.Role != "" {
			of(e.From.Role).Egress = append(of(e.From.Role).Egress, e)
		}
		if e.To.Role != "" {
			of(e.To.Role).Ingress = append(of(e.To.Role).Ingress, e)
		}
	}
	var policies []Policy
	for _, p := range byRole {
		policies = append(policies, *p)
	}
	slices.SortFunc(policies, func(a, b Policy) int { return cmp.Compare(a.Role, b.Role) })
	return policies
}
