package kubernetes

import "fmt"

// APIPort is where a cluster's tunnel address has the Kubernetes API: the TCP port that API servers listen on.
const APIPort = 6443

// Service is a Service of a cluster, promwire's own or not.
type Service struct {
	Name, Namespace string
	Port            int // TCP, of the Service
	PodPort         int // TCP, of its pods: policies admit this one
}

// At is its host:port inside the cluster.
func (s Service) At() string { return fmt.Sprintf("%s.%s.svc:%d", s.Name, s.Namespace, s.Port) }

// Exposed is a Service that the monitor reaches at a TCP port of the cluster's tunnel address.
type Exposed struct {
	Service
	TunnelPort int
}
