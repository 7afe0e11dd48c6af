# shellcheck shell=bash
# nftables: a new ruleset is loaded on trial, proved by the operator's own packets, and rolled back after a minute unless a fresh
# connection confirms it. The table's comment is the ruleset's digest, so that the loaded one can be recognised.

readonly PENDING=$CONFIG_FOLDER/firewall.pending

# firewall DIGEST: loads the ruleset on standard input on trial, unless it is the permanent one and loaded.
firewall() {
  if holds "$PERMANENT" "$1" && loaded "$1"; then
    remove "$PENDING"
    return
  fi
  put "$PENDING" 600 nft --check --file
  trial
}

holds() { grep -qsF "comment \"$2\"" "$1"; }

loaded() { [[ $(nft list table inet "$TABLE" 2>/dev/null) == *"comment \"$1\""* ]]; }

# trial loads the pending ruleset and checks that the operator's packets still arrive.
trial() {
  record table "$TABLE"
  disarm
  systemd-run --quiet --collect --unit promwire-rollback --on-active 60s --timer-property AccuracySec=1s \
    /bin/bash -c ". $LIBRARY && roll_back"
  nft --file "$PENDING"
  CHANGED+=("firewall on trial")
  proved && return
  disarm
  roll_back
  fail "the new firewall does not admit this connection (from $(operator)), and was rolled back; check ssh.from and the port"
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

# proved writes to the operator and waits for the acknowledgement, which the new rules count among the operator's packets.
proved() {
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    [ $((tries % 10)) != 0 ] || say "the new firewall is on trial; it goes back in a minute unless confirmed"
    [ "$(nft list counter inet "$TABLE" operator | awk '$1 == "packets" { print $2 }')" = 0 ] || return 0
    sleep 0.1
  done
  return 1
}

# operator prints where this session comes from and to which port, from the SSH server's environment variable.
operator() {
  local pid=$$ found
  while [ "$pid" -gt 1 ]; do
    found=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    if [ -n "$found" ]; then
      awk '{ print $1 " to port " $4 }' <<<"$found"
      return
    fi
    pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
  done
  echo "no SSH session"
}

# confirm_firewall DIGEST: makes a ruleset permanent. If it is loaded, this connection is the proof; if the host has rolled it back
# meanwhile, it is on trial again.
confirm_firewall() {
  if holds "$PENDING" "$1"; then
    disarm
    loaded "$1" || trial
    disarm
    record file "$PERMANENT"
    sync "$PENDING"
    mv "$PENDING" "$PERMANENT"
    forget file "$PENDING"
    CHANGED+=("$PERMANENT")
  fi
  holds "$PERMANENT" "$1" || fail "it has no such firewall to confirm; run its converge command again"
  loaded "$1" || nft --file "$PERMANENT"
  service "$FIREWALL" "$PERMANENT"
}
