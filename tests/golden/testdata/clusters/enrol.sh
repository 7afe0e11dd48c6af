#!/usr/bin/env bash
# promwire: the monitor knows a, in a cluster
set -euo pipefail

# (use.sh)

apply() {
use a enrol VERSION
remove_conflicts a.cluster YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE= 10.98.0.4/32
put /etc/wireguard/promwire0.d/peer-a.cluster.conf 600 <<'END'
# a
[Peer]
PublicKey = YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=
AllowedIPs = 10.98.0.4/32
END
join_parts
federate a /etc/prometheus/clusters.d <<'END'
scrape_configs:
  - job_name: cluster-a
    scrape_interval: 15s
    scrape_timeout: 10s
    honor_labels: true
    follow_redirects: false
    metrics_path: /federate
    params:
      match[]:
        - 'up'
    static_configs:
      - targets: ['10.98.0.4:9090']
    relabel_configs:
      - target_label: job
        replacement: federate
      - target_label: instance
        replacement: 'a'
      - target_label: cluster
        replacement: 'a'
    metric_relabel_configs:
      - source_labels: [role]
        regex: 'monitor|target'
        action: drop
      - source_labels: [__name__, job]
        regex: '(up|scrape_.*);federate'
        action: drop
      - source_labels: [__name__]
        regex: 'promwire[_:].*'
        action: drop
      - target_label: cluster
        replacement: 'a'
END
receipt ''
made enrol.a.cluster
}

undo() {
use a withdraw
unless_replaced enrol.a.cluster
remove_peer a.cluster
unfederate a
join_parts
receipt ''
}

replace() {
use a enrol VERSION
replaces enrol.a.cluster
}

case ${1-} in
apply | update) WANTED=$1 apply </dev/null ;;
undo) undo </dev/null ;;
replace) replace </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
