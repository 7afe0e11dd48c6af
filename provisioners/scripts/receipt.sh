# shellcheck shell=bash
# The receipt: what a script did, as its one line of output.

VERSIONS=() # "name":"version" of what is installed
CERTIFICATE='' AUTHORITIES='' SIGNED='' # what admit gives a host

# installed NAME VERSION: adds to the receipt what this host has.
installed() { VERSIONS+=("\"$1\":\"$2\""); }

# receipt DIGEST: DIGEST is the firewall's, or nothing.
receipt() {
  local IFS=, more=
  [ -z "$CERTIFICATE" ] ||
    more=",\"certificate\":\"$CERTIFICATE\",\"authorities\":\"$AUTHORITIES\",\"signed\":$SIGNED"
  printf '{"host":"%s","scripts":"%s","changed":%s,"versions":{%s},"firewall":"%s"%s}\n' \
    "$HOST" "${SCRIPTS-}" "$(strings "${CHANGED[@]}")" "${VERSIONS[*]}" "$1" "$more" >&3
}
