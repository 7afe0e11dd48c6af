# The gate's part on the hub of a fleet that has one. It comes after the functions of gate.sh, and proves what the monitor cannot see: that nobody
# is in the tunnel whom the stack does not know, and that the hub passes on what the monitor scrapes and nothing else. The gate on the monitor
# comes after it, and waits for the scrapes.
#
# Before this text comes, beside what gate.sh has, fleet_monitor_at (the monitor's address in the tunnel). fleet_monitor is the hub here.
# shellcheck shell=bash disable=SC2034,SC2154

readonly fleet_here="the hub"

# passed_rows tries, with the rules of promwire's own table, what the monitor scrapes of a few targets, and what must not get through: another port of a target,
# anything from a target to the monitor, and what is scraped of a target if another one asks.
passed_rows() {
  local rules name target port first='' from
  rules=$(nft list table inet "$TABLE")
  while read -r name target port; do
    passed_row monitor "$name" "$fleet_monitor_at" "$target" "$port" open
  done < <(behind | head -n "$FEW")
  while read -r name target port; do
    if [ -n "$first" ]; then
      passed_row "$first" "$name" "$from" "$target" "$port" closed
    else
      passed_row monitor "$name" "$fleet_monitor_at" "$target" 22 closed
      passed_row "$name" monitor "$target" "$fleet_monitor_at" "$PROMETHEUS_PORT" closed
      first=$name from=$target
    fi
  done < <(behind | sort -u -k 2,2 | head -n 2)
}

# behind prints what the monitor scrapes through the hub: name, address and port.
behind() { awk -v hub="$fleet_hub" '$7 == "tunnel" && $1 != hub { print $1, $3, $4 }' <<<"$fleet_targets"; }

# forwarded fails if the kernel forwards nothing from the tunnel: what is tried in another network does not show that.
forwarded() {
  [ "$(<"/proc/sys/net/ipv4/conf/$INTERFACE/forwarding")" = 1 ] ||
    die "it does not forward, so the monitor reaches nobody; see journalctl -u promwire-watch there, and what sets net.ipv4.ip_forward"
}

# others_pass fails if another firewall of the hub drops what it passes on. Their rules are read, not tried: nft can't load again all that it lists
# of iptables. It is a function of the library, in a shell of its own.
others_pass() {
  local ports
  mapfile -t ports < <(behind | awk '{ print $3 }' | sort -nu)
  (
    # shellcheck source=/dev/null
    . "$LIBRARY"
    speak_as "$fleet_monitor" verify
    other_forwards "$fleet_monitor_at" "${ports[@]}"
  ) || exit 1 # it said why
}

main() {
  local matrix
  only_known
  forwarded
  others_pass
  matrix=$(across_rows; passed_rows; edges_forwarded)
  if awk -F'\t' '$5 != $6 { bad = 1 } END { exit !bad }' <<<"$matrix"; then
    die "seen differs from expected (from, to, address, port, expected, seen):"$'\n'"$(awk -F'\t' '$5 != $6' <<<"$matrix")"
  fi
  printf '%s\n' "$matrix"
}
