# shellcheck shell=bash
# The first script of a host: refuses one that can't be in a fleet, installs what plans need, and makes the host's keys.

# supported refuses a host where no plan would work.
supported() {
  [ -d /run/systemd/system ] || fail "systemd does not run here; promwire needs it"
  # shellcheck source=/dev/null
  OS=$(. /etc/os-release && echo "$ID ${VERSION_ID:-}")
  case $OS in
    "debian 12" | "debian 13" | "ubuntu 22.04" | "ubuntu 24.04") ;;
    *) fail "this is $OS; hosts are Debian 12 or 13, or Ubuntu 22.04 or 24.04" ;;
  esac
  ARCH=$(dpkg --print-architecture)
  case $ARCH in
    amd64 | arm64) ;;
    *) fail "this is $ARCH; hosts are amd64 or arm64" ;;
  esac
  # No pinned release is older than 2025: an earlier clock is wrong, and every certificate would look invalid.
  [ "$(date +%s)" -ge 1735689600 ] || fail "its clock says $(date --utc); set it, with timedatectl set-ntp true"
  space 10 /etc
  space 10 /var/lib
}

# wait_for_cloud_init waits until cloud-init has done its work. Status 2 means that it recovered from errors.
wait_for_cloud_init() {
  local status=0
  command -v cloud-init >/dev/null || return 0
  timeout 600 cloud-init status --wait >/dev/null 2>&1 || status=$?
  case $status in
    0 | 2) ;;
    124) fail "cloud-init has not ended within 10 minutes; see cloud-init status --long" ;;
    *) say "cloud-init ended with errors (cloud-init status --long), which are left to you" ;;
  esac
}

# refuse_overlap NETWORK...: refuses a host that already has an address in a network of the tunnel, or a route into it or around it.
refuse_overlap() {
  local network family found
  for network in "$@"; do
    family=-4
    [[ $network != *:* ]] || family=-6
    found=$({ ip "$family" route show table all to root "$network" && ip "$family" route show table all to match "$network"; } |
      grep -Ev '^((unreachable|unicast) )?default|dev '"$INTERFACE"'( |$)|^(0\.0\.0\.0|128\.0\.0\.0|::|8000::)/[01] ' | head -n 1 || true)
    [ -z "$found" ] || fail "the tunnel's network $network overlaps its own ($found); choose another one in the stack file"
  done
  if ip link show dev "$INTERFACE" >/dev/null 2>&1 && ! recorded unit "$TUNNEL"; then
    fail "it has an interface $INTERFACE that is not promwire's; remove it"
  fi
}

# wireguard NEED: finds out whether the kernel has WireGuard by making an interface, and falls back to wireguard-go. Where
# there is neither, a host whose NEED is optional goes without.
wireguard() {
  modprobe wireguard 2>/dev/null || true
  if ip link add dev promwire-try type wireguard 2>/dev/null; then
    ip link delete dev promwire-try
    WIREGUARD=kernel
    return
  fi
  if [ ! -c /dev/net/tun ] && [ "$1" = optional ]; then
    WIREGUARD=none
    return
  fi
  [ -c /dev/net/tun ] || fail "its kernel has neither WireGuard nor /dev/net/tun; load one of the modules wireguard and tun"
  packages wireguard-go
  WIREGUARD=userspace
}

# tunnel_key makes the private key, which never leaves the host.
tunnel_key() {
  dir "$TUNNEL_FOLDER" 700
  record file "$TUNNEL_KEY"
  if [ ! -s "$TUNNEL_KEY" ]; then
    (umask 077 && wg genkey >"$TUNNEL_KEY.new")
    sync "$TUNNEL_KEY.new"
    mv "$TUNNEL_KEY.new" "$TUNNEL_KEY"
  fi
  PUBLIC_KEY=$(wg pubkey <"$TUNNEL_KEY") || fail "$TUNNEL_KEY has no valid WireGuard key; remove it for a new one"
}

# identity HOST: makes the key by which the host proves itself, and a request for a certificate, which stay. Only the
# key of the request matters: the monitor, not the host, says who a host is.
identity() {
  local folder=$CERTIFICATES request
  identity_folder
  record file "$folder/key.pem"
  if [ ! -s "$folder/key.pem" ]; then
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.new")
    sync "$folder/key.new"
    mv "$folder/key.new" "$folder/key.pem"
  fi
  if [ "$(openssl req -in "$folder/request.pem" -noout -pubkey 2>/dev/null)" != "$(openssl pkey -in "$folder/key.pem" -pubout)" ]; then
    request=$(openssl req -new -key "$folder/key.pem" -subj "/CN=$1")
    put "$folder/request.pem" 600 <<<"$request"
  fi
  REQUEST=$(openssl req -in "$folder/request.pem" -outform DER | base64 --wrap 0)
}

# permanent_key gives a host that was made with a temporary ECDSA host key one of its own. The temporary one stays until the next
# script, which comes over a connection that pins the new one: a lost answer must not lock the operator out.
permanent_key() {
  local key=/etc/ssh/ssh_host_ed25519_key
  : >"$STATE/retire-ecdsa"
  [ -s "$key" ] && [ -s "$key.pub" ] && return
  rm -f "$key" "$key.pub"
  ssh-keygen -q -t ed25519 -N '' -C "root@$HOST" -f "$key"
  systemctl try-reload-or-restart ssh.service
}

# host_key finds the key by which SSH clients know this host.
host_key() {
  local type
  for type in ed25519 ecdsa rsa; do
    [ -s "/etc/ssh/ssh_host_${type}_key.pub" ] || continue
    HOST_KEY=$(cut -d ' ' -f 1,2 "/etc/ssh/ssh_host_${type}_key.pub")
    return
  done
  fail "it has no SSH host key in /etc/ssh; make one with ssh-keygen -A"
}

# refuse_other_fleets FLEET: a machine is in one fleet.
refuse_other_fleets() {
  local fleet
  fleet=$(cut -d ' ' -f 1 "$STATE/fleet" 2>/dev/null || true)
  [ -z "$fleet" ] || [ "$fleet" = "$1" ] || fail "it is the host $(<"$STATE/host") of the fleet $fleet; remove it there, with pulumi up" \
    "in that stack. If that stack is gone for good, run rm $STATE/fleet on this machine. Then run pulumi up again"
}

# record_host FLEET ROLE: notes which host this machine is. If it becomes another one, the undo of the former must not affect it. But until the
# new one has converged, it may be a mistake, such as one machine twice on the list: the undo of that gives the machine back.
record_host() {
  if [ "${WANTED-}" = apply ] && [ -e "$STATE/fleet" ] && [ ! -e "$STATE/before" ] && [ "$(cat "$STATE/host")" != "$HOST" ]; then
    echo "$(<"$STATE/host") $(<"$STATE/fleet")" >"$STATE/before"
  fi
  echo "$HOST" >"$STATE/host"
  echo "$*" >"$STATE/fleet"
}

# print_facts prints the facts.
print_facts() {
  printf '{"publicKey":"%s","hostKey":"%s","arch":"%s","os":"%s","wireguard":"%s","request":"%s"}\n' \
    "$PUBLIC_KEY" "$HOST_KEY" "$ARCH" "$OS" "$WIREGUARD" "$REQUEST" >&3
}
