#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# (use.sh)

apply() {
use node-1 confirm
confirm f722ff21f93843452361e6c518b74aa3c68e864b951891f0a6ba109c83a7d40f
receipt f722ff21f93843452361e6c518b74aa3c68e864b951891f0a6ba109c83a7d40f
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
