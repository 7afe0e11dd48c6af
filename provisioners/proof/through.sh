# The gate's part on the monitor of a fleet with a hub. The monitor's only peer is the hub, so what gate.sh asks of WireGuard is asked of what the
# hub's watch left as metrics. These functions take the place of those of gate.sh with the same names.
#
# Before this text comes, beside what gate.sh has, fleet_hub (the hub's name).
# shellcheck shell=bash disable=SC2154

readonly QUIET=45 # seconds: an end sends a packet every 25 s at least, and the hub's watch looks every 20 s

# of_hub METRIC: by host, as the hub said last. It is asked of Prometheus.
of_hub() { query "max by (host) ($1{job=\"node\",name=\"$fleet_hub\"})"; }

# since prints each end, and for how many seconds nothing came from it.
since() {
  awk -F'\t' 'first { look = $2; next } { print $1 "\t" look - $2 }' \
    first=1 <(query "max(promwire_peers_last_look_seconds{job=\"node\",name=\"$fleet_hub\"})") first= <(of_hub promwire_peer_last_received_seconds)
}

# dark prints the endpoints, and the names, of the targets that had a handshake once, and of which the hub has heard nothing for longer than a
# tunnel that works can be without; all of them if that is so of the hub itself.
dark() {
  local names
  names=$(awk -F'\t' -v silence="$SILENCE" 'first { had[$1] = $2; next } had[$1] > 0 && $2 > silence { print $1 }' \
    first=1 <(of_hub promwire_peer_last_handshake_seconds) first= <(since))
  ! hub_dark || names=$(fenced)
  awk 'first { dark[$1]; next } $1 in dark { print $1 "/" $2; print $1 }' first=1 <(printf '%s\n' "$names") first= <(echo "$fleet_targets") | sort -u
}

hub_dark() {
  local stamp
  stamp=$(hub_stamp)
  [ "${stamp:-0}" -gt 0 ] && [ "$stamp" -lt "$(($(date +%s) - SILENCE))" ] && hub_silent
}

hub_key() { awk -v hub="$fleet_hub" '$1 == hub { print $9; exit }' <<<"$fleet_targets"; }

hub_stamp() { wg show "$INTERFACE" latest-handshakes | received "$(hub_key)"; }

# hub_silent: nothing came from the hub since the gate began.
hub_silent() { [ "$(received "$(hub_key)" <<<"$transfer")" = "$(wg show "$INTERFACE" transfer | received "$(hub_key)")" ]; }

# tunnel_cause KEY: the way to the hub first, then the one from there.
tunnel_cause() {
  local name
  name=$(awk -v key="$1" '$9 == key { print $1; exit }' <<<"$fleet_targets")
  hub_cause || { [ "$name" != "$fleet_hub" ] && peer_cause "$name"; }
}

hub_cause() {
  local stamp
  stamp=$(hub_stamp)
  if [ -z "$stamp" ]; then
    echo "tunnel: the monitor does not know the hub's key; run pulumi up --replace with the URN of $fleet_hub-enrol"
  elif [ "$stamp" = 0 ]; then
    echo "tunnel: the monitor never completed a handshake with the hub; check that its UDP packets reach the hub, and wg show on both"
  elif hub_silent; then
    echo "tunnel: the hub is silent, its last handshake was $(($(date +%s) - stamp)) s ago; is it up, and does the monitor reach it?"
  else
    return 1
  fi
}

# peer_cause NAME: of a host behind the hub.
peer_cause() {
  local quiet
  quiet=$(since | of_host "$1")
  if [ -n "$(of_hub promwire_peer_missing | of_host "$1")" ]; then
    echo "tunnel: the hub does not know its key; run pulumi up --replace with the URN of $1-peer"
  elif [ "$(of_hub promwire_peer_last_handshake_seconds | of_host "$1")" = 0 ]; then
    echo "tunnel: it never completed a handshake with the hub; check that its UDP packets reach the hub, and wg show on both"
  elif [ -n "$quiet" ] && [ "${quiet%.*}" -gt "$QUIET" ]; then
    echo "tunnel: silent, the hub heard nothing of it for $quiet s; is the host up, and does it reach the hub?"
  else
    return 1
  fi
}

# of_host NAME: the value of this one, of lines with hosts and values.
of_host() { awk -F'\t' -v host="$1" '$1 == host { print $2 }'; }
