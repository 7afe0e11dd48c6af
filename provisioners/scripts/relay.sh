# shellcheck shell=bash
# Relays lead the monitor to what listens on this host's loopback: with TLS (their files are the plan's), or without it.

# relays ADDRESSES PORT...: forwards those ports of the tunnel's ADDRESSES where something listens only on loopback. Where nothing listens
# there is no relay: it would occupy the port of a service that starts later.
relays() {
  local addresses=$1 port at
  shift
  for port in "$@"; do
    at=$(listeners "$port" "$addresses")
    if grep -qvE '^(127\.[0-9.]+|::1)?$' <<<"$at"; then
      remove_relay "$port" # it listens on more than loopback, and the firewall guards it
    elif [ -n "$at" ]; then
      relay "$port" "$(head -n 1 <<<"$at")" "$addresses"
    fi
  done
}

# listeners PORT ADDRESSES: where something listens on a TCP port, except the relay, which listens on ADDRESSES.
listeners() {
  ss --no-header --listening --tcp --numeric "sport = :$1" |
    awk '{ sub(/:[0-9]+$/, "", $4); gsub(/[][]|%.*/, "", $4); print $4 }' | sort -u | grep -vxFf <(tr ' ' '\n' <<<"$2") || true
}

# relay PORT TO ADDRESSES: forwards a port of ADDRESSES to the same port of TO.
relay() {
  local port=$1 to=$2 address listen=
  [[ $to != *:* ]] || to="[$to]"
  for address in $3; do
    [[ $address != *:* ]] || address="[$address]"
    listen+="ListenStream=$address:$port"$'\n'
  done
  put "$UNIT_FOLDER/promwire-relay-$port.service" 644 <<END
[Unit]
Description=Lead promwire's monitor to port $port of this host's loopback
# It ends with the socket, which cannot start while this runs.
PartOf=promwire-relay-$port.socket

[Service]
ExecStart=/lib/systemd/systemd-socket-proxyd --exit-idle-time=60 $to:$port
DynamicUser=yes
$SANDBOX
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
END
  put "$UNIT_FOLDER/promwire-relay-$port.socket" 644 check_unit <<END
[Unit]
Description=Lead promwire's monitor to port $port of this host's loopback

[Socket]
# It can start before the address exists.
FreeBind=yes
$listen
[Install]
WantedBy=sockets.target
END
  service "promwire-relay-$port.socket" "$UNIT_FOLDER/promwire-relay-$port.service"
}

# relays_only PORT...: removes the relays that listen on other ports.
relays_only() {
  local unit port
  for unit in "$UNIT_FOLDER"/promwire-relay-*.socket; do
    port=$(relay_port "$(basename "$unit")")
    if [ ! -e "$unit" ] || [[ " $* " == *" $port "* ]]; then continue; fi
    remove_relay "$port"
  done
}

# relay_port SOCKET: the port that a relay's socket listens on.
relay_port() {
  local port=${1#promwire-relay-}
  printf '%s' "${port%.socket}"
}

# remove_relay PORT: one with TLS has a template and a configuration, the other one a service.
remove_relay() {
  remove_unit "promwire-relay-$1.socket"
  remove_unit "promwire-relay-$1.service"
  remove "$UNIT_FOLDER/promwire-relay-$1@.service"
  remove "$CONFIG_FOLDER/relay-$1.conf"
}

# speaks_tls URL UNIT: waits until a unit shows a certificate, whatever it wants to see of this host.
speaks_tls() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if [[ $(curl --silent --insecure --noproxy '*' --max-time 2 --output /dev/null --write-out '%{time_appconnect}' "$1") == *[1-9]* ]]; then
      return
    fi
    sleep 0.2
  done
  fail_unit "$2" "does not speak TLS at $1"
}
