package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

// cluster is a Kubernetes cluster, of which the monitor has what it federates.
func cluster() *dashboard.DashboardBuilder {
	const chosen = `cluster="$cluster"`
	return newDashboard("promwire-cluster", "promwire: cluster", "A Kubernetes cluster, by what the fleet's monitor federates from its Prometheus.").
		WithVariable(choice("cluster", "Cluster", `up{job="federate"}`, false)).
		WithPanel(number("Not federated", "docs/alerts.md, ClusterNotFederated.", units.Short, 1, howMany(`up{job="federate",`+chosen+`} == 0`, `up{job="federate",`+chosen+`}`))).
		WithPanel(number("Down inside", "What the cluster's Prometheus can't scrape: docs/alerts.md, ClusterScrapeDown.", units.Short, 1,
			`sum(job:up:count{`+chosen+`} - job:up:sum{`+chosen+`})`)).
		WithPanel(number("Series", "Taken in one scrape of the federation.", units.Short, 0, `scrape_samples_scraped{job="federate",`+chosen+`}`)).
		WithPanel(number("Nodes not ready", "Needs kubeStateMetrics: docs/alerts.md, ClusterNodeNotReady.", units.Short, 1,
			howMany(`cluster:node_ready:min{`+chosen+`} == 0`, `cluster:node_ready:min{`+chosen+`}`))).
		WithPanel(number("Pods not ready", "Needs kubeStateMetrics: docs/alerts.md, ClusterPodNotReady, ClusterPodCrashing.", units.Short, 1,
			howMany(`cluster:pod_not_ready:max{`+chosen+`} or cluster:pod_crashing:max5m{`+chosen+`}`, `cluster:node_ready:min{`+chosen+`}`))).
		WithPanel(number("Kubelets not scraped", "Needs kubelet or cadvisor: docs/alerts.md, ClusterKubeletDown.", units.Short, 1,
			howMany(`cluster:kubelet_up:min{`+chosen+`} == 0`, `cluster:kubelet_up:min{`+chosen+`}`))).
		WithPanel(list("Alerts that fire", "Each is explained in docs/alerts.md.", []string{"alertname", "severity", "job", "namespace", "pod", "node"},
			`ALERTS{alertstate="firing",`+chosen+`}`)).
		WithRow(dashboard.NewRowBuilder("Over time")).
		WithPanel(fraction("Scraped inside, by job", 12, query{`job:up:sum{` + chosen + `} / job:up:count{` + chosen + `}`, "{{job}}"})).
		WithPanel(fraction("Volumes (needs kubelet)", 12, query{
			`1 - cluster:volume_available_bytes:min{` + chosen + `} / cluster:volume_capacity_bytes:max{` + chosen + `}`, "{{namespace}} {{persistentvolumeclaim}}",
		})).
		WithPanel(plot("Requests of the Kubernetes API, a second", units.Short, 12, query{`job:apiserver_request:rate5m{` + chosen + `}`, "{{job}}"})).
		WithPanel(plot("Time of a federation", units.Seconds, 6, query{`scrape_duration_seconds{job="federate",` + chosen + `}`, "{{cluster}}"})).
		WithPanel(plot("Series in a federation", units.Short, 6, query{`scrape_samples_scraped{job="federate",` + chosen + `}`, "{{cluster}}"}))
}
