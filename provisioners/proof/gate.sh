# The gate runs on the monitor and ends when the fleet works: every target is scraped, and every target's own probes say that
# it reaches nothing of the tunnel. It asks Prometheus alone, so it costs one connection whatever the number of targets.
#
# Before this text stand: fleet_monitor (the monitor's name), fleet_targets (lines: name, tunnel address, WireGuard key, digest
# of its plan), fleet_seconds (how long to wait). It prints one row per probe: from, to, address, port, expected, seen.
# shellcheck shell=bash disable=SC2154

set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

prometheus=http://127.0.0.1:9090
interface=promwire0

die() {
  printf 'promwire: %s: verify: %s\n' "$fleet_monitor" "$1" >&2
  exit 1
}

# query prints one line per series: the label's value (several joined by |) and the sample.
query() {
  promtool query instant "$prometheus" "$1" 2>/dev/null |
    sed -nE 's/^\{(.*)\} => ([^ ]+) @.*$/\1\t\2/p' |
    sed -E 's/[a-z_]+="([^"]*)"/\1/g; s/, /|/g'
}

# wanted prints the names of all targets, sorted.
wanted() { awk 'NF { print $1 }' <<<"$fleet_targets" | sort; }

# missing prints the wanted names that are not on standard input.
missing() { comm -23 <(wanted) <(sort -u); }

up() { query 'min by (name) (up{job="node",role="target"})' | awk -F'\t' '$2 == 1 { print $1 }'; }

runs() { query 'max by (name) (promwire_fence_last_run_timestamp_seconds)' | sort; }

# until_none CHECK... polls until CHECK prints nothing or the time is up; what it printed last is left in $left.
until_none() {
  while left=$("$@"); [ -n "$left" ]; do
    [ "$SECONDS" -lt "$fleet_seconds" ] || return 1
    sleep 1
  done
}

down() { up | missing; }

# stale prints the targets whose probes have not run again since $before.
stale() { comm -13 <(printf '%s\n' "$before") <(runs) | cut -f1 | missing; }

# received prints the bytes that the tunnel has received from a peer, by its key.
received() { awk -v key="$1" '$1 == key { print $2 }'; }

# cause says why a target is not scraped: the tunnel first, then the exporter, then Prometheus. A target sends a keepalive every
# 25 seconds, so one of which nothing was heard while the gate waited is not there.
cause() {
  local address key stamp status=0
  read -r address key < <(awk -v name="$1" '$1 == name { print $2, $3 }' <<<"$fleet_targets")
  stamp=$(wg show "$interface" latest-handshakes | awk -v key="$key" '$1 == key { print $2 }')
  if [ -z "$stamp" ]; then
    echo "tunnel: the monitor does not know its key; run pulumi up --replace for its enrol command"
  elif [ "$stamp" = 0 ]; then
    echo "tunnel: it never completed a handshake; check that its UDP packets reach the monitor, and wg show on both"
  elif [ "$(received "$key" <<<"$transfer")" = "$(wg show "$interface" transfer | received "$key")" ]; then
    echo "tunnel: silent, its last handshake was $(($(date +%s) - stamp)) s ago; is the host up, and does it reach the monitor?"
  else
    curl --silent --output /dev/null --connect-timeout 5 --max-time 10 "http://$(bracket "$address"):9100/metrics" || status=$?
    case $status in
      0) echo "Prometheus: the exporter answers but is not scraped; see journalctl -u prometheus" ;;
      7) echo "exporter: connection refused; see systemctl status node_exporter on the host" ;;
      28) echo "exporter: no answer; if the host is up, see nft list table inet promwire there" ;;
      *) echo "exporter: curl failed with status $status; see journalctl -u node_exporter on the host" ;;
    esac
  fi
}

bracket() { case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac; }

# fail_down names each target that is not scraped, with its cause.
fail_down() {
  local name report=
  left=$(down)
  while read -r name; do
    report+=$'\n'"  $name: $(cause "$name")"
  done <<<"$left"
  die "not scraped after $fleet_seconds s:$report"
}

row() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"; }

# rows prints the matrix as the monitor and the targets see it.
rows() {
  local name address monitor_address state
  while read -r name address _; do
    row "$fleet_monitor" "$name" "$address" 9100 open open
  done < <(awk 'NF' <<<"$fleet_targets")
  monitor_address=$(ip -o -4 address show dev "$interface" | awk '{ sub("/.*", "", $4); print $4 }')
  while IFS='|'$'\t' read -r name port to open; do
    state=closed
    [ "$open" = 0 ] || state=open
    case $to in
      monitor) row "$name" "$fleet_monitor" "$monitor_address" "$port" closed "$state" ;;
      *) row "$name" "other hosts" "tunnel" "$port" closed "$state" ;;
    esac
  done < <(query 'max by (name, port, to) (promwire_fence_open_addresses)' | sort)
}

main() {
  local left='' before matrix transfer
  transfer=$(wg show "$interface" transfer)
  if [ -n "$(wanted)" ]; then
    until_none down || fail_down
    before=$(runs)
    SECONDS=0
    # A target that went down just before was still up when it was last scraped.
    until_none stale || [ -z "$(down)" ] || fail_down
    [ -z "$left" ] || die "no fresh probes from: $(tr '\n' ' ' <<<"$left"); see systemctl status promwire-fence on these hosts"
  fi
  matrix=$(rows)
  if awk -F'\t' '$5 != $6 { bad = 1 } END { exit !bad }' <<<"$matrix"; then
    die "seen differs from expected (from, to, address, port, expected, seen):"$'\n'"$(awk -F'\t' '$5 != $6' <<<"$matrix")"
  fi
  printf '%s\n' "$matrix"
}

main </dev/null
