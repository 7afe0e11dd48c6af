# shellcheck shell=bash
# Who listens where: the ports that the plan's units need are theirs, and nobody else's.

PORTS=() # pairs of a unit and an address:port where it will listen

# ports UNIT ADDRESS:PORT...: refuses a host where something else listens where the plan's units are to, before anything is changed. One that
# is there only for a moment is none: systemd starts a service by a copy of itself, which has all sockets until it becomes the service.
ports() {
  local held wait pid name unit
  PORTS=("$@")
  while [ $# -gt 0 ]; do
    for wait in 0 0.5 0.5 0.5; do
      sleep "$wait"
      held=$(strangers "$1" "$2")
      [ -n "$held" ] || break
    done
    if [ -n "$held" ]; then
      read -r pid name unit <<<"$held"
      fail "port ${2##*:} is held by $name, pid $pid, of $unit, and $1 needs it at ${2%:*}; stop that or let it listen elsewhere," \
        "then run pulumi up again"
    fi
    shift 2
  done
}

# strangers UNIT ADDRESS:PORT: the holders that are neither the unit nor promwire's.
strangers() {
  local pid name unit
  while read -r pid name unit; do
    [ "$unit" = "$1" ] || our_unit "$unit" || echo "$pid $name $unit"
  done < <(holders "$2")
}

# ports_held waits until each unit of ports listens where it must, and nobody else does: what answers there is what promwire started.
ports_held() {
  local tries
  set -- "${PORTS[@]}"
  while [ $# -gt 0 ]; do
    for ((tries = 0; ; tries++)); do
      ! holds_port "$1" "$2" || break
      [ "$tries" -lt 150 ] || fail_unit "$1" "is not what listens at $2 ($(holders "$2" | tr '\n' ' '))"
      sleep 0.2
    done
    shift 2
  done
}

# holds_port UNIT ADDRESS:PORT: a relay's socket and its service hold the port together.
holds_port() {
  local unit held=1
  while read -r _ _ unit; do
    [ "${unit%.*}" = "${1%.*}" ] || return 1
    held=0
  done < <(holders "$2")
  return "$held"
}

# our_unit UNIT: whether promwire made it.
our_unit() { recorded unit "$1" || recorded file "$UNIT_FOLDER/$1"; }

# holders ADDRESS:PORT: the processes that listen there or at all addresses, a line each: number, name, unit. A name has no spaces here.
holders() {
  local at processes process pid
  while read -r at processes; do
    [ -n "$processes" ] || echo "0 the-kernel no-unit"
    while read -r process; do
      pid=${process##*pid=}
      [ ! -e "/proc/$pid" ] || # it ended meanwhile
        printf '%s %s %s\n' "$pid" "$(name_of "$pid")" "$(listening_unit "$pid" "$at")"
    done < <(grep -oE 'pid=[0-9]+,fd=[0-9]+\)' <<<"$processes" | cut -d , -f 1 | sort -u)
  done < <(ss --no-header --listening --tcp --numeric --processes "sport = :${1##*:}" |
    awk '{ $1 = $2 = $3 = $5 = ""; print }' | where "$1")
}

# name_of PID: the name of a process, without what could be taken for something else.
name_of() { { tr -c '[:graph:]' _ <"/proc/$1/comm"; } 2>/dev/null | sed 's/_$//'; }

# where ADDRESS:PORT: those lines of ss that begin with this address, or with one that stands for it.
where() {
  awk -v want="${1%:*}" '{
    at = $1
    sub(/:[0-9]+$/, "", at); sub(/%.*/, "", at); gsub(/[][]/, "", at); sub(/^::ffff:/, "", at); gsub(/[][]/, "", want)
    any = want ~ /:/ ? "::" : "0.0.0.0"
  } at == want || at == any || at == "*"'
}

# listening_unit PID ADDRESS:PORT: the unit of a process; of systemd itself, the socket that it listens for.
listening_unit() {
  local unit
  if [ "$1" = 1 ]; then
    unit=$(systemctl list-sockets --no-legend --plain --full | awk -v at="${2/#\*/[::]}" '$1 == at { print $2; exit }')
  else
    unit=$({ unit_in <"/proc/$1/cgroup"; } 2>/dev/null || true)
  fi
  echo "${unit:-no-unit}"
}

# unit_in prints the unit of a process, whose /proc/PID/cgroup is on standard input. What a user's own systemd runs is the user's.
unit_in() {
  awk -F / '/^0::|name=systemd:/ { for (i = 2; i <= NF; i++) if ($i ~ /\.(service|scope)$/) { print $i; exit } }'
}
