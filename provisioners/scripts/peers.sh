# shellcheck shell=bash
# The monitor's side of a target: a peer of the tunnel, and files that make Prometheus scrape it.

# remove_conflicts NAME KEY ADDRESS...: removes other peers with this key or one of these addresses: the fleet's ledger gave them
# to NAME, and no two peers may have the same allowed IP. A target's NAME is its own, that of an end in a cluster is END.cluster.
remove_conflicts() {
  local name=$1 key=$2 part other
  shift 2
  for part in "$PARTS"/peer-*.conf; do
    other=$(basename "$part" .conf)
    other=${other#peer-}
    if [ ! -e "$part" ] || [ "$other" = "$name" ]; then continue; fi
    if grep -qxF "PublicKey = $key" "$part" || allowed "$part" | grep -xFf <(printf '%s\n' "$@") >/dev/null; then
      say "$other had this key or address, and is removed"
      remove_peer "$other"
      withdraw_host "$other"
      case "$other" in *.cluster) unfederate "${other%.cluster}" ;; esac
    fi
  done
}

# allowed PART: the allowed IPs of a peer, one a line.
allowed() { sed -n 's/^AllowedIPs = //p' "$1" | tr -d ' ' | tr ',' '\n'; }

# remove_peer NAME: removes a peer's files, and ends its scrapes; join_parts makes the tunnel follow.
remove_peer() {
  scrape_only "$1"
  remove "$PARTS/peer-$1.conf"
}
