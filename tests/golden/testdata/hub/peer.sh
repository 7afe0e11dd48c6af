#!/usr/bin/env bash
# promwire: the hub knows node-1
set -euo pipefail

# (use.sh)

apply() {
use node-1 enrol VERSION
remove_conflicts node-1 bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4= 10.98.0.2/32 fd98:1:2:3::2/128
put /etc/wireguard/promwire0.d/peer-node-1.conf 600 <<'END'
# node-1
[Peer]
PublicKey = bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=
AllowedIPs = 10.98.0.2/32, fd98:1:2:3::2/128
END
join_parts
receipt ''
made peer.node-1
}

undo() {
use node-1 withdraw
unless_replaced peer.node-1
remove_peer node-1
join_parts
receipt ''
}

replace() {
use node-1 enrol VERSION
replaces peer.node-1
}

case ${1-} in
apply | update) WANTED=$1 apply </dev/null ;;
undo) undo </dev/null ;;
replace) replace </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
