package main

// written are metrics as kube-state-metrics 2 has them, by kind: those that the rules read. All of it is written by hand. Names, types, labels and help
// are after its documentation (docs/metrics in github.com/kubernetes/kube-state-metrics), and the objects and their values are made up: nothing was
// recorded from a real one.
var written = map[string]string{
	"pods": `# HELP kube_pod_container_status_waiting_reason [STABLE] Describes the reason the container is currently in waiting state.
# TYPE kube_pod_container_status_waiting_reason gauge
kube_pod_container_status_waiting_reason{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",container="till",reason="CrashLoopBackOff"} 1
# HELP kube_pod_container_status_last_terminated_reason Describes the last reason the container was in terminated state.
# TYPE kube_pod_container_status_last_terminated_reason gauge
kube_pod_container_status_last_terminated_reason{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",container="till",reason="Error"} 1
# HELP kube_pod_container_status_restarts_total [STABLE] The number of container restarts per container.
# TYPE kube_pod_container_status_restarts_total counter
kube_pod_container_status_restarts_total{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",container="till"} 7
# HELP kube_pod_status_phase [STABLE] The pods current phase.
# TYPE kube_pod_status_phase gauge
kube_pod_status_phase{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",phase="Pending"} 0
kube_pod_status_phase{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",phase="Succeeded"} 0
kube_pod_status_phase{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",phase="Failed"} 0
kube_pod_status_phase{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",phase="Unknown"} 0
kube_pod_status_phase{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",phase="Running"} 1
# HELP kube_pod_status_ready [STABLE] Describes whether the pod is ready to serve requests.
# TYPE kube_pod_status_ready gauge
kube_pod_status_ready{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",condition="true"} 0
kube_pod_status_ready{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",condition="false"} 1
kube_pod_status_ready{namespace="shop",pod="till-6f7d9c8b5-x2x7k",uid="5b1d6c5e-0000-4000-8000-000000000001",condition="unknown"} 0
`,
	"deployments": `# HELP kube_deployment_spec_replicas [STABLE] Number of desired pods for a deployment.
# TYPE kube_deployment_spec_replicas gauge
kube_deployment_spec_replicas{namespace="shop",deployment="till"} 2
# HELP kube_deployment_status_replicas_available [STABLE] The number of available replicas per deployment.
# TYPE kube_deployment_status_replicas_available gauge
kube_deployment_status_replicas_available{namespace="shop",deployment="till"} 1
`,
	"statefulsets": `# HELP kube_statefulset_replicas [STABLE] Number of desired pods for a StatefulSet.
# TYPE kube_statefulset_replicas gauge
kube_statefulset_replicas{namespace="shop",statefulset="ledger"} 3
# HELP kube_statefulset_status_replicas_ready [STABLE] The number of ready replicas per StatefulSet.
# TYPE kube_statefulset_status_replicas_ready gauge
kube_statefulset_status_replicas_ready{namespace="shop",statefulset="ledger"} 1
`,
	"daemonsets": `# HELP kube_daemonset_status_desired_number_scheduled [STABLE] The number of nodes that should be running the daemon pod.
# TYPE kube_daemonset_status_desired_number_scheduled gauge
kube_daemonset_status_desired_number_scheduled{namespace="shop",daemonset="collector"} 1
# HELP kube_daemonset_status_number_ready [STABLE] The number of nodes that should be running the daemon pod and have it ready.
# TYPE kube_daemonset_status_number_ready gauge
kube_daemonset_status_number_ready{namespace="shop",daemonset="collector"} 0
`,
	"jobs": `# HELP kube_job_failed [STABLE] The job has failed its execution.
# TYPE kube_job_failed gauge
kube_job_failed{namespace="shop",job_name="report",condition="true"} 1
kube_job_failed{namespace="shop",job_name="report",condition="false"} 0
kube_job_failed{namespace="shop",job_name="report",condition="unknown"} 0
`,
	"nodes": `# HELP kube_node_status_condition [STABLE] The condition of a cluster node.
# TYPE kube_node_status_condition gauge
kube_node_status_condition{node="a",condition="Ready",status="true"} 1
kube_node_status_condition{node="a",condition="Ready",status="false"} 0
kube_node_status_condition{node="a",condition="Ready",status="unknown"} 0
`,
}
