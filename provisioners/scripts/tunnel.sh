# shellcheck shell=bash
# WireGuard: the tunnel's configuration is assembled on the host, from its parts and the private key that was made here.

# tunnel MTU ADDRESS...: makes the tunnel what its parts say. One that is up stays up: a restart would drop its sessions.
tunnel() {
  join_parts
  if ! ip link show dev "$INTERFACE" >/dev/null 2>&1; then systemctl stop "$TUNNEL"; fi
  record link "$INTERFACE"
  service "$TUNNEL"
  addresses "${@:2}"
  if [ "$(<"/sys/class/net/$INTERFACE/mtu")" != "$1" ]; then
    ip link set dev "$INTERFACE" mtu "$1"
    CHANGED+=("$INTERFACE mtu")
  fi
}

# userspace lets the tunnel's service run wireguard-go, where the kernel has no WireGuard, or had none when the tunnel started.
userspace() {
  ip link delete dev promwire-try 2>/dev/null || true # of a run that was killed
  if [ ! -e "/run/wireguard/$INTERFACE.sock" ] && ip link add dev promwire-try type wireguard 2>/dev/null; then
    ip link delete dev promwire-try
    remove "$USERSPACE_DROP_IN"
  else
    put "$USERSPACE_DROP_IN" 644 <<<"[Service]"$'\n'"$USERSPACE"
  fi
}

# makes_tunnel FILE: tries whether a service with this drop-in may make an interface. A tunnel that is up stays up, so it would be the next
# boot that shows it otherwise.
makes_tunnel() {
  local line properties=(--property Type=oneshot --property TimeoutStartSec=30s)
  while read -r line; do
    [[ $line == Restart* ]] || properties+=(--property "$line")
  done < <(
    sed '1,/^\[Service\]$/d; /^\[/,$d' "$1"
    [ ! -e "$USERSPACE_DROP_IN" ] || echo "$USERSPACE"
  )
  systemd-run --quiet --collect "${properties[@]}" /bin/bash -c "ip link add dev promwire-try type wireguard 2>/dev/null || wireguard-go promwire-try
    ip link delete dev promwire-try && rm -f /run/wireguard/promwire-try.sock"
}

# join_parts assembles the configuration from its parts and loads it. The key is copied from file to file, never an argument. Of an endpoint
# with a name it has the address, so that a boot needs no name server; if that is another one by then, the watch notices.
join_parts() {
  local name address=
  name=$(endpoint_name)
  if [ -n "$name" ]; then
    address=$(getent ahosts "$name" | first_address) || fail "the endpoint $name can't be looked up; check the name, and this host's DNS"
  fi
  (umask 077 && whole | sed "s/^Endpoint = ${name:-no name}:/Endpoint = $address:/" >"$RUN/whole")
  put "$TUNNEL_CONFIG" 600 load_tunnel <"$RUN/whole"
  rm "$RUN/whole"
}

# endpoint_name: the name of the endpoint that this host dials; nothing if that is an address, or if it dials nobody. Nobody dials two.
# shellcheck disable=SC2153 # PARTS is one of Go's constants
endpoint_name() { sed -n '/^Endpoint = [^[].*[A-Za-z]/ { s/^Endpoint = //; s/:[0-9]*$//; p }' "$PARTS"/peer-*.conf 2>/dev/null || true; }

# looks_up_nothing: unless this host dials a name. Another hub may have come before the former one goes.
looks_up_nothing() { [ -n "$(endpoint_name)" ] || remove_unit "$LOOKUP"; }

# first_address: of what getent prints, as an endpoint has it.
first_address() { awk 'NR == 1 { print $1 ~ /:/ ? "[" $1 "]" : $1 } END { exit NR == 0 }'; }

whole() {
  local parts=("$PARTS"/peer-*.conf)
  cat "$INTERFACE_PART"
  printf 'PrivateKey = %s\n' "$(<"$TUNNEL_KEY")"
  [ ! -e "${parts[0]}" ] || awk 'FNR == 1 { print "" } 1' "${parts[@]}"
}

# load_tunnel FILE: refuses a configuration that WireGuard refuses. A running tunnel has it from now on; sessions with peers
# that stay are kept. syncconf clears what the stripped file leaves out: so it has the private key and, on a host that only dials,
# the host's present port, to which its peer answers.
load_tunnel() {
  local status=0
  (umask 077 && stripped <"$1" >"$RUN/stripped") || return
  if ip link show dev "$INTERFACE" >/dev/null 2>&1; then
    grep -q '^ListenPort' "$RUN/stripped" || sed -i "1a ListenPort = $(wg show "$INTERFACE" listen-port)" "$RUN/stripped"
    wg syncconf "$INTERFACE" "$RUN/stripped" || status=$?
  fi
  rm "$RUN/stripped"
  return "$status"
}

# stripped is what `wg-quick strip` does, which takes a second for 5000 peers: it removes what wg(8) does not know.
stripped() {
  awk '/^\[/ { own = $1 == "[Interface]" } !own || !/^(Address|DNS|MTU|Table|(Pre|Post)(Up|Down)|SaveConfig)[ \t]*=/'
}

# addresses ADDRESS/LENGTH...: gives the interface these and no others.
addresses() {
  local have address
  have=$(ip -oneline address show dev "$INTERFACE" scope global | awk '{ print $4 }')
  for address in "$@"; do
    grep -qxF "$address" <<<"$have" && continue
    ip address add "$address" dev "$INTERFACE"
    CHANGED+=("$INTERFACE $address")
  done
  for address in $have; do
    [[ " $* " != *" $address "* ]] || continue
    ip address delete "$address" dev "$INTERFACE"
    CHANGED+=("$INTERFACE without $address")
  done
}

# forwarding lets the kernel forward packets from the tunnel; the firewall says which, and the tunnel's configuration does it again
# at each start.
forwarding() {
  if forwards; then return; fi
  echo 1 >"/proc/sys/net/ipv4/conf/$INTERFACE/forwarding"
  CHANGED+=("$INTERFACE forwarding")
}

# forwards says whether it does, must_forward whether the tunnel's configuration says so.
forwards() { [ "$(<"/proc/sys/net/ipv4/conf/$INTERFACE/forwarding")" = 1 ]; }

must_forward() { grep -qs '^PostUp' "$INTERFACE_PART"; }
