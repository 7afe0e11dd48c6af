#!/usr/bin/env bash
# promwire: the monitor knows node-1; its certificate of authority 1, 2 for 2160h0m0s, renewed 720h0m0s before, in period 7
set -euo pipefail

# (use.sh)

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
