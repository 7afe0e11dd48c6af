# shellcheck shell=bash
# The monitor's side of a cluster: a file that makes Prometheus federate the cluster's.

# federate NAME: standard input is the scrape configuration. Prometheus reads it again only if it changed.
federate() {
  put "$CLUSTERS/$1.yml" 644 check_federation
  reload_prometheus
}

# check_federation FILE: refuses what Prometheus refuses.
check_federation() {
  local status=0
  printf 'scrape_config_files: ["%s"]\n' "$1" >"$RUN/federation.yml"
  promtool check config "$RUN/federation.yml" || status=$?
  rm "$RUN/federation.yml"
  return "$status"
}

# unfederate NAME: ends the federation of a cluster.
unfederate() {
  remove "$CLUSTERS/$1.yml"
  reload_prometheus
}

# reload_prometheus makes a Prometheus that runs read its configuration again, if any file of it changed.
reload_prometheus() {
  systemctl is-active --quiet "$PROMETHEUS_UNIT" || return 0
  reload "$PROMETHEUS_UNIT" "$PROMETHEUS_CONFIG" "$RULES" "$HEARTBEAT_RULES" "$OWN_RULES"*.yml "$CLUSTERS"/*.yml
}
