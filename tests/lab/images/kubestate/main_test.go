package main

import (
	"strings"
	"testing"
)

func TestKinds(t *testing.T) {
	said := of([]string{"nodes", "pods", "jobs"})
	if !strings.Contains(said, "CrashLoopBackOff") || !strings.Contains(said, "kube_node_") || strings.Contains(said, "kube_deployment_") {
		t.Errorf("of nodes and pods it says:\n%s", said)
	}
}
