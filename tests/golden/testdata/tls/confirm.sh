#!/usr/bin/env bash
# promwire: the firewall of node-1 lets the operator in
set -euo pipefail

# shellcheck shell=bash
# How a command begins that comes after the host's plan.

# use HOST VERB: takes the library that the plan brought, and begins. Where a withdrawal finds none, all has been taken away.
use() {
  local library=/usr/local/lib/promwire/lib.sh
  if [ -r "$library" ]; then
    # shellcheck source=/dev/null
    . "$library"
    begin "$1" "$2"
  elif [ "$2" = withdraw ]; then
    printf '{"host":"%s","changed":[],"versions":{},"firewall":""}\n' "$1"
    exit 0
  else
    printf 'promwire: %s: %s: this machine has not converged yet; run its converge command first\n' "$1" "$2" >&2
    exit 1
  fi
}

apply() {
use node-1 confirm
confirm 9b83e4c7b7a223118b1b47875820581b761e8ae4816ea044a9c51a599f2f40ef
receipt 9b83e4c7b7a223118b1b47875820581b761e8ae4816ea044a9c51a599f2f40ef
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
