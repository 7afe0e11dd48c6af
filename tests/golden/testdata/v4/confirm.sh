#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm VERSION
confirm d0ad04f8e7c4814051a21d15215ae6c7bc18c1d048ac17525f978fdb3bd6fded
receipt d0ad04f8e7c4814051a21d15215ae6c7bc18c1d048ac17525f978fdb3bd6fded
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
