# shellcheck shell=bash
# The receipt: what a script did, as its one line of output.

VERSIONS=() # "name":"version" of what is installed
CERTIFICATE='' AUTHORITIES='' SIGNED='' # what certify_host gives a host

# installed NAME VERSION: adds to the receipt what this host has.
installed() { VERSIONS+=("\"$1\":\"$2\""); }

# keep_receipt DIGEST: prints the receipt and keeps it for the script that confirms, which comes over another connection. All that a damaged
# record had lost is in it again, and the machine is this host, whatever it was before.
keep_receipt() {
  rm -f "$STATE/damaged"
  [ "$(cat "$STATE/host" 2>/dev/null)" != "$HOST" ] || rm -f "$STATE/before"
  printf '%s\n' "${CHANGED[@]}" | sed '/^$/d' >"$STATE/changed"
  printf '%s\n' "${VERSIONS[@]}" | sed '/^$/d' >"$STATE/versions"
  receipt "$1"
}

# kept_receipt DIGEST: prints the kept receipt, together with what this script changed.
kept_receipt() {
  local changed
  mapfile -t changed <"$STATE/changed"
  mapfile -t VERSIONS <"$STATE/versions"
  CHANGED=("${changed[@]}" "${CHANGED[@]}")
  receipt "$1"
}

# receipt DIGEST: DIGEST is the firewall's, or nothing.
receipt() {
  local IFS=, more=
  [ -z "$CERTIFICATE" ] ||
    more=",\"certificate\":\"$CERTIFICATE\",\"authorities\":\"$AUTHORITIES\",\"signed\":$SIGNED"
  printf '{"host":"%s","scripts":"%s","changed":%s,"versions":{%s},"firewall":"%s"%s}\n' \
    "$HOST" "${SCRIPTS-}" "$(strings "${CHANGED[@]}")" "${VERSIONS[*]}" "$1" "$more" >&3
}
