# Runs on the operator's machine, and probes from there what nobody outside may reach: each host's exporter and Prometheus on
# its public address. SSH must answer, otherwise silence would prove nothing.
#
# Before this text come fleet_probes (lines: name, address, port, expected) and fleet_asked (see gate.sh). Prints one row
# per probe: from, to, address, port, expected, seen.
# shellcheck shell=bash disable=SC2154

set -euo pipefail

readonly CURLS=4 # at once: with 300 connections each, more would be too many for a small router

# at_once is how many probes one curl makes: each is an open file, and one that curl could not open would look closed. macOS begins with 256.
at_once() {
  local files
  files=$(ulimit -n)
  if [ "$files" != unlimited ] && [ "$files" -lt 600 ]; then echo $((files / 2)); else echo 300; fi
}

# all prints a row for each probe. A port is open if TCP connected, whatever is sent afterwards.
all() {
  local lines=() line i count=0 most
  most=$(at_once)
  while IFS= read -r line; do lines+=("$line"); done < <(awk 'NF { print $0, ($2 ~ /:/ ? "[" $2 "]" : $2) }' <<<"$fleet_probes")
  for ((i = 0; i < ${#lines[@]}; i += most)); do
    probe "${lines[@]:i:most}" &
    count=$((count + 1))
    [ $((count % CURLS)) -ne 0 ] || wait
  done
  wait
}

# probe LINE...: curl connects to all of these at the same time. What it does not tell of has no row. Others write beside it: each row is
# written at once.
probe() {
  local connected
  connected=$(awk '{ printf "url = \"http://%s:%s/\"\noutput = /dev/null\n", $5, $3 }' < <(printf '%s\n' "$@") |
    curl --silent --globoff --http0.9 --noproxy '*' --connect-timeout 3 --max-time 4 --parallel --parallel-immediate --parallel-max "$#" \
      --write-out '%{url_effective} %{time_connect}\n' --config - 2>/dev/null || true)
  awk -v OFS='\t' '
    first { sub(/,/, ".", $2); time[$1] = $2; next }
    { url = "http://" $5 ":" $3 "/" }
    url in time { print "operator", $1, $2, $3, $4, (time[url] + 0 > 0 ? "open" : "closed"); fflush() }' first=1 <(echo "$connected") first= <(printf '%s\n' "$@")
}

main() {
  local rows bad
  command -v curl >/dev/null || {
    echo "promwire: operator: verify: curl is not installed here; install it and run pulumi up again" >&2
    exit 1
  }
  rows=$(all | sort)
  [ "$(grep -c . <<<"$rows")" = "$(grep -c . <<<"$fleet_probes")" ] || {
    echo "promwire: operator: verify: curl did not try all ports; it must be 7.68 or later here. Run pulumi up again" >&2
    exit 1
  }
  bad=$(awk -F'\t' '$5 != $6' <<<"$rows")
  if [ -n "$bad" ]; then
    printf 'promwire: operator: verify: seen differs from expected (from, to, address, port, expected, seen):\n%s\n' "$bad" >&2
    exit 1
  fi
  printf '%s\n' "$rows"
}

main </dev/null
