#!/usr/bin/env bash
# promwire: the monitor knows node-1
set -euo pipefail

# (use.sh)

apply() {
use node-1 enrol VERSION
remove_conflicts node-1 bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4= 10.98.0.2/32
put /etc/wireguard/promwire0.d/peer-node-1.conf 600 <<'END'
# node-1
[Peer]
PublicKey = bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=
AllowedIPs = 10.98.0.2/32
END
join_parts
withdraw_host node-1
scrape node-1.node http://10.98.0.2:9100/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.2:9100"
    ],
    "labels": {
      "name": "node-1",
      "region": "lon1",
      "role": "target",
      "team": "ours"
    }
  }
]
END
scrape_only node-1 node
receipt ''
made enrol.node-1
}

undo() {
use node-1 withdraw
unless_replaced enrol.node-1
remove_peer node-1
withdraw_host node-1
join_parts
receipt ''
}

replace() {
use node-1 enrol VERSION
replaces enrol.node-1
}

case ${1-} in
apply | update) WANTED=$1 apply </dev/null ;;
undo) undo </dev/null ;;
replace) replace </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
