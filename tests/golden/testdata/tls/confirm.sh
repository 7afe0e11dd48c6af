#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm VERSION
confirm f20c7d42930b96897dadf28b9b2de353ff15204f91f21c8aebbdd7b1ddb5caa8
receipt f20c7d42930b96897dadf28b9b2de353ff15204f91f21c8aebbdd7b1ddb5caa8
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
