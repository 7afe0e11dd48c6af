#!/usr/bin/env bash
# Tries to reach, through the tunnel, what a target must not reach: the exporters of other hosts, the monitor's Prometheus and
# exporter. The results become metrics, on standard output, so every target repeats the proof, without SSH. It needs no privilege.
#
# Arguments: how many addresses of a network to try; the exporters' ports (such as 19100,19099); for each edge that people allow
# edge=NAME=ADDRESS=PORT, which must be reached; then for each family NETWORK,OWN,MONITOR (such as 10.98.0.0/24,10.98.0.2,10.98.0.1).
set -euo pipefail

readonly EDGES=32 # tried at a time

# hosts NETWORK COUNT: its first addresses, in the order in which hosts get them. A tunnel's IPv6 networks all end in "::".
hosts() {
  local a b c d i n
  if [[ $1 == *:* ]]; then
    for ((i = 1; i <= $2; i++)); do printf '%s%x\n' "${1%/*}" "$i"; done
    return
  fi
  IFS=./ read -r a b c d _ <<<"$1"
  for ((i = 1; i <= $2; i++)); do
    n=$(((a << 24) + (b << 16) + (c << 8) + d + i))
    printf '%d.%d.%d.%d\n' $((n >> 24)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255))
  done
}

# probe TO PORT: tries the addresses on standard input all at once, and prints how many it tried and how many accepted a
# connection.
probe() {
  local port=$2 address
  while read -r address; do
    [ -n "$address" ] || continue
    [[ $address != *:* ]] || address="[$address]"
    printf 'url = "http://%s:%s/"\noutput = /dev/null\n' "$address" "$port"
  done | { curl --silent --globoff --interface "$INTERFACE" --noproxy '*' --http0.9 --connect-timeout 2 --max-time 3 \
    --parallel --parallel-immediate --parallel-max 300 --write-out '%{time_connect}\n' --config - 2>/dev/null || true; } |
    awk -v labels="$1 $2" '{ tried++; open += $1 > 0 } END { print labels, tried + 0, open + 0 }'
}

# closed_at PORT ADDRESS...: those of the addresses that must be closed at this port.
closed_at() { printf '%s\n' "${@:2}" | grep -vxF -f <(printf '%s\n' "${edges[@]}" | awk -F= -v port="$1" '$4 == port { print $3 }') || true; }

# edge NAME ADDRESS PORT: whether the other end answers, even if only that nothing listens there.
edge() {
  local said answers=0
  # shellcheck disable=SC2016 # the inner bash expands them
  if said=$(timeout 3 bash -c ': 3<>"/dev/tcp/$1/$2"' edge "$2" "$3" 2>&1) || [[ $said == *refused* ]]; then answers=1; fi
  echo "edge $1 $3 $answers"
}

# metrics renders the probes' results, which are on standard input.
metrics() {
  local seen known name to port tried open answers
  seen=$(sort)
  known=$(awk '$1 == "edge"' <<<"$seen")
  seen=$(awk '$1 != "edge"' <<<"$seen")
  # A probe that failed to run does not prove a closed port: the metrics then become stale, for which there is an alert.
  if awk '$1 == "monitor" && $3 == 0 { none = 1 } END { exit !none }' <<<"$seen"; then
    echo "promwire-fence: nothing was probed; does curl work here?" >&2
    return 1
  fi
  echo '# HELP promwire_fence_probed_addresses Addresses of the tunnel that were tried.'
  echo '# TYPE promwire_fence_probed_addresses gauge'
  while read -r to port tried open; do
    printf 'promwire_fence_probed_addresses{to="%s",port="%s"} %s\n' "$to" "$port" "$tried"
  done <<<"$seen"
  echo '# HELP promwire_fence_open_addresses Addresses of the tunnel that accepted a connection, and must not.'
  echo '# TYPE promwire_fence_open_addresses gauge'
  while read -r to port tried open; do
    printf 'promwire_fence_open_addresses{to="%s",port="%s"} %s\n' "$to" "$port" "$open"
  done <<<"$seen"
  if [ -n "$known" ]; then
    echo '# HELP promwire_fence_edge_answers Whether another end of the tunnel answers that this one may connect to.'
    echo '# TYPE promwire_fence_edge_answers gauge'
    while read -r _ name port answers; do
      printf 'promwire_fence_edge_answers{to="%s",port="%s"} %s\n' "$name" "$port" "$answers"
    done <<<"$known"
  fi
  echo '# HELP promwire_fence_last_run_timestamp_seconds When the addresses were last tried.'
  echo '# TYPE promwire_fence_last_run_timestamp_seconds gauge'
  printf 'promwire_fence_last_run_timestamp_seconds %s\n' "$(date +%s)"
}

# probe_monitor PORT: unless there is an edge to it.
probe_monitor() {
  local closed
  closed=$(closed_at "$1" "${monitors[@]}")
  [ -z "$closed" ] || probe monitor "$1" <<<"$closed"
}

main() {
  local count=$1 port ports family network own monitor others=() monitors=() allowed name address
  edges=()
  IFS=, read -r -a ports <<<"$2"
  shift 2
  while [[ ${1-} == edge=* ]]; do
    edges+=("$1")
    shift
  done
  ip link show dev "$INTERFACE" >/dev/null # without a tunnel everything would seem closed
  for family in "$@"; do
    IFS=, read -r network own monitor <<<"$family"
    mapfile -t -O "${#others[@]}" others < <(hosts "$network" "$count" | grep -vxF -e "$own" -e "$monitor")
    monitors+=("$monitor")
  done
  {
    for port in "${ports[@]}"; do
      probe targets "$port" < <(closed_at "$port" "${others[@]}") &
      probe_monitor "$port" &
    done
    probe_monitor "$PROMETHEUS_PORT" &
    for allowed in "${edges[@]}"; do
      IFS='=' read -r _ name address port <<<"$allowed"
      edge "$name" "$address" "$port" &
      count=$((count + 1))
      [ $((count % EDGES)) != 0 ] || wait # of many, some at a time
    done
    wait
  } | metrics
}

main "$@"
