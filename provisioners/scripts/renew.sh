#!/usr/bin/env bash
# Renews, on the monitor, the certificates that are due, and sends hosts those that they do not serve yet. A host's key stays there:
# the monitor signs again the request that the host sent when it joined.
#
# Argument: sign or deliver. They are two services: what signs has no network, and what talks to hosts reads no authority's key.
set -euo pipefail

# shellcheck source=/dev/null
. "$LIBRARY"

readonly PARALLEL=20 # hosts at a time
readonly FAILED=$RUN/renew.failed

main() {
  mkdir -p "$RUN"
  [ "$1" != sign ] || : >"$FAILED" # whether or not it goes on
  flock --nonblock "$RUN/lock" true || return 0 # an update is at work, and looks at certificates itself
  case $1 in
    sign)
      begin "$(<"$STATE/host")" renew
      sign_due
      ;;
    deliver) # without the lock: hosts may be slow, and no update has to wait for them
      speak_as "$(<"$STATE/host")" renew
      deliver_all
      ;;
  esac
}

# sign_due signs what is due, as the settings of the last update say. A host for which that fails is named, and the others go on.
sign_due() {
  local folder names name
  for folder in "$AUTHORITY"/hosts/*/; do
    folder=${folder%/}
    [ -s "$folder/names" ] || continue
    read -r -a names <"$folder/names"
    name=$(basename "$folder")
    sign "$folder" "$name" "${names[@]}" & # a process of its own, which ends at its first error
    wait $! || {
      say "$name: its certificate can't be signed again; see the reason above"
      echo "$name" >>"$FAILED"
    }
  done
  read -r -a names <"$AUTHORITY/own/names"
  own_certificate "$HOST" "${names[@]}"
  scraper
  [ ! -e "$WEB/web.pem" ] || web_certificate
}

deliver_all() {
  local folder count=0 name
  for folder in "$AUTHORITY"/hosts/*/; do
    name=$(basename "$folder")
    [ -s "$folder/certificate.pem" ] || continue
    { deliver "${folder%/}" || echo "$name" >>"$FAILED"; } &
    count=$((count + 1))
    [ $((count % PARALLEL)) -ne 0 ] || wait
  done
  wait
  [ ! -s "$FAILED" ] || fail "these hosts do not have their renewed certificates yet: $(sort -u "$FAILED" | xargs); it is tried again," \
    "and each one's answer is above"
}

# deliver FOLDER: sends a host its certificate, unless it serves it already.
deliver() {
  local at said
  ! shows "$1" 15 || return 0
  at=$(<"$1/receiver")
  said=$(send_to "$at" "$1/certificate.pem") || said="no answer at $at"
  [ -n "$said" ] || said="it ended the connection without an answer"
  say "$(basename "$1"): $said"
  [ "$said" = installed ]
}

# send_to ADDRESS:PORT FILE: sends a file and prints the answer.
send_to() {
  local address=${1%:*}
  address=${address#[}
  # shellcheck disable=SC2016 # the inner bash expands them
  timeout "$DELIVERY_SECONDS" bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat "$3" >&3 && head --lines 1 <&3' give "${address%]}" "${1##*:}" "$2" 2>/dev/null
}

main "$@"
