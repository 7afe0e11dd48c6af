#!/usr/bin/env bash
# Tries to reach, through the tunnel, what a target must not reach: the exporters of other hosts, the monitor's Prometheus and
# exporter. The results become metrics, on standard output, so every target repeats the proof, without SSH. It needs no privilege.
#
# Arguments: how many addresses of a network to try; the exporters' ports (such as 19100,19099); then for each family NETWORK,OWN,MONITOR
# (such as 10.98.0.0/24,10.98.0.2,10.98.0.1).
set -euo pipefail

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

# metrics renders the probes' results, which are on standard input.
metrics() {
  local seen to port tried open
  seen=$(sort)
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
  echo '# HELP promwire_fence_last_run_timestamp_seconds When the addresses were last tried.'
  echo '# TYPE promwire_fence_last_run_timestamp_seconds gauge'
  printf 'promwire_fence_last_run_timestamp_seconds %s\n' "$(date +%s)"
}

main() {
  local count=$1 port ports family network own monitor others=() monitors=()
  IFS=, read -r -a ports <<<"$2"
  shift 2
  ip link show dev "$INTERFACE" >/dev/null # without a tunnel everything would seem closed
  for family in "$@"; do
    IFS=, read -r network own monitor <<<"$family"
    mapfile -t -O "${#others[@]}" others < <(hosts "$network" "$count" | grep -vxF -e "$own" -e "$monitor")
    monitors+=("$monitor")
  done
  {
    for port in "${ports[@]}"; do
      probe targets "$port" < <(printf '%s\n' "${others[@]}") &
      probe monitor "$port" < <(printf '%s\n' "${monitors[@]}") &
    done
    probe monitor "$PROMETHEUS_PORT" < <(printf '%s\n' "${monitors[@]}") &
    wait
  } | metrics
}

main "$@"
