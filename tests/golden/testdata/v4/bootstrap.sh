#!/usr/bin/env bash
# promwire: how node-1 begins, and ends
set -euo pipefail

# (base.sh, bootstrap.sh, undo.sh, receipt.sh)

apply() {
begin node-1 bootstrap
supported
settled
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
apart 10.98.0.0/24
own
wireguard needed
tunnel_key
identity node-1
lasting_key
host_key
tell
}

undo() {
begin node-1 undo
take_away
receipt ''
}

case ${1-} in
apply) apply </dev/null ;;
undo) undo </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
