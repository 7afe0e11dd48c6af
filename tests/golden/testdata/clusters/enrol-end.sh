#!/usr/bin/env bash
# promwire: the monitor knows a-reflect, in a cluster
set -euo pipefail

# (use.sh)

apply() {
use a-reflect enrol VERSION
remove_conflicts a-reflect.cluster cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI= 10.98.0.5/32
put /etc/wireguard/promwire0.d/peer-a-reflect.cluster.conf 600 <<'END'
# a-reflect
[Peer]
PublicKey = cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=
AllowedIPs = 10.98.0.5/32
END
join_parts
unfederate a-reflect
receipt ''
made enrol.a-reflect.cluster
}

undo() {
use a-reflect withdraw
unless_replaced enrol.a-reflect.cluster
remove_peer a-reflect.cluster
unfederate a-reflect
join_parts
receipt ''
}

replace() {
use a-reflect enrol VERSION
replaces enrol.a-reflect.cluster
}

case ${1-} in
apply | update) WANTED=$1 apply </dev/null ;;
undo) undo </dev/null ;;
replace) replace </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
