#!/usr/bin/env bash
# promwire: the monitor knows hub-1
set -euo pipefail

# (use.sh)

apply() {
use hub-1 enrol VERSION
remove_conflicts hub-1 aGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGg= 10.98.0.0/24 fd98:1:2:3::/64
put /etc/wireguard/promwire0.d/peer-hub-1.conf 600 <<'END'
# hub-1
[Peer]
PublicKey = aGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGg=
Endpoint = hub.example.net:51820
AllowedIPs = 10.98.0.0/24, fd98:1:2:3::/64
PersistentKeepalive = 25
END
join_parts
with_sandbox put /etc/systemd/system/promwire-lookup.service 644 check_unit <<'END'
[Unit]
Description=Look up the name of promwire's monitor

[Service]
Type=oneshot
DynamicUser=yes
ExecStart=/usr/bin/getent ahosts hub.example.net
StandardOutput=truncate:/run/promwire/endpoint
TimeoutStartSec=20s
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
$SANDBOX
END
reread promwire-lookup.service
withdraw_host hub-1
scrape hub-1.node http://10.98.0.3:9100/metrics <<'END'
[
  {
    "targets": [
      "10.98.0.3:9100"
    ],
    "labels": {
      "name": "hub-1",
      "region": "lon1",
      "role": "target",
      "team": "ours"
    }
  }
]
END
scrape_only hub-1 node
receipt ''
made enrol.hub-1
}

undo() {
use hub-1 withdraw
unless_replaced enrol.hub-1
remove_peer hub-1
withdraw_host hub-1
looks_up_nothing
join_parts
receipt ''
}

replace() {
use hub-1 enrol VERSION
replaces enrol.hub-1
}

case ${1-} in
apply | update) WANTED=$1 apply </dev/null ;;
undo) undo </dev/null ;;
replace) replace </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
