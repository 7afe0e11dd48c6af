# shellcheck shell=bash
# What the owner of a machine has there stays as it is. A plan asks for all that it will make before it changes anything.

# ask_first PLAN: refuses a host on which something stands in the way. PLAN is the function that changes the host. Here it changes nothing:
# each function that it calls does nothing but ask, by another one named ask_NAME, or refuse.
ask_first() {
  local found
  found=$(only_asks && "$1") || { # it said why
    trap - EXIT
    exit 1
  }
  found=$(sort -u <<<"$found")
  [ -z "$found" ] || refuse_taken "${found//$'\n'/, }"
  [ ! -e "$STATE/before" ] || echo begun >>"$STATE/before" # for give_back
}

# only_asks makes functions harmless.
only_asks() {
  local name
  for name in $(compgen -A function); do
    case $name in
      ask_first) eval "$name() { :; }" ;;
      apply | ask_* | text_* | from_library | with_sandbox | muted | recorded | ours | marked | taken | link_taken | data_in | say | fail) ;;
      refuse_owners_exporter | secret_file | own_address) ;; # they only refuse
      *) if declare -F "ask_$name" >/dev/null; then eval "$name() { ask_$name \"\$@\"; }"; else eval "$name() { :; }"; fi ;;
    esac
  done
}

# ask_put PATH: a unit stands also in the way where packages have theirs.
ask_put() {
  local file
  if taken "$1"; then echo "$1"; fi
  [[ $1 == "$UNIT_FOLDER"/*.* ]] && [ "$(dirname "$1")" = "$UNIT_FOLDER" ] && ! recorded file "$1" || return 0
  for file in /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system; do
    [ ! -e "$file/${1##*/}" ] || echo "$file/${1##*/} (of a package to remove)"
  done
}

# ask_dir PATH MODE [OWNER]: a directory of the owner's must belong to root, because root's files are in it. One that is to be a service's
# must have no data of another one.
ask_dir() {
  if [ ! -e "$1" ] || recorded dir "$1" || { [ -e "$STATE/damaged" ] && marked "$1/"; }; then return; fi
  if [ ! -d "$1" ] || [ -n "$(find -H "$1" -maxdepth 0 -perm -o=w)" ]; then
    echo "$1 (no directory, or everybody may write there)"
  elif [ $# = 3 ]; then
    recorded unit "$3.service" || [ -z "$(data_in "$1" -print -quit)" ] || echo "$1 (with data of somebody else's)"
  elif [ "$(stat -L -c '%u' "$1")" != 0 ]; then
    echo "$1 (of $(stat -L -c '%U' "$1"), not of root)"
  fi
}

# ask_link_release NAME VERSION BINARY...
ask_link_release() {
  local binary
  for binary in "${@:3}"; do
    if link_taken "$BINARIES/$binary"; then echo "$BINARIES/$binary"; fi
  done
}

# ask_web TLS USER
ask_web() {
  local files=()
  if [ "$1" = yes ]; then files+=("$WEB/web.key" "$WEB/web.pem"); fi
  if [ -n "${2-}" ]; then files+=("$WEB_PASSWORD" "$WEB_PASSWORD_COPY"); fi
  if [ ${#files[@]} -gt 0 ]; then ask_files "$WEB_CONFIG" "$PROMTOOL_CONFIG" "$CURL_CONFIG" "${files[@]}"; fi
}

# ask_page VERSION
ask_page() {
  local name
  ask_dir "$PAGE" 755
  for name in ${PAGE_FILES-}; do from_library "page_$name" ask_put "$PAGE/$name"; done
}

ask_alertmanager_login() {
  ask_files "$ALERTMANAGER_WEB" "$ALERTMANAGER_PASSWORD" "$ALERTMANAGER_PASSWORD_COPY" "$AMTOOL_CONFIG"
}

# ask_pushers USER...
ask_pushers() {
  local users=("${@/#/$PUSH/}")
  users=("${users[@]/%/.password}")
  ask_files "$PUSH_CONFIG" "$PUSH_PASSWORD_COPY" "$PUSH/$PUSH_SCRAPER.password" "${users[@]}"
  ask_dir "$PUSHED" 750 "$PUSHGATEWAY"
}

# ask_scrape HOST.JOB
ask_scrape() { ask_files "$TARGETS/$1.json"; }

# ask_retention fit|refuse SIZE COMMAND...
ask_retention() { "${@:3}"; }

# ask_files PATH...: what is to be in them is not known yet.
ask_files() {
  local file
  for file in "$@"; do
    if taken "$file" </dev/null; then echo "$file"; fi
  done
}
