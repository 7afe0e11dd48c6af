#!/usr/bin/env bash
# Takes one renewed certificate for this host. Standard input and output are a connection from the monitor; but who sends it doesn't
# matter: only a certificate for this host's own key and name, by an authority that the host trusts already, is taken, and only one
# that was signed after the present one.
set -euo pipefail

# shellcheck source=/dev/null
. /usr/local/lib/promwire/lib.sh

readonly LINES_AT_MOST=200 # lines of a certificate; ours have less than 20

# shellcheck disable=SC2153 # HOST is base.sh's
main() {
  local new reason
  exec 4>&1 # begin turns standard output away
  begin "$(</var/lib/promwire/host)" receive
  new=$RUN/received.pem
  certificate >"$new"
  if ! reason=$(flaw "$HOST" "$new"); then
    refuse "$new" "$reason"
  elif [ -s "$CERTIFICATES/certificate.pem" ] && ! newer "$new" "$CERTIFICATES/certificate.pem"; then
    refuse "$new" "it is not newer than the present one"
  else
    put "$CERTIFICATES/certificate.pem" 400:node_exporter <"$new"
    certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$(<"$STATE/renew-seconds")" | put_metrics
    say "renewed until $(openssl x509 -in "$new" -noout -enddate | cut -d = -f 2)"
    echo installed >&4
  fi
  rm -f "$new"
}

# certificate prints the first one of standard input, which need not end after it.
certificate() {
  local line count=0
  while [ $((count++)) -lt "$LINES_AT_MOST" ] && IFS= read -r -t 10 -n 100 line; do
    printf '%s\n' "$line"
    [ "$line" != "-----END CERTIFICATE-----" ] || return 0
  done
}

refuse() {
  rm -f "$1"
  echo "refused: $2" >&4
  fail "a certificate was brought and refused: $2"
}

main
