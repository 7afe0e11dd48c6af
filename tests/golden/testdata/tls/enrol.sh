#!/usr/bin/env bash
# promwire: the monitor knows node-1; its certificate of authority 1, 2 for 2160h0m0s, renewed 720h0m0s before, in period 7
set -euo pipefail

# shellcheck shell=bash
# How a command begins that comes after the host's plan.

# use HOST VERB: takes the library that the plan brought, and begins. Where a withdrawal finds none, all has been taken away.
use() {
  local library=/usr/local/lib/promwire/lib.sh
  if [ -r "$library" ]; then
    # shellcheck source=/dev/null
    . "$library"
    begin "$1" "$2"
  elif [ "$2" = withdraw ]; then
    printf '{"host":"%s","changed":[],"versions":{},"firewall":""}\n' "$1"
    exit 0
  else
    printf 'promwire: %s: %s: this machine has not converged yet; run its converge command first\n' "$1" "$2" >&2
    exit 1
  fi
}

apply() {
use node-1 enrol
unseat node-1 bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4= 10.98.0.2/32
put /etc/wireguard/promwire0.d/peer-node-1.conf 600 <<'END'
# node-1
[Peer]
PublicKey = bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=
AllowedIPs = 10.98.0.2/32
END
join_parts
admit node-1 10.98.0.2:19101 cmVxdWVzdA== DNS:node-1 IP:10.98.0.2
turn node-1 https://10.98.0.2:19100/ <<'END'
[
  {
    "targets": [
      "10.98.0.2:19100"
    ],
    "labels": {
      "__scheme__": "https",
      "name": "node-1",
      "region": "lon1",
      "role": "target",
      "team": "ours"
    }
  }
]
END
receipt ''
}

undo() {
use node-1 withdraw
leave node-1
dismiss node-1
join_parts
receipt ''
}

case ${1-} in
apply) apply </dev/null ;;
undo) undo </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
