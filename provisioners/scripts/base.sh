# shellcheck shell=bash
# What every script needs: how it begins and fails, how it changes a file, and how it records what it made.

# begin HOST VERB: names what is being done, and waits until no other script of promwire runs on this host.
begin() {
  speak_as "$@"
  CHANGED=()
  exec 3>&1 1>&2 # standard output is only for the script's own answer
  [ "$(id -u)" = 0 ] || fail "it does not run as root; let the SSH user be root or have sudo without a password"
  install -d -m 700 "$RUN" "$STATE"
  exec 9>"$RUN/lock"
  flock --wait 900 9 || fail "another script of promwire has been running here for 15 minutes; see ps -ef"
  read_record
}

# speak_as HOST VERB: names what is being done, and says why it ends if it ends early.
speak_as() {
  HOST=$1
  VERB=$2
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
  umask 022
  trap 'unexpected $? "$BASH_COMMAND"' EXIT
  trap 'fail "it took too long and was ended; run it again"' TERM
}

say() { printf 'promwire: %s: %s: %s\n' "$HOST" "$VERB" "$*" >&2; }

fail() {
  trap - EXIT
  say "$*"
  exit 1
}

# unexpected STATUS COMMAND: says at which command a script failed. Its variables are printed only by name, and its here-document is not.
unexpected() { [ "$1" = 0 ] || fail "\"${2%%$'\n'*}\" failed with status $1; see its output above"; }

# record KIND NAME: notes what is about to be made or changed, so that undo finds it even if this script ends half-way.
record() {
  local all
  if recorded "$1" "$2"; then return; fi
  all=$(<"$STATE/manifest") || fail "$STATE/manifest can't be read; see dmesg"
  write_record "$all"$'\n'"$1 $2"
}

# recorded KIND NAME is asked a hundred times in one script, so it starts no process.
recorded() { [[ $'\n'$(<"$STATE/manifest")$'\n' == *$'\n'"$1 $2"$'\n'* ]]; }

forget() {
  if recorded "$1" "$2"; then write_record "$(grep -vxF "$1 $2" "$STATE/manifest")"; fi
}

# write_record TEXT: TEXT becomes the record, whole and on the disk; or the former one stays.
write_record() {
  local new=$STATE/manifest.new text=${1#$'\n'}
  if ! printf '%s' "${text:+$text$'\n'}" >"$new" || ! sync "$new" || ! sha256sum <"$new" >"$STATE/manifest.sum"; then
    rm -f "$new"
    fail "$STATE/manifest can't be written; is the disk full? See df -h"
  fi
  mv "$new" "$STATE/manifest"
  sync "$STATE"
}

# read_record notices a record that is not as it was written: until the host has converged, what is promwire's is then known by what it is.
read_record() {
  if [ ! -e "$STATE/manifest" ] && [ ! -e "$STATE/host" ]; then write_record ''; fi
  touch "$STATE/manifest"
  [ "$(sha256sum <"$STATE/manifest")" = "$(cat "$STATE/manifest.sum" 2>/dev/null)" ] || : >"$STATE/damaged"
}

# ours PATH [NEW]: says whether a file is promwire's: by the record, because it is just what it is to be (NEW), or by its marks if the record
# is damaged.
ours() {
  recorded file "$1" || { [ $# = 2 ] && [ ! -L "$1" ] && cmp -s "$2" "$1"; } || { [ -e "$STATE/damaged" ] && marked "$1"; }
}

# marked PATH: says whether a file, or a folder with a / behind it, has a name that only promwire gives, is a unit that says so, or belongs to such a unit.
marked() {
  case $1 in
    *promwire*) [ -e "$1" ] ;;
    "$UNIT_FOLDER"/*) grep -qsE "^Description=(.*promwire's monitor|.*of a fleet that nobody else|Pushgateway, for batch jobs on hosts)" "$1" ;;
    "$PROMETHEUS_FOLDER"/* | "$PROMETHEUS_DATA"/*) marked "$UNIT_FOLDER/$PROMETHEUS_UNIT" ;;
    "$ALERTMANAGER_FOLDER"/* | "$ALERTMANAGER_DATA"/*) marked "$UNIT_FOLDER/$ALERTMANAGER_UNIT" ;;
    "$PUSH"/* | "$PUSHED"/*) marked "$UNIT_FOLDER/$PUSHGATEWAY_UNIT" ;;
    *) return 1 ;;
  esac
}

# taken PATH: says whether there is something that is not promwire's, which stands in the way of a file. Standard input is what PATH is to be.
taken() { { [ -e "$1" ] || [ -L "$1" ]; } && ! ours "$1" -; }

# refuse_taken PATH...
refuse_taken() { fail "$* exists already and is not promwire's; move it away, or leave this host out of the fleet"; }

# put PATH MODE[:USER[:GROUP]] [CHECK...]: writes standard input to PATH, owned by USER (default: root) and GROUP (default: the
# user's own). The text is written beside PATH, checked by CHECK (as its last argument) and renamed, so PATH is always the old file or
# the whole new one.
put() {
  local path=$1 mode owner group stage new said
  IFS=: read -r mode owner group <<<"$2"
  owner=${owner:-root}
  group=${group:-$owner}
  shift 2
  folder_of "$path"
  stage=${path%/*}/.promwire
  new=$stage/${path##*/}
  install -d -m 700 "$stage"
  (umask 077 && cat >"$new") || fail "$path can't be written; is the disk full? See df -h"
  if taken "$path" <"$new"; then
    rm -r "$stage"
    refuse_taken "$path"
  fi
  chmod "$mode" "$new"
  [ "$(stat -c '%U:%G' "$new")" = "$owner:$group" ] || chown "$owner:$group" "$new" # which not every sandbox lets it do
  if [ -e "$path" ] && cmp -s "$new" "$path" && [ "$(stat -c '%a %U %G' "$path")" = "$mode $owner $group" ]; then
    record file "$path"
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

# with_sandbox COMMAND...: gives a command, such as put, its own standard input, in which $SANDBOX stands for its lines.
with_sandbox() {
  local text
  text=$(cat)
  # shellcheck disable=SC2016 # the name itself is replaced
  "$@" <<<"${text/'$SANDBOX'/"$SANDBOX"}"
}

# remove PATH: removes a file that put made; one of somebody else stays.
remove() {
  ours "$1" || return 0
  rm -f "$1"
  forget file "$1"
  CHANGED+=("$1")
}

# dir PATH MODE [OWNER]: makes a directory, for a service's data if it has an OWNER. One that was there before is not undone, and changed only
# if it would not do as it is.
dir() {
  if [ -d "$1" ] && ! recorded dir "$1" && { [ ! -e "$STATE/damaged" ] || ! marked "$1/"; }; then
    owners_dir "$@"
  else
    own_dir "$1" "$2" "${3:-root}"
  fi
  [ $# -lt 3 ] || record data "$1"
}

# folder_of PATH: makes the directory of a file or directory, where the machine has none.
folder_of() {
  local folder=${1%/*}
  [ -d "${folder:-/}" ] || own_dir "$folder" 755 root
}

# own_dir PATH MODE OWNER
own_dir() {
  folder_of "$1"
  record dir "$1"
  if [ -d "$1" ] && [ "$(stat -c '%a %U' "$1")" = "$2 $3" ]; then return; fi
  install -d -m "$2" -o "$3" -g "$3" "$1"
  CHANGED+=("$1")
}

# owners_dir PATH MODE [OWNER]: adds to the owner's directory the permissions that it lacks, or gives it to OWNER. Undo finds in the record
# what it was before, by numbers: a user may have no name.
owners_dir() {
  local was mode owner wanted
  was=$(stat -c '%a:%u:%g' "$1")
  mode=$(printf '%o' $((0${was%%:*} | 0$2)))
  IFS=: read -r _ owner _ <<<"$was"
  wanted=$owner
  if [ $# = 3 ]; then wanted=$(id -u "$3"); fi
  if [ "$mode" = "${was%%:*}" ] && [ "$wanted" = "$owner" ]; then return; fi
  grep -q "^mode $1 " "$STATE/manifest" || record mode "$1 $was"
  [ "$wanted" = "$owner" ] || chown "$3:$3" "$1"
  chmod "$mode" "$1"
  CHANGED+=("$1")
}

# end_units UNIT...: stops them, and starts them at boot no more; but a link of the owner's stays, see enable.
end_units() {
  local unit ours=()
  for unit in "$@"; do recorded enabled "$unit" || ours+=("$unit"); done
  if [ ${#ours[@]} = $# ]; then
    systemctl disable --quiet --now "$@"
  else
    systemctl stop "$@" && { [ ${#ours[@]} = 0 ] || systemctl disable --quiet "${ours[@]}"; }
  fi
}

# remove_dir PATH: removes a directory that dir made, with what promwire's programs left in it. It stays if there is anything else, which the
# host's journal names: nobody sees what a delete says that succeeds.
remove_dir() {
  local said
  [ -d "$1" ] || return 0
  case $1 in
    "$PROMETHEUS_DATA" | "$PUSHED" | "$ALERTMANAGER_DATA") remove_data "$1" ;;
    "$RELEASES") rm -rf "$1/.new" && remove_homes "$1" .sha256 ;;
    "$AUTHORITY") rm -rf "$1"/{hosts,own,.new,scraper-validity} && remove_homes "$1" index.txt ;;
    "$PROGRAMS") rm -f "$1"/lib.sh* ;;
    "$TEXTFILES") rm -f "$1"/promwire_* ;;
  esac
  rm -rf "$1/.promwire"
  if rmdir "$1" 2>/dev/null; then return; fi
  said="$1 stays, because what is in it is not promwire's:$(find "$1" -mindepth 1 -maxdepth 1 -printf ' %f')"
  say "$said"
  journal "$said"
}

# journal TEXT: says it to the host's owner.
journal() { logger --tag "promwire" "$1" 2>/dev/null || true; }

# remove_data PATH: removes what the service wrote that the directory belongs to.
remove_data() {
  local user
  user=$(stat -c '%u' "$1")
  [ "$user" = 0 ] || data_in "$1" -user "$user" -delete 2>/dev/null || true
}

# data_in PATH FIND-ARGUMENT...: the files of Prometheus's database, of a Pushgateway, or of an Alertmanager.
data_in() {
  find -H "$1" -mindepth 1 -depth -regextype posix-extended \
    -regex "$1/(wal|wbl|chunks_head|chunks_snapshot|lock|queries\.active|metrics|nflog|silences|[0-9A-Z]{26})([./].*)?" "${@:2}"
}

# remove_homes PATH MARK: removes the directories in PATH that have a file MARK.
remove_homes() {
  local home
  for home in "$1"/*/; do
    [ ! -e "$home$2" ] || rm -rf "$home"
  done
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
