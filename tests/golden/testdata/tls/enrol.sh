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
signs_as 7776000 2592000 1 2
renewal_period 7
certify_host node-1 10.98.0.2:19099 cmVxdWVzdA== DNS:node-1 IP:10.98.0.2
scrape node-1.node https://10.98.0.2:19100/metrics <<'END'
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
scrape node-1.postgres https://10.98.0.2:19187/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.2:19187"
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
scrape node-1.redis https://10.98.0.2:19121/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.2:19121"
    ],
    "labels": {
      "__meta_promwire_behind": "9121",
      "__scheme__": "https",
      "name": "node-1",
      "region": "lon1",
      "role": "target",
      "team": "ours"
    }
  }
]
END
scrape node-1.shop https://10.98.0.2:18080/internal/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.2:18080"
    ],
    "labels": {
      "__meta_promwire_behind": "8080",
      "__metrics_path__": "/internal/metrics",
      "__scheme__": "https",
      "name": "node-1",
      "region": "lon1",
      "role": "target",
      "team": "ours"
    }
  }
]
END
scrape_only node-1 node postgres redis shop
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
