# shellcheck shell=bash
# How a script begins that calls functions of promwire's library.

# use HOST VERB [VERSION]: reads the host's library, which must be of this version if one is named, and begins. A library that comes in
# front of the script is installed first. If a withdrawal finds none, everything was removed already.
use() {
  if declare -F install_library >/dev/null; then install_library; fi
  if [ ! -r "$LIBRARY" ]; then
    [ "$2" != withdraw ] || exit 0
    printf 'promwire: %s: %s: this machine has not converged yet; run its converge command first\n' "$1" "$2" >&2
    exit 1
  fi
  # shellcheck source=/dev/null
  . "$LIBRARY"
  begin "$1" "$2"
  [ "${3-}" = "${SCRIPTS-}" ] || [ $# = 2 ] ||
    fail "this machine has the scripts ${SCRIPTS:-of an older program} and needs $3; run its converge command again"
}
