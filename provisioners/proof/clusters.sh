# The gate's part for clusters: the monitor's Prometheus federates each one's own, through the tunnel.
#
# Before this text comes fleet_clusters (lines: name, address in the tunnel, gateway or dark, WireGuard key, digest of its end of the
# tunnel).
# shellcheck shell=bash disable=SC2154

# clusters prints their names, sorted.
clusters() { awk 'NF { print $1 }' <<<"$fleet_clusters" | sort; }

# arrived prints the clusters with series from a scrape since $since, sorted: older series prove nothing about what just changed.
arrived() {
  local came='up{job="federate"} * on (job, instance, cluster) scrape_samples_scraped{job="federate"}'
  query "min by (cluster) ($came and on (job, instance, cluster) timestamp(up{job=\"federate\"}) > $since)" |
    awk -F'\t' '$2 > 0 { print $1 }' | sort
}

# absent prints the clusters without such series.
absent() { comm -23 <(clusters) <(arrived); }

# federated waits until there are series of each cluster.
federated() {
  local left='' name since
  since=$(date +%s)
  SECONDS=0
  [ -n "$(clusters)" ] || return 0
  until_none absent && return
  answers
  die "not federated after $fleet_seconds s:"$'\n'"$(while read -r name; do echo "  cluster $name: $(federation_cause "$name")"; done <<<"$left")"
}

# federation_cause NAME says why a cluster has no series: the tunnel first, then its Prometheus.
federation_cause() {
  local address mode key status
  read -r address mode key < <(awk -v name="$1" '$1 == name { print $2, $3, $4 }' <<<"$fleet_clusters")
  if tunnel_cause "$key"; then return; fi
  status=$(curl --silent --noproxy '*' --output /dev/null --write-out '%{http_code}' --max-time 10 "http://$address:$PROMETHEUS_PORT/-/ready") || true
  case $status in
    000)
      if [ "$mode" = dark ]; then
        echo "the tunnel's end answers, but no Prometheus behind it; see kubectl logs deploy/prometheus"
      else
        echo "the gateway answers, but no Prometheus behind it; see kubectl logs deploy/gateway and deploy/prometheus"
      fi
      ;;
    200) echo "its Prometheus is ready, but has no series that match; see $CLUSTERS/$1.yml for what is federated" ;;
    *) echo "its Prometheus answers with status $status; see kubectl logs deploy/prometheus" ;;
  esac
}

# federation_rows prints the clusters' part of the matrix: what is reached, and a port of the same address that must be closed.
federation_rows() {
  local name address seen
  while read -r name address _; do
    row "$fleet_monitor" "$name" "$address" "$PROMETHEUS_PORT" open open
    seen=closed
    if timeout 3 bash -c "exec 3<>/dev/tcp/$address/22" 2>/dev/null; then seen=open; fi
    row "$fleet_monitor" "$name" "$address" 22 closed "$seen"
  done < <(awk 'NF' <<<"$fleet_clusters")
}
