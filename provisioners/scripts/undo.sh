# shellcheck shell=bash
# Removes everything that promwire made on a host, the last thing first. Packages stay, because others may use them by now.

# undo_all FLEET ROLE: reads the manifest backwards. What can't be removed stays in it, and is named.
undo_all() {
  local kind name left=() now
  now=$(present_host "$*")
  if [ "$now" != "$HOST $*" ]; then
    say "this machine is now another host (name, fleet, role): $now; nothing is undone"
    ! grep -qsxF "$HOST $*" "$STATE/before" || rm "$STATE/before"
    return
  fi
  if [ -e "$STATE/before" ]; then
    give_back
    return
  fi
  systemctl stop promwire-rollback.timer promwire-rollback.service promwire-retire.timer promwire-retire.service \
    'promwire-turn-*.service' 2>/dev/null || true
  while read -r kind name; do
    if undo_"$kind" "$name"; then CHANGED+=("$name"); else left+=("$kind $name"); fi
  done < <(tac "$STATE/manifest")
  systemctl daemon-reload
  if [[ " ${CHANGED[*]} " == *" /etc/ssh/"* ]]; then systemctl try-reload-or-restart ssh.service; fi
  if [ ${#left[@]} -gt 0 ]; then
    write_record "$(printf '%s\n' "${left[@]}" | tac)"
    fail "these are left: ${left[*]}; remove them and run it again"
  fi
  remove_dir "$PROGRAMS"
  rm -rf "$STATE" "$RUN"
}

# give_back makes the machine the host again that it was before this one, which never converged. See record_host.
give_back() {
  local name is
  read -r name is <"$STATE/before"
  if grep -qx begun "$STATE/before"; then
    say "this machine is the host $name again; converge of $HOST had begun here, so run pulumi up --replace with the URN of $name-converge"
  else
    say "this machine is again what it was before, the host $name; nothing is undone"
  fi
  echo "$is" >"$STATE/fleet"
  echo "$name" >"$STATE/host"
  rm "$STATE/before"
}

# present_host FLEET-ROLE: which host this machine is: name, fleet and role. Earlier versions recorded only the name.
present_host() {
  local name=$HOST is=$1
  [ ! -e "$STATE/host" ] || name=$(<"$STATE/host")
  [ ! -e "$STATE/fleet" ] || is=$(<"$STATE/fleet")
  echo "$name $is"
}

# undo_unit UNIT: the service of a timer or socket may run just now. It would go on, or stay failed when it is stopped.
undo_unit() {
  local unit units=("$1")
  if [[ $1 == *.timer || $1 == *.socket ]] && [ -e "$UNIT_FOLDER/${1%.*}.service" ]; then # or it has a template, which ends by itself
    units+=("${1%.*}.service")
  fi
  end_units "${units[@]}" 2>/dev/null || ! systemctl is-active --quiet "${units[@]}" || return 1
  for unit in "${units[@]}"; do systemctl reset-failed "$unit" 2>/dev/null || true; done
}

# undo_file PATH: metrics have an unfinished file beside them if the service that writes them was ended.
undo_file() {
  case $1 in "$TEXTFILES"/*) rm -f "$1.new" ;; esac
  rm -f "$1" && rm -rf "$(dirname "$1")/.promwire"
}

undo_dir() { remove_dir "$1"; }

undo_data() { [ ! -d "$1" ] || remove_data "$1"; }

# undo_mode PATH MODE:USER:GROUP: a directory of the owner's is what it was before.
undo_mode() {
  local path=${1% *} mode user group
  IFS=: read -r mode user group <<<"${1##* }"
  [ ! -d "$path" ] || { chown "$user:$group" "$path" && chmod "$mode" "$path"; }
}

undo_user() { ! getent passwd "$1" >/dev/null || userdel "$1"; }

undo_group() { ! getent group "$1" >/dev/null || groupdel "$1"; }

undo_exporter() { :; } # its unit and drop-in are recorded on their own

undo_enabled() { [[ " ${left[*]} " != *" unit $1 "* ]]; } # the link is the owner's: it is known until the unit has ended

undo_table() { ! nft list table inet "$1" >/dev/null 2>&1 || nft delete table inet "$1"; }

undo_link() { ! ip link show dev "$1" >/dev/null 2>&1 || ip link delete dev "$1"; }
