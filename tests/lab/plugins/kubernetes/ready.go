package main

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// awaiters are the kinds that have something to become, and what they become it by.
func (c *call) awaiters() map[string]awaiter {
	core := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Version: "v1", Resource: resource}
	}
	replicaSets := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	return map[string]awaiter{
		"apps/v1 Deployment": {
			related: []schema.GroupVersionResource{replicaSets, core("pods"), core("persistentvolumeclaims")},
			judge:   deploymentReady,
		},
		"batch/v1 Job": {related: []schema.GroupVersionResource{core("pods")}, judge: jobReady},
		"v1 Pod":       {judge: podReady},
		"v1 Secret":    {judge: secretReady, limit: 5 * time.Second},
		"v1 Service": {
			related: []schema.GroupVersionResource{core("endpoints")},
			judge:   func(v *view) verdict { return serviceReady(v, c.pace.settle) },
		},
	}
}

// as reads an object as its Go type. What the API shows fits.
func as[T any](obj *unstructured.Unstructured) T {
	var typed T
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &typed)
	return typed
}

// owned are those of the related objects of one resource that belong to an owner.
func (v *view) owned(resource string, owner types.UID) []unstructured.Unstructured {
	var all []unstructured.Unstructured
	for _, item := range v.related[resource] {
		for _, reference := range item.GetOwnerReferences() {
			if reference.UID == owner {
				all = append(all, item)
			}
		}
	}
	return all
}

// shown is how messages name an object.
func shown(obj *unstructured.Unstructured) string {
	if obj.GetNamespace() == defaultNamesake {
		return obj.GetName()
	}
	return idOf(obj)
}

// jobReady: all of a Job's pods have succeeded.
func jobReady(v *view) verdict {
	job := as[batchv1.Job](v.live)
	now := verdict{status: fmt.Sprintf("Waiting for Job %q to start", shown(v.live))}
	if job.Status.StartTime == nil {
		return now
	}
	now.status = fmt.Sprintf("Waiting for Job %q to succeed (Active: %d | Succeeded: %d | Failed: %d)",
		shown(v.live), job.Status.Active, job.Status.Succeeded, job.Status.Failed)
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch {
		case condition.Type == batchv1.JobComplete:
			now.ready = true
		case condition.Type == batchv1.JobFailed && (condition.Reason == "BackoffLimitExceeded" || condition.Reason == "DeadlineExceeded"):
			now.failed = true
			now.reasons = append(now.reasons, fmt.Sprintf("[%s] %s", condition.Reason, condition.Message))
		}
	}
	for _, pod := range v.owned("pods", v.live.GetUID()) {
		now.reasons = append(now.reasons, podReady(&view{live: &pod}).reasons...)
	}
	return now
}

// secretReady: the token of a service account is there. Other secrets are what they are.
func secretReady(v *view) verdict {
	secret := as[corev1.Secret](v.live)
	return verdict{ready: secret.Type != corev1.SecretTypeServiceAccountToken || len(secret.Data) > 0}
}

// serviceReady: a service has its address, none of the pods that it selects is still to become ready, and its endpoints
// have stayed as they are for some time. One that selects no pod at all is ready, too.
func serviceReady(v *view, settle time.Duration) verdict {
	service := as[corev1.Service](v.live)
	addressed := service.Spec.Type != corev1.ServiceTypeLoadBalancer || len(service.Status.LoadBalancer.Ingress) > 0
	if service.Spec.Type == corev1.ServiceTypeExternalName || service.Spec.ClusterIP == corev1.ClusterIPNone ||
		len(service.Spec.Selector) == 0 {
		return verdict{ready: addressed, enough: addressed}
	}
	known, targets, pending := endpoints(v)
	now := verdict{
		ready:  addressed && known && !pending && v.settled >= settle,
		enough: addressed && !pending,
		status: "[1/3] Finding Pods to direct traffic to",
	}
	if targets && !addressed {
		now.status = "[2/3] Attempting to allocate IP address to Service"
	}
	if !targets {
		now.reasons = append(now.reasons, "Service does not target any Pods. Selected Pods may not be ready, or field "+
			"'.spec.selector' may not match labels on any Pods")
	}
	if !addressed {
		now.reasons = append(now.reasons, "Service was not allocated an IP address; does your cloud provider support this?")
	}
	return now
}

// endpoints are whether a service's endpoints are there, whether there are pods that are ready, and pods that aren't.
func endpoints(v *view) (known, targets, pending bool) {
	for _, item := range v.related["endpoints"] {
		if item.GetName() != v.live.GetName() {
			continue
		}
		known = true
		subsets, _, _ := unstructured.NestedSlice(item.Object, "subsets")
		for _, subset := range subsets {
			subset, _ := subset.(map[string]any)
			targets = targets || subset["addresses"] != nil
			pending = pending || subset["notReadyAddresses"] != nil
		}
	}
	return known, targets, pending
}
