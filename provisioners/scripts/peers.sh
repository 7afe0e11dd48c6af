# shellcheck shell=bash
# The monitor's side of a target: a peer of the tunnel, and files that make Prometheus scrape it. A target's NAME is its own, that of an end
# in a cluster is END.cluster.

# remove_conflicts NAME KEY ADDRESS...: removes other peers with this key or one of these addresses: the fleet's ledger gave them
# to NAME, and no two peers may have the same allowed IP. The gate says so if such a peer is of no host that the stack knows.
remove_conflicts() {
  local others other
  rm -f "$STATE/displaced/$1"
  mapfile -t others < <(conflicts "$@")
  for other in "${others[@]}"; do
    say "$other had this key or address, and is removed"
    remove_end "$other"
    mkdir -p "$STATE/displaced"
    echo "$1" >"$STATE/displaced/$other"
  done
}

# conflicts NAME KEY ADDRESS...: prints the names of these peers. One process reads all files, however many there are.
conflicts() {
  local parts=("$PARTS"/peer-*.conf)
  [ -e "${parts[0]}" ] || return 0
  awk -v name="$1" -v key="$2" -v addresses="${*:3}" '
    function found() { if (other != name && !seen[other]++) print other }
    BEGIN { n = split(addresses, each, " "); for (i = 1; i <= n; i++) wanted[each[i]] }
    FNR == 1 { other = FILENAME; sub(/.*\/peer-/, "", other); sub(/\.conf$/, "", other) }
    /^PublicKey = / && $3 == key { found() }
    sub(/^AllowedIPs = /, "") {
      n = split($0, each, / *, */)
      for (i = 1; i <= n; i++) if (each[i] in wanted) found()
    }' "${parts[@]}"
}

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
