# shellcheck shell=bash
# A host that had the other role before: what only that role does ends. Packages, users and recorded metrics stay until the host leaves
# the fleet.

# only_dials: a target has no peer but the one that it dials, and forwards nothing. It may have been the monitor or a hub, whose peers would
# still be in the tunnel here.
only_dials() {
  local part gone=()
  for part in "$PARTS"/peer-*.conf; do
    if [ -e "$part" ] && [ "$part" != "$PARTS/peer-monitor.conf" ]; then gone+=("$part"); fi
  done
  if [ ${#gone[@]} -gt 0 ]; then
    for part in "${gone[@]}"; do remove "$part"; done
    join_parts
  fi
  if must_forward && ip link show dev "$INTERFACE" >/dev/null 2>&1 && forwards; then
    echo 0 >"/proc/sys/net/ipv4/conf/$INTERFACE/forwarding"
    CHANGED+=("$INTERFACE without forwarding")
  fi
}

# not_monitor: a target has no authority and no Prometheus.
not_monitor() {
  local file
  recorded file "$UNIT_FOLDER/$PROMETHEUS_UNIT" || return 0
  systemctl stop 'promwire-turn-*.service' 2>/dev/null || true
  only_dials
  remove_unit "$RENEW_TIMER"
  remove_unit "$CAUSES_TIMER"
  remove "$CAUSES_METRICS"
  rm -rf "$AUTHORITY" "$TURNING"
  remove_pushgateway
  remove_alertmanager
  remove_release blackbox_exporter "$BLACKBOX_CONFIG"
  for file in "$TARGETS"/*.json "$CLUSTERS"/*.yml "$PROMETHEUS_TLS"/* "$PROMETHEUS_SECRETS"/*; do
    [ ! -e "$file" ] || remove "$file"
  done
  remove "$HISTORY"
  remove_unit "$PROMETHEUS_UNIT"
}

# not_target: the monitor has no fence, no relays, no exporters but its own, and no peer that it dials.
not_target() {
  remove_unit "$FENCE_TIMER"
  remove_unit "$FENCE_SOCKET"
  remove "$FENCE_METRICS"
  remove_unit "$RECEIVER"
  relays_only
  dials_nobody
}

# dials_nobody: a target may have become the monitor or the hub, which others dial. The monitor's peer that is a hub has another name.
dials_nobody() {
  local part=$PARTS/peer-monitor.conf
  ! grep -qs '^Endpoint' "$part" || remove "$part" # a target may have the name monitor, but none has an endpoint
}
