# shellcheck shell=bash
# How a command begins that comes after the host's plan.

# use HOST VERB [VERSION]: takes the library that the plan brought, which must be of this version if one is named, and begins. Where a
# withdrawal finds none, all has been taken away.
use() {
  local library=/usr/local/lib/promwire/lib.sh
  if [ ! -r "$library" ]; then
    [ "$2" != withdraw ] || exit 0
    printf 'promwire: %s: %s: this machine has not converged yet; run its converge command first\n' "$1" "$2" >&2
    exit 1
  fi
  # shellcheck source=/dev/null
  . "$library"
  begin "$1" "$2"
  [ "${3-}" = "${SCRIPTS-}" ] || [ $# = 2 ] ||
    fail "this machine has the scripts ${SCRIPTS:-of an older program} and needs $3; run its converge command again"
}
