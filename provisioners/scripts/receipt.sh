# shellcheck shell=bash
# The receipt: what a script did, as its one line of output.

VERSIONS=() # "name":"version" of what is installed

# receipt DIGEST: DIGEST is the firewall's, or nothing.
receipt() {
  local IFS=,
  printf '{"host":"%s","changed":%s,"versions":{%s},"firewall":"%s"}\n' \
    "$HOST" "$(strings "${CHANGED[@]}")" "${VERSIONS[*]}" "$1" >&3
}
