# shellcheck shell=bash
# The monitor's side of a target: a peer of the tunnel, and files that make Prometheus scrape it. A target's NAME is its own, that of an end
# in a cluster is END.cluster.

# remove_conflicts NAME KEY ADDRESS...: removes other peers with this key or one of these addresses: the fleet's ledger gave them
# to NAME, and no two peers may have the same allowed IP. The gate says so if such a peer is of no host that the stack knows.
remove_conflicts() {
  local name=$1 key=$2 part other
  shift 2
  rm -f "$STATE/displaced/$name"
  for part in "$PARTS"/peer-*.conf; do
    other=$(basename "$part" .conf)
    other=${other#peer-}
    if [ ! -e "$part" ] || [ "$other" = "$name" ]; then continue; fi
    if grep -qxF "PublicKey = $key" "$part" || allowed "$part" | grep -xFf <(printf '%s\n' "$@") >/dev/null; then
      say "$other had this key or address, and is removed"
      remove_end "$other"
      mkdir -p "$STATE/displaced"
      echo "$name" >"$STATE/displaced/$other"
    fi
  done
}

# allowed PART: the allowed IPs of a peer, one a line.
allowed() { sed -n 's/^AllowedIPs = //p' "$1" | tr -d ' ' | tr ',' '\n'; }

# remove_peer NAME: removes a peer's files, and ends its scrapes; join_parts makes the tunnel follow.
remove_peer() {
  scrape_only "$1"
  remove "$PARTS/peer-$1.conf"
  rm -f "$STATE/displaced/$1"
}

# remove_end NAME: removes all that the monitor has of a target, or of an end in a cluster; join_parts makes the tunnel follow.
remove_end() {
  remove_peer "$1"
  withdraw_host "$1"
  case "$1" in *.cluster) unfederate "${1%.cluster}" ;; esac
}

# remove_unknown NAME|KEY...: removes what is of no host and no cluster of the stack, as its undo would have done. A peer that only the
# running tunnel has is named by its key.
remove_unknown() {
  local name file
  for name in "$@"; do
    case $name in
      *=) wg set "$INTERFACE" peer "$name" remove && CHANGED+=("peer $name") ;;
      *)
        for file in "$PARTS/peer-$name.conf" "$TARGETS/$name".*.json; do
          if stray "$file"; then record file "$file"; fi
        done
        remove_end "$name"
        ;;
    esac
    journal "verification.removeUnknown: removed $name"
  done
  join_parts
}

# stray FILE: says whether it makes somebody a peer or a target of the fleet, recorded or not. Targets of the owner's have another role.
stray() { [ -e "$1" ] && { [[ $1 == "$PARTS"/* ]] || grep -q '"role": "target"' "$1"; }; }
