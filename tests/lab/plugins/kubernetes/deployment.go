package main

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// revision is the annotation by which a Deployment and its ReplicaSets say which rollout they are of.
const revision = "deployment.kubernetes.io/revision"

// rollout is how far a Deployment has come.
type rollout struct {
	first     bool // nothing was there before it
	available bool // the Deployment has enough pods that live
	complete  bool // the new ReplicaSet has taken over
	replicas  bool // the new ReplicaSet has all its pods
	claims    bool // its volume claims are bound
	status    string
	reasons   []string
}

// deploymentReady: the controller has seen what was applied, and the ReplicaSet of the current revision has all its pods.
func deploymentReady(v *view) verdict {
	deployment := as[appsv1.Deployment](v.live)
	current := deployment.Annotations[revision]
	r := rollout{first: current == "1", claims: claimsBound(v, &deployment)}
	if deployment.Status.ObservedGeneration >= deployment.Generation && current != "" {
		r.conditions(&deployment)
		r.replicaSet(v, current)
	}
	return verdict{
		ready:   r.available && r.replicas && r.claims && (r.first || r.complete),
		status:  r.status,
		reasons: append(r.reasons, r.missing()...),
	}
}

// conditions reads what the Deployment says of itself.
func (r *rollout) conditions(deployment *appsv1.Deployment) {
	for _, condition := range deployment.Status.Conditions {
		holds := condition.Status == corev1.ConditionTrue
		switch condition.Type {
		case appsv1.DeploymentProgressing:
			r.complete = holds && condition.Reason == "NewReplicaSetAvailable"
		case appsv1.DeploymentAvailable:
			r.available = holds
		default:
			continue
		}
		if !holds {
			r.reasons = append(r.reasons, fmt.Sprintf("[%s] %s", condition.Reason, condition.Message))
		}
	}
}

// replicaSet looks at the ReplicaSet of the current revision, and at its pods.
func (r *rollout) replicaSet(v *view, current string) {
	for _, item := range v.owned("replicasets", v.live.GetUID()) {
		if item.GetAnnotations()[revision] != current {
			continue
		}
		set := as[appsv1.ReplicaSet](&item)
		wanted := int32(1)
		if set.Spec.Replicas != nil {
			wanted = *set.Spec.Replicas
		}
		r.replicas = set.Status.ReadyReplicas >= wanted
		r.status = fmt.Sprintf("Waiting for app ReplicaSet to be available (%d/%d Pods available)", set.Status.ReadyReplicas, wanted)
		for _, pod := range v.owned("pods", item.GetUID()) {
			r.reasons = append(r.reasons, podReady(&view{live: &pod}).reasons...)
		}
	}
}

// missing says what there is not yet.
func (r *rollout) missing() []string {
	var all []string
	if !r.claims {
		all = append(all, "Failed to bind PersistentVolumeClaim(s)")
	}
	switch {
	case !r.available:
		all = append(all, "Minimum number of live Pods was not attained")
	case r.first && !r.replicas, !r.first && !r.complete:
		all = append(all, "Minimum number of Pods to consider the application live was not attained")
	case !r.replicas:
		all = append(all, "Attempted to roll forward to new ReplicaSet, but minimum number of Pods did not become live")
	}
	return all
}

// claimsBound says whether the claims of the Deployment's volumes, as far as there are any, have their volumes.
func claimsBound(v *view, deployment *appsv1.Deployment) bool {
	var names []string
	for _, volume := range deployment.Spec.Template.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			names = append(names, volume.PersistentVolumeClaim.ClaimName)
		}
	}
	return !slices.ContainsFunc(v.related["persistentvolumeclaims"], func(claim unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(claim.Object, "status", "phase")
		return slices.Contains(names, claim.GetName()) && phase != string(corev1.ClaimBound)
	})
}
