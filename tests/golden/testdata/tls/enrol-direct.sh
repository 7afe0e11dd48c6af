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
admit node-1 direct.example.com:19101 cmVxdWVzdA== DNS:node-1 DNS:direct.example.com
turn node-1 https://direct.example.com:19100/ <<'END'
[
  {
    "targets": [
      "direct.example.com:19100"
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
