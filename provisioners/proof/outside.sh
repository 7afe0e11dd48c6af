# Runs on the operator's machine, and probes from there what nobody outside may reach: each host's exporter and Prometheus on
# its public address. SSH must answer, otherwise silence would prove nothing.
#
# Before this text come fleet_probes (lines: name, address, port, expected) and fleet_asked (see gate.sh). Prints one row
# per probe: from, to, address, port, expected, seen.
# shellcheck shell=bash disable=SC2154

set -euo pipefail

# together bounds how many probes wait at once.
together=50

# probe calls a port open if TCP connected, whatever is sent afterwards.
probe() {
  local name=$1 address=$2 port=$3 expected=$4 host=$2 connected seen=closed
  case $address in *:*) host="[$address]" ;; esac
  connected=$(curl --silent --output /dev/null --http0.9 --noproxy '*' --connect-timeout 3 --max-time 4 \
    --write-out '%{time_connect}' "http://$host:$port/" || true)
  if awk -v t="${connected/,/.}" 'BEGIN { exit !(t + 0 > 0) }'; then seen=open; fi
  printf 'operator\t%s\t%s\t%s\t%s\t%s\n' "$name" "$address" "$port" "$expected" "$seen"
}

all() {
  local line count=0
  while read -r -a line; do
    [ "${#line[@]}" -gt 0 ] || continue
    probe "${line[@]}" &
    count=$((count + 1))
    [ $((count % together)) -ne 0 ] || wait
  done <<<"$fleet_probes"
  wait
}

main() {
  local rows bad
  command -v curl >/dev/null || {
    echo "promwire: operator: verify: curl is not installed here; install it and run pulumi up again" >&2
    exit 1
  }
  rows=$(all | sort)
  bad=$(awk -F'\t' '$5 != $6' <<<"$rows")
  if [ -n "$bad" ]; then
    printf 'promwire: operator: verify: seen differs from expected (from, to, address, port, expected, seen):\n%s\n' "$bad" >&2
    exit 1
  fi
  printf '%s\n' "$rows"
}

main </dev/null
