#!/usr/bin/env bash
# Renews, on the monitor, what certificates are due, and brings hosts what they do not serve yet. A host's key stays there: what is
# signed again is the request that it sent when it joined.
set -euo pipefail

# shellcheck source=/dev/null
. /usr/local/lib/promwire/lib.sh

readonly TOGETHER=20 # hosts at a time
readonly EXPORTER=19100

main() {
  mkdir -p "$RUN"
  flock --nonblock "$RUN/lock" true || return 0 # an update is at work, and looks at certificates itself
  begin "$(</var/lib/promwire/host)" renew
  sign_due
  exec 9>&- # hosts may be slow, and no update has to wait for them
  bring_all
}

# sign_due signs what is due, as the settings of the last update say.
sign_due() {
  local folder names
  for folder in "$AUTHORITY"/hosts/*/; do
    folder=${folder%/}
    [ -s "$folder/names" ] || continue
    read -r -a names <"$folder/names"
    sign "$folder" "$(basename "$folder")" "${names[@]}"
  done
  read -r -a names <"$AUTHORITY/own/names"
  own_certificate "$HOST" "${names[@]}"
  scraper
  [ ! -e "$WEB/web.pem" ] || web_certificate
}

bring_all() {
  local folder staged count=0 name failed=$RUN/renew.failed
  : >"$failed"
  for staged in "$TURNING"/*.json; do
    [ ! -e "$staged" ] || turned "$(basename "$staged" .json)" || true
  done
  for folder in "$AUTHORITY"/hosts/*/; do
    name=$(basename "$folder")
    [ -s "$folder/certificate.pem" ] || continue
    { bring "${folder%/}" || echo "$name" >>"$failed"; } &
    count=$((count + 1))
    [ $((count % TOGETHER)) -ne 0 ] || wait
  done
  wait
  [ ! -s "$failed" ] || fail "these hosts do not have their renewed certificates yet: $(sort "$failed" | tr '\n' ' '); it is tried again"
}

# bring FOLDER: brings a host its certificate, unless it serves it.
bring() {
  local at said
  at=$(<"$1/receiver")
  [ "$(serves "${at%:*}:$EXPORTER")" != "$(openssl x509 -in "$1/certificate.pem" -noout -serial)" ] || return 0
  said=$(give_to "$at" "$1/certificate.pem") || said="no answer at $at"
  say "$(basename "$1"): $said"
  [ "$said" = installed ]
}

# serves ADDRESS:PORT: the serial number of the certificate that an exporter serves.
serves() {
  timeout 5 openssl s_client -connect "$1" -cert "$PAIR/certificate.pem" -key "$PAIR/key.pem" </dev/null 2>/dev/null |
    openssl x509 -noout -serial 2>/dev/null || true
}

# give_to ADDRESS:PORT FILE: sends a file and prints the answer.
give_to() {
  local address=${1%:*}
  address=${address#[}
  # shellcheck disable=SC2016 # the inner bash expands them
  timeout 15 bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat "$3" >&3 && head --lines 1 <&3' give "${address%]}" "${1##*:}" "$2" 2>/dev/null
}

main
