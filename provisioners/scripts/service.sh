# shellcheck shell=bash
# systemd: users, units, and what has to be restarted.

RESTARTED=() # units that this script started

# ask_user NAME: refuses a user of that name who counts as one of the people who are kept out of the tunnel.
ask_user() {
  local id
  id=$(id -u "$1" 2>/dev/null) || return 0
  if [ "$id" -ge "${PEOPLE%-*}" ] && [ "$id" -le "${PEOPLE#*-}" ]; then
    fail "the user $1 has the user ID $id, as people have, and people are kept out of the tunnel; give it one below ${PEOPLE%-*}" \
      "(usermod --uid), and what it owns too"
  fi
}

# user NAME: makes the system user that $USER_FOLDER/NAME.conf describes. The owner's user of that name serves as well, and stays. If the
# record is damaged, it is promwire's if it is just as described.
user() {
  ask_user "$1"
  if getent passwd "$1" >/dev/null; then
    if [ -e "$STATE/damaged" ] && grep -qsF "\"$(getent passwd "$1" | cut -d : -f 5)\"" "$USER_FOLDER/$1.conf"; then record user "$1"; fi
    return
  fi
  record user "$1"
  systemd-sysusers "$USER_FOLDER/$1.conf"
  CHANGED+=("user $1")
}

# group NAME: makes the system group that $USER_FOLDER/NAME.conf describes.
group() {
  if getent group "$1" >/dev/null && [ ! -e "$STATE/damaged" ]; then return; fi
  record group "$1"
  systemd-sysusers "$USER_FOLDER/$1.conf"
  CHANGED+=("group $1")
}

# check_unit FILE: lets systemd check a unit, without the problems of other units.
check_unit() {
  local alone=()
  [[ $(systemd-analyze --help) != *--recursive-errors* ]] || alone=(--recursive-errors=no)
  systemd-analyze verify --man=no "${alone[@]}" "$1"
}

# service UNIT INPUT...: makes a unit enabled and running. It is restarted only when the unit or an INPUT is not what it was
# when this function last started it.
service() {
  local unit=$1 inputs
  ! grep -qsxF "$unit" "$STATE/retiring" || cancel_stop
  inputs=$(digest "$UNIT_FOLDER/$1" "${@:2}")
  enable "$unit"
  if [ "$(cat "$STATE/started/$unit" 2>/dev/null || true)" = "$inputs" ] && systemctl is-active --quiet "$unit"; then
    return
  fi
  systemctl restart "$unit" || fail_unit "$unit" "does not start"
  mkdir -p "$STATE/started"
  printf '%s\n' "$inputs" >"$STATE/started/$unit"
  RESTARTED+=("$unit")
  CHANGED+=("$unit")
}

# sandboxed OPTION... COMMAND...: systemd-run, for a unit of root's with no more privileges than our services have, and the options' own.
sandboxed() {
  local property properties=()
  while read -r property; do properties+=(--property "$property"); done <<<"$SANDBOX"
  systemd-run --quiet --collect "${properties[@]}" "$@"
}

# remove_unit UNIT: stops and removes a unit that the plan does not have any more. The owner may have one of that name, which is left alone.
remove_unit() {
  local file=$UNIT_FOLDER/$1
  if [ ! -e "$file" ] || ! ours "$file"; then return; fi
  end_units "$1" || fail_unit "$1" "does not stop"
  remove "$file"
  forget unit "$1"
  forget enabled "$1"
  rm -f "$STATE/started/$1"
  systemctl daemon-reload
}

# stop_later UNIT...: removes units two minutes from now. They are the former exporters and relays: Prometheus changes to the new ones only
# when these answer, and must not miss a scrape. If a newer plan needs them meanwhile, the units stay.
stop_later() {
  local unit units=()
  cancel_stop
  for unit in "$@"; do
    if [ -e "$UNIT_FOLDER/$unit" ] && ours "$UNIT_FOLDER/$unit"; then units+=("$unit"); fi
  done
  [ ${#units[@]} -gt 0 ] || return 0
  printf '%s\n' "${units[@]}" >"$STATE/retiring"
  # shellcheck disable=SC2016 # the inner bash expands them
  sandboxed --unit promwire-retire --on-active 120s --property PrivateNetwork=yes --property RestrictAddressFamilies=AF_UNIX \
    --property "ReadWritePaths=$RUN $STATE $UNIT_FOLDER -$CONFIG_FOLDER" \
    /bin/bash -c '. "$0" && begin "$1" retire && shift && for unit in "$@"; do retire "$unit"; done' \
    "$LIBRARY" "$HOST" "${units[@]}"
}

# retire UNIT: removes a unit, and what belongs to it.
retire() {
  case $1 in
    promwire-relay-*.socket) remove_relay "$(relay_port "$1")" ;;
    *) remove_unit "$1" ;;
  esac
}

# cancel_stop cancels stop_later.
cancel_stop() {
  systemctl stop promwire-retire.timer promwire-retire.service 2>/dev/null || true
  rm -f "$STATE/retiring"
}

# reread UNIT: lets systemd read the unit's files again, if they changed.
reread() {
  if [ "$(systemctl show --property NeedDaemonReload --value "$1")" = yes ]; then systemctl daemon-reload; fi
}

# enable UNIT: starts it at boot. A link that starts a unit of this name is the owner's if it was there before, as after the removal of a package:
# it is recorded, and stays.
enable() {
  local enabled=''
  reread "$1"
  ! systemctl is-enabled --quiet "$1" 2>/dev/null || enabled=yes
  if [ -n "$enabled" ] && recorded file "$UNIT_FOLDER/$1" && ! recorded unit "$1" && [ ! -e "$STATE/damaged" ]; then
    record enabled "$1"
  fi
  record unit "$1"
  [ -z "$enabled" ] || return 0
  : >"$RUN/unread"
  systemctl enable --quiet --root=/ "$1"
  CHANGED+=("$1 at boot")
}

# read_links lets systemd read the links that enable made. Asked to make them itself it would read all units again for each one, a fifth of a
# first converge; or, with --no-reload, take every unit for changed, see reread. Until it has read them, it shows these units as disabled and
# starts none with the tunnel.
read_links() {
  [ -e "$RUN/unread" ] || return 0
  systemctl daemon-reload && rm "$RUN/unread"
}

# reload UNIT INPUT...: lets a running unit read its INPUTs again, if they are not what it read last.
reload() {
  local unit=$1 inputs
  inputs=$(digest "${@:2}")
  [ "$(cat "$STATE/loaded/$unit" 2>/dev/null || true)" != "$inputs" ] || return 0
  if [[ " ${RESTARTED[*]} " != *" $unit "* ]]; then
    systemctl reload "$unit" || fail_unit "$unit" "does not reload"
    CHANGED+=("$unit reloaded")
  fi
  mkdir -p "$STATE/loaded"
  printf '%s\n' "$inputs" >"$STATE/loaded/$unit"
}

# digest FILE...: one line for the contents of all of them. A symbolic link is read as its path, a missing file as empty.
digest() {
  local file
  for file in "$@"; do
    if [ -L "$file" ]; then readlink "$file"; else cat "$file" 2>/dev/null || true; fi
  done | sha256sum | cut -d ' ' -f 1
}

# answers URL UNIT: waits until a unit answers requests.
answers() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$1"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not answer at $1"
}

# listens URL UNIT: waits until a unit listens, whatever it answers.
listens() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --noproxy '*' --max-time 2 --output /dev/null "$1"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not listen at $1"
}

# fail_unit UNIT WHAT: fails with the unit's last log lines.
fail_unit() {
  journalctl --unit "$1" --lines 5 --output cat --no-pager >&2 || true
  fail "$1 $2; see its last log lines above, more in journalctl -u $1"
}
