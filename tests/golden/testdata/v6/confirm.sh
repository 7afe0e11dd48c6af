#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm
confirm 8721873fa3a8a5f467237f93f44b004652dfb18ca0ba30a00def0e270c4f7540
receipt 8721873fa3a8a5f467237f93f44b004652dfb18ca0ba30a00def0e270c4f7540
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
