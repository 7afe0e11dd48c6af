# shellcheck shell=bash
# What every script needs: how it begins and fails, how it changes a file, and how it records what it made.

# begin HOST VERB: names what is being done, and waits until no other script of promwire runs on this host.
begin() {
  HOST=$1
  VERB=$2
  CHANGED=()
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
  umask 022
  trap 'unexpected $? "$BASH_COMMAND"' EXIT
  trap 'fail "it took too long and was ended; run it again"' TERM
  exec 3>&1 1>&2 # standard output is only for the script's own answer
  [ "$(id -u)" = 0 ] || fail "it does not run as root; let the SSH user be root or have sudo without a password"
  install -d -m 700 "$RUN" "$STATE"
  touch "$STATE/manifest"
  exec 9>"$RUN/lock"
  flock --wait 900 9 || fail "another script of promwire has been running here for 15 minutes; see ps -ef"
}

say() { printf 'promwire: %s: %s: %s\n' "$HOST" "$VERB" "$*" >&2; }

fail() {
  trap - EXIT
  say "$*"
  exit 1
}

# unexpected STATUS COMMAND: says at which command a script failed. Its variables are printed only by name.
unexpected() { [ "$1" = 0 ] || fail "\"$2\" failed with status $1; see its output above"; }

# record KIND NAME: notes what is about to be made, so that undo finds it even if this script ends half-way.
record() { recorded "$1" "$2" || printf '%s %s\n' "$1" "$2" >>"$STATE/manifest"; }

recorded() { grep -qxF "$1 $2" "$STATE/manifest"; }

forget() {
  grep -vxF "$1 $2" "$STATE/manifest" >"$STATE/manifest.new" || true
  mv "$STATE/manifest.new" "$STATE/manifest"
}

# put PATH MODE[:USER[:GROUP]] [CHECK...]: writes standard input to PATH, owned by USER (default: root) and GROUP (default: the
# user's own). The text is written beside PATH, checked by CHECK (as its last argument) and renamed, so PATH is always the old file or
# the whole new one.
put() {
  local path=$1 mode owner group stage new said
  IFS=: read -r mode owner group <<<"$2"
  owner=${owner:-root}
  group=${group:-$owner}
  shift 2
  stage=$(dirname "$path")/.promwire
  new=$stage/$(basename "$path")
  if [ -e "$path" ] && ! recorded file "$path"; then
    fail "$path exists already and is not promwire's; move it away, or leave this host out of the fleet"
  fi
  install -d -m 700 "$stage"
  (umask 077 && cat >"$new") || fail "$path can't be written; is the disk full? See df -h"
  chmod "$mode" "$new"
  chown "$owner:$group" "$new"
  if cmp -s "$new" "$path" && [ "$(stat -c '%a %U %G' "$path")" = "$mode $owner $group" ]; then
    rm -r "$stage"
    return
  fi
  if [ $# -gt 0 ] && ! said=$("$@" "$new" 2>&1 </dev/null); then
    rm -r "$stage"
    printf '%s\n' "$said" >&2
    fail "$path: $1 refuses its new text (see its reason above); the old one stays"
  fi
  record file "$path"
  sync "$new"
  mv "$new" "$path"
  rm -r "$stage"
  CHANGED+=("$path")
}

# from_library NAME COMMAND...: gives a command, such as put, a text of the library as its standard input.
from_library() {
  local text
  text=$("text_$1")
  "${@:2}" <<<"$text"
}

# remove PATH: removes a file that put made.
remove() {
  [ -e "$1" ] || recorded file "$1" || return 0
  rm -f "$1"
  forget file "$1"
  CHANGED+=("$1")
}

# dir PATH MODE [OWNER]: makes a directory. One that was there before is not undone.
dir() {
  local owner=${3:-root}
  [ -d "$1" ] || record dir "$1"
  if [ ! -d "$1" ] || [ "$(stat -c '%a %U' "$1")" != "$2 $owner" ]; then
    install -d -m "$2" -o "$owner" -g "$owner" "$1"
    CHANGED+=("$1")
  fi
}

# space MB PATH: refuses to start if the disk has not enough free space.
space() {
  local need=$1 path=$2 free mount
  while [ ! -e "$path" ]; do path=$(dirname "$path"); done
  read -r free mount < <(df --output=avail,target --block-size=1M "$path" | tail -n 1)
  [ "$free" -ge "$need" ] || fail "the file system at $mount has $free MB free, and $need MB are needed; make room there"
}

# packages NAME...: installs those that are missing. If none is, apt is not called.
packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  space 200 /var/cache/apt
  space 200 /usr
  apt_get update
  apt_get install --yes --no-install-recommends "${missing[@]}"
  CHANGED+=("${missing[@]}")
}

# apt_get VERB...: apt-get, which waits while another one holds a lock. Its own option covers dpkg's lock but not the lists'.
apt_get() {
  local said deadline=$((SECONDS + 600))
  until said=$(DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get --quiet --quiet -o DPkg::Lock::Timeout=600 \
    -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold "$@" 2>&1 9>&-); do
    if [[ $said == *"Could not get lock"* ]] && [ $SECONDS -lt $deadline ]; then
      sleep 2
      continue
    fi
    printf '%s\n' "$said" | tail -n 5 >&2
    fail "apt-get $1 failed; see its output above"
  done
}

# strings WORD...: the words as a JSON array. None of ours has a character that JSON escapes.
strings() {
  local text=
  [ $# = 0 ] || text=$(printf ',"%s"' "$@")
  printf '[%s]' "${text#,}"
}
