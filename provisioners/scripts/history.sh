#!/usr/bin/env bash
# What the monitor's Prometheus has recorded, as an archive: `history save` writes one to standard output, and `history restore` puts one from
# standard input in the place of what is recorded here.
set -euo pipefail

# shellcheck source=/dev/null
. "$LIBRARY"

readonly SAVED=$PROMETHEUS_DATA/.saved RESTORED=$PROMETHEUS_DATA/.restored FORMER=$PROMETHEUS_DATA/.former

# shellcheck disable=SC2153 # HOST is base.sh's
main() {
  local status=0
  [[ ${1-} == save || ${1-} == restore ]] || { echo "promwire: history save >FILE, or history restore <FILE" >&2 && exit 2; }
  begin "$(<"$STATE/host")" "$1"
  exec 8>"$RUN/history"
  flock --nonblock 8 || fail "another save or restore is at work here; wait until it has ended"
  systemctl is-active --quiet "$PROMETHEUS_UNIT" || fail "$PROMETHEUS_UNIT does not run; run pulumi up, or systemctl start $PROMETHEUS_UNIT"
  trap '' HUP INT # whatever becomes of the connection, Prometheus starts again
  set +e
  (
    set -e
    trap 'unexpected $? "$BASH_COMMAND"' EXIT
    if [ "$1" = save ]; then save; else restore; fi
  )
  status=$?
  set -e
  trap - EXIT
  rm -rf "$SAVED" "$RESTORED"
  systemctl start "$PROMETHEUS_UNIT"
  exit "$status"
}

# save stops Prometheus as long as it takes to copy what it has not put into blocks yet. Blocks never change, so that a link is a copy.
save() {
  local part
  rm -rf "$SAVED"
  space "$(($(du --summarize --total --block-size=1M "$PROMETHEUS_DATA"/{wal,chunks_head} | tail -n 1 | cut -f 1) + 100))" "$PROMETHEUS_DATA"
  mkdir -m 700 "$SAVED"
  systemctl stop "$PROMETHEUS_UNIT"
  while read -r part; do
    case ${part##*/} in
      wal | wbl | chunks_head) cp --archive "$part" "$SAVED" ;;
      *) cp --archive --link "$part" "$SAVED" ;;
    esac
  done < <(recorded_in "$PROMETHEUS_DATA")
  systemctl start "$PROMETHEUS_UNIT"
  exec 9>&- # others may go on
  tar --create --directory "$SAVED" . >&3
}

# restore looks at the whole archive before it changes anything, and gives Prometheus its former data back if it does not start with the new.
restore() {
  [ ! -e "$FORMER" ] || fail "$FORMER has the data of a restore that ended half-way; move it back or remove it"
  rm -rf "$RESTORED"
  mkdir -m 700 "$RESTORED"
  tar --extract --no-same-owner --directory "$RESTORED" <&7 || fail "this is not a whole archive of history save; nothing was changed"
  is_history "$RESTORED" || fail "this is not what Prometheus recorded; nothing was changed"
  chown --recursive "$PROMETHEUS:$PROMETHEUS" "$RESTORED"
  systemctl stop "$PROMETHEUS_UNIT"
  mkdir -m 700 "$FORMER"
  move "$PROMETHEUS_DATA" "$FORMER"
  move "$RESTORED" "$PROMETHEUS_DATA"
  systemctl start "$PROMETHEUS_UNIT"
  if ready; then
    rm -rf "$FORMER"
    return
  fi
  systemctl stop "$PROMETHEUS_UNIT"
  mkdir -p "$RESTORED"
  move "$PROMETHEUS_DATA" "$RESTORED"
  move "$FORMER" "$PROMETHEUS_DATA"
  rmdir "$FORMER"
  fail "Prometheus does not start with these data, and has its former ones again; see journalctl -u $PROMETHEUS_UNIT"
}

# is_history FOLDER: says whether there is what Prometheus recorded, and nothing else: it will be Prometheus's, and is from elsewhere.
is_history() {
  [ -d "$1/wal" ] && [ -z "$(find "$1" ! -type d ! -type f)" ] &&
    [ "$(recorded_in "$1")" = "$(find "$1" -mindepth 1 -maxdepth 1 | sort)" ] && promtool tsdb list "$1" >/dev/null
}

# recorded_in FOLDER: what Prometheus recorded there, sorted.
recorded_in() {
  find "$1" -mindepth 1 -maxdepth 1 -regextype posix-extended -regex '.*/(wal|wbl|chunks_head|[0-9A-Z]{26})' | sort
}

# move FROM TO: what Prometheus recorded.
move() {
  local part
  while read -r part; do mv "$part" "$2"; done < <(recorded_in "$1")
}

# ready waits until Prometheus has read its data, as long as its unit runs.
ready() {
  local url=http options=() tries
  ! grep -qs tls_server_config "$WEB_CONFIG" || url=https
  [ ! -e "$CURL_CONFIG" ] || options=(--config "$CURL_CONFIG")
  for ((tries = 0; tries < 1500; tries++)); do
    if curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "${options[@]}" "$url://127.0.0.1:$PROMETHEUS_PORT/-/ready"; then return; fi
    [ "$(systemctl show --property NRestarts --value "$PROMETHEUS_UNIT")" -lt 3 ] || return 1
    sleep 0.2
  done
  return 1
}

exec 7<&0
main "$@" </dev/null
