#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm
confirm 9b83e4c7b7a223118b1b47875820581b761e8ae4816ea044a9c51a599f2f40ef
receipt 9b83e4c7b7a223118b1b47875820581b761e8ae4816ea044a9c51a599f2f40ef
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
