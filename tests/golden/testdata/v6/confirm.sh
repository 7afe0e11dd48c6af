#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm VERSION
confirm 02f5e67b2e3a5104d3f37d614e1b8125bb42ecb801e58ddf315cf9a42b25cddc
receipt 02f5e67b2e3a5104d3f37d614e1b8125bb42ecb801e58ddf315cf9a42b25cddc
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
