package main

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// replacing are the fields of each kind whose change makes a new object, beside its name and namespace.
var replacing = map[schema.GroupVersionKind][]string{
	{Group: "apps", Version: "v1", Kind: "DaemonSet"}:  {"spec.selector"},
	{Group: "apps", Version: "v1", Kind: "Deployment"}: {"spec.selector"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}: {
		"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName", "spec.volumeClaimTemplates",
	},
	{Group: "batch", Version: "v1", Kind: "Job"}: {
		"spec.completions", "spec.parallelism", "spec.selector", "spec.template",
	},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"}: {"roleRef"},
	{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}:        {"roleRef"},
	{Group: "storage.k8s.io", Version: "v1", Kind: "StorageClass"}:                  {"parameters", "provisioner"},
	{Version: "v1", Kind: "PersistentVolumeClaim"}: {
		"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName",
	},
	{Version: "v1", Kind: "Pod"}:           append(podFields, containerFields("spec.containers[*].", "spec.initContainers[*].")...),
	{Version: "v1", Kind: "ResourceQuota"}: {"spec.scopes"},
	{Version: "v1", Kind: "Secret"}:        {"type"},
	{Version: "v1", Kind: "Service"}:       {"spec.clusterIP"},
}

// podFields are the fields of a Pod that can't change, its containers' apart.
var podFields = []string{
	"spec.affinity", "spec.automountServiceAccountToken", "spec.dnsConfig", "spec.dnsPolicy", "spec.enableServiceLinks",
	"spec.hostAliases", "spec.hostIPC", "spec.hostNetwork", "spec.hostPID", "spec.hostname", "spec.imagePullSecrets",
	"spec.nodeName", "spec.nodeSelector", "spec.overhead", "spec.preemptionPolicy", "spec.priority", "spec.priorityClassName",
	"spec.readinessGates", "spec.restartPolicy", "spec.runtimeClassName", "spec.schedulerName", "spec.securityContext",
	"spec.serviceAccount", "spec.serviceAccountName", "spec.shareProcessNamespace", "spec.subdomain",
	"spec.terminationGracePeriodSeconds", "spec.volumes",
}

// containerFields are the fields of a container that can't change. The API would change an image in place; the plugin
// doesn't.
func containerFields(prefixes ...string) []string {
	var fields []string
	for _, prefix := range prefixes {
		for _, field := range []string{"args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe",
			"ports", "readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath",
			"terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"} {
			fields = append(fields, prefix+field)
		}
	}
	return fields
}

// replacingFields are the fields whose change makes a new object of this one. ConfigMaps and Secrets never change their
// contents in place, unless the provider is told that they do.
func (s settings) replacingFields(obj *unstructured.Unstructured) []string {
	fields := []string{"metadata.name", "metadata.namespace"}
	immutable, _, _ := unstructured.NestedBool(obj.Object, "immutable")
	switch {
	case isSecret(obj) && (!s.mutableSecrets || immutable):
		return append(fields, "type", "stringData", "data")
	case obj.GetAPIVersion() == "v1" && obj.GetKind() == "ConfigMap" && (!s.mutableConfigMaps || immutable):
		return append(fields, "binaryData", "data")
	}
	return append(fields, replacing[obj.GroupVersionKind()]...)
}
