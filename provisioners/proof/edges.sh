# The gate's part for connections that people allow: who may connect does, and where the ends meet nothing else gets through.
#
# Before this text may come fleet_edges (lines: name of who connects and of the other end, their addresses in the tunnel, port) and
# fleet_forwards (those of them that are forwarded by the host where the gate runs).
# shellcheck shell=bash disable=SC2034,SC2154

# edges_answer prints what those who may connect say of the other ends.
edges_answer() {
  local from to address port seen
  while read -r from to _ address port; do
    seen=closed
    if grep -qxF "$from|$port|edge $to"$'\t1' <<<"$probes"; then seen=open; fi
    row "$from" "$to" "$address" "$port" open "$seen"
  done < <(awk 'NF' <<<"${fleet_edges-}")
}

# edges_forwarded tries, with this host's rules, each edge, the port beside it and the opposite direction.
edges_forwarded() {
  local rules probed all
  probed=$(edges_probes)
  [ -n "$probed" ] || return 0
  rules=$(nft list table inet "$TABLE")
  all=$(at_a_time "$PARALLEL" passed_row <<<"$probed")
  [ "$(wc -l <<<"$all")" = "$(wc -l <<<"$probed")" ] || die "not all of the edges could be tried; see above"
  sort <<<"$all"
}

# edges_probes prints what is tried: who, whom, both addresses, port, and open or closed.
edges_probes() {
  awk -v monitor="${fleet_monitor_at-}" 'NF {
      is[$3, $4, $5]
      edge[++n] = $0
    }
    END {
      for (i = 1; i <= n; i++) {
        split(edge[i], e, " ")
        print edge[i], "open"
        for (beside = e[5] % 65535 + 1; (e[3], e[4], beside) in is; beside = beside % 65535 + 1);
        print e[1], e[2], e[3], e[4], beside, "closed"
        # The monitor may scrape what connects to it, at this port, too.
        if (!((e[4], e[3], e[5]) in is) && e[4] != monitor) print e[2], e[1], e[4], e[3], e[5], "closed"
      }
    }' <<<"${fleet_forwards-}" | awk '!seen[$0]++'
}
