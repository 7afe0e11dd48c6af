#!/usr/bin/env bash
# Installs one renewed certificate for this host. Standard input and output are a connection from the monitor; but who sends it does
# not matter: only a certificate for this host's own key and name, by an authority that the host trusts already, is accepted, and only
# one that was signed after the present one.
set -euo pipefail

# shellcheck source=/dev/null
. "$LIBRARY"

readonly MAX_BYTES=16384 # bytes; ours have less than 2000
readonly WAIT=10    # seconds, for the certificate
readonly BUSY=10    # seconds, for another script's end; with WAIT less than the service may run

# shellcheck disable=SC2153 # HOST is base.sh's
main() {
  local new reason text
  text=$(certificate) # before begin: whoever sends nothing must not hold the lock
  if ! flock --wait "$BUSY" "$RUN/lock" true; then
    echo "an update is at work there" # the monitor tries again
    return
  fi
  exec 4>&1 # begin turns standard output away
  begin "$(<"$STATE/host")" receive
  new=$RUN/received.pem
  printf '%s\n' "$text" >"$new"
  if ! reason=$(certificate_error "$HOST" "$new"); then
    refuse "$new" "$reason"
  elif [ -s "$CERTIFICATES/certificate.pem" ] && ! newer "$new" "$CERTIFICATES/certificate.pem"; then
    refuse "$new" "it is not newer than the present one"
  else
    put "$CERTIFICATES/certificate.pem" "$CERTIFICATE_MODE" <"$new"
    certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$(<"$STATE/renew-seconds")" | put_metrics
    say "renewed until $(openssl x509 -in "$new" -noout -enddate | cut -d = -f 2)"
    echo installed >&4
  fi
  rm -f "$new"
}

# certificate prints the first one of standard input, which need not end after it.
certificate() {
  local line size=0 until=$((SECONDS + WAIT)) left=$WAIT LC_ALL=C
  while [ "$size" -lt "$MAX_BYTES" ] && [ "$left" -gt 0 ] && { IFS= read -r -t "$left" -n 128 line || [ -n "$line" ]; }; do
    printf '%s\n' "$line"
    [ "$line" != "-----END CERTIFICATE-----" ] || return 0
    size=$((size + ${#line} + 1))
    left=$((until - SECONDS))
  done
}

refuse() {
  rm -f "$1"
  echo "refused: $2" >&4
  fail "a certificate was received and refused: $2"
}

main
