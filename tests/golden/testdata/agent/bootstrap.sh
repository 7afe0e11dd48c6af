#!/usr/bin/env bash
# promwire: how node-1 begins
set -euo pipefail

functions=$(base64 --decode <<'END' | gzip --decompress
(packed)
END
)
eval "$functions"

apply() {
begin node-1 bootstrap
refuse_other_fleets promwire-prod
supported
wait_for_cloud_init
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
refuse_overlap 10.98.0.0/24
record_host promwire-prod target
wireguard needed
tunnel_key
identity node-1
permanent_key
host_key
print_facts
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
