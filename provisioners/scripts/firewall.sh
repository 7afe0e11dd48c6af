# shellcheck shell=bash
# nftables: a new ruleset is loaded on trial, proved by the operator's own packets, and rolled back after a minute unless a fresh
# connection confirms it. The table's comment is the ruleset's digest, so that the loaded one can be recognised.

readonly PENDING=$CONFIG_FOLDER/firewall.pending

# firewall DIGEST: loads the ruleset on standard input on trial, unless it is the permanent one and loaded.
firewall() {
  record table "$TABLE"
  uplinks
  if holds "$PERMANENT" "$1" && loaded "$1"; then
    remove "$PENDING"
    return
  fi
  put "$PENDING" 600 nft --check --file
  trial
}

# uplinks names the bridges that lead outside in a file of the ruleset: nft knows only that they are bridges. What comes from the others,
# to which only containers and virtual machines are connected, may ask for what this host publishes.
uplinks() {
  local bridge names=()
  while read -r bridge; do
    ! leads_outside "$bridge" || names+=("\"$bridge\"") # quoted, because names may be words of nft's
  done < <(bridges)
  if [ ${#names[@]} = 0 ]; then
    remove "$UPLINKS"
  else
    put "$UPLINKS" 600 <<<"flush set inet $TABLE uplinks"$'\n'"add element inet $TABLE uplinks { $(IFS=, && echo "${names[*]}") }"
  fi
  nft list set inet "$TABLE" uplinks >/dev/null 2>&1 || return 0
  if [ -e "$UPLINKS" ]; then nft --file "$UPLINKS"; else nft flush set inet "$TABLE" uplinks; fi
}

bridges() { ip -oneline link show type bridge | awk -F '[:@ ]+' '{ print $2 }'; }

# leads_outside BRIDGE: says whether it has the default route, or a port that is no container's and no virtual machine's.
leads_outside() {
  # shellcheck disable=SC2143 # grep -q would end ip by SIGPIPE, and pipefail would hide what was found
  [ -n "$(ip -4 route show default dev "$1")$(ip -6 route show default dev "$1")" ] ||
    [ -n "$(ip -details -oneline link show master "$1" | grep -vE '\\ +(veth|tun) ')" ]
}

holds() { grep -qsF "comment \"$2\"" "$1"; }

loaded() { [[ $(nft list table inet "$TABLE" 2>/dev/null) == *"comment \"$1\""* ]]; }

# trial loads the pending ruleset and checks that the operator's packets still arrive.
trial() {
  local scraped passed
  scraped=$(admitted "$SCRAPED_SET" "$FORMER_SET")
  passed=$(admitted "$PASSED_SET" "$FORMER_PASSED_SET")
  arm
  nft --file "$PENDING"
  still_admit "$FORMER_SET" "$scraped"
  still_admit "$FORMER_PASSED_SET" "$passed"
  CHANGED+=("firewall on trial")
  proved && return
  disarm
  roll_back
  fail "the new firewall does not admit this connection (from $(operator)), and was rolled back; check ssh.from and the port"
}

# admitted SET...: what is in these sets of the loaded ruleset, which the monitor may reach, a line each: PORT, or ADDRESS . PORT.
admitted() {
  local set
  for set in "$@"; do
    { nft list set inet "$TABLE" "$set" 2>/dev/null || true; } | tr '\n' ' ' |
      sed -n 's/.*elements = { \([^}]*\) }.*/\1/p' | tr ',' '\n' | awk '{ print ($2 == "." ? $1 " . " $3 : $1) }'
  done | sort -n | uniq
}

# again COMMAND...: loads the permanent ruleset by a command. The former ports stay admitted, which are in no file.
again() {
  local scraped passed
  scraped=$(admitted "$FORMER_SET")
  passed=$(admitted "$FORMER_PASSED_SET")
  "$@" || return
  still_admit "$FORMER_SET" "$scraped"
  still_admit "$FORMER_PASSED_SET" "$passed"
}

# still_admit SET ADMITTED: lets the monitor reach, by this set, for ten minutes more what was admitted. An update must not close a port under a scrape: Prometheus turns to
# another one only when that answers, and may have to connect again before. What listened there ends meanwhile: see stop_later.
still_admit() {
  local place former=()
  while read -r place; do former+=("$place timeout 10m"); done <<<"$2"
  if [ -z "$2" ] || ! nft list set inet "$TABLE" "$1" >/dev/null 2>&1; then return; fi
  nft --file - <<<"add element inet $TABLE $1 { $(IFS=, && echo "${former[*]}") }" # which may be more than an argument holds
}

# still_on_trial DIGEST: the minute begins now. What came after the trial may have taken long; it is not the operator's fault.
still_on_trial() {
  holds "$PENDING" "$1" || return 0
  arm
  loaded "$1" || trial
}

# arm sets the time when the host rolls back by itself. That its unit can start here is tried now: later nobody could come and help.
arm() {
  may_load --property Type=oneshot /bin/true || fail "systemd does not run a unit with only the privilege to load firewall rules, and so it could not roll back" \
    "a new firewall; see journalctl -u 'run-*'"
  disarm
  may_load --unit promwire-rollback --on-active 60s --timer-property AccuracySec=1s /bin/bash -c ". $LIBRARY && roll_back"
}

# may_load OPTION... COMMAND...: sandboxed, for a unit that may load rules.
may_load() {
  local property properties=()
  while read -r property; do properties+=(--property "$property"); done <<<"$LOADS_RULES"
  sandboxed "${properties[@]}" "$@"
}

disarm() { systemctl stop promwire-rollback.timer promwire-rollback.service 2>/dev/null || true; }

# roll_back loads the permanent ruleset, or none if there is none.
roll_back() {
  if [ -e "$PERMANENT" ]; then
    nft --file "$PERMANENT"
  elif nft list table inet "$TABLE" >/dev/null 2>&1; then
    nft delete table inet "$TABLE"
  fi
}

# proved writes to the operator and waits until the other end of this very connection acknowledges it: what others send proves nothing.
# Without a connection, such as on the console, it is the packets that the new rules count among the operator's.
proved() {
  local tries before
  sleep 0.1 # what passed the former rules has arrived
  before=$(acknowledged)
  for ((tries = 0; tries < 50; tries++)); do
    [ $((tries % 10)) != 0 ] || say "the new firewall is on trial; it is rolled back in a minute unless confirmed"
    if [ -n "$before" ]; then
      [ "$(acknowledged)" = "$before" ] || return 0
    else
      [ "$(nft list counter inet "$TABLE" operator | awk '$1 == "packets" { print $2 }')" = 0 ] || return 0
    fi
    sleep 0.1
  done
  return 1
}

# acknowledged prints how many bytes the other end of this SSH connection has acknowledged; nothing without a connection.
acknowledged() {
  local from client server
  read -r from client _ server < <(connection)
  [ -n "$from" ] || return 0
  ss --no-header --oneline --tcp --numeric --info "sport = :$server and dport = :$client" |
    awk -v from="$from" 'index($0, from) && match($0, /bytes_acked:[0-9]+/) { print substr($0, RSTART + 12, RLENGTH - 12); exit }'
}

# operator prints where this connection comes from and to which port.
operator() {
  local from server
  read -r from _ _ server < <(connection)
  if [ -n "$from" ]; then echo "$from to port $server"; else echo "no SSH session"; fi
}

# connection prints this SSH connection's two ends, from the SSH server's environment variable: address, port, address, port.
connection() {
  local pid=$$ found
  while [ "$pid" -gt 1 ]; do
    found=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    if [ -n "$found" ]; then break; fi
    pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
  done
  printf '%s\n' "$found"
}

# confirm_firewall DIGEST: makes a ruleset permanent. That it is loaded and this new connection came through is the proof.
confirm_firewall() {
  record table "$TABLE"
  uplinks
  if holds "$PENDING" "$1"; then
    disarm
    loaded "$1" || fail "the new firewall was rolled back, because it admitted no second connection for a minute; check ssh.from and the port," \
      "then run pulumi up again"
    record file "$PERMANENT"
    sync "$PENDING"
    mv "$PENDING" "$PERMANENT"
    forget file "$PENDING"
    CHANGED+=("$PERMANENT")
  fi
  holds "$PERMANENT" "$1" || fail "it has no such firewall to confirm; run its converge command again"
  loaded "$1" || nft --file "$PERMANENT"
  again service "$FIREWALL" "$PERMANENT"
}
