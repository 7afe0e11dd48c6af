#!/usr/bin/env bash
# promwire: how node-1 begins, and ends
set -euo pipefail

# shellcheck shell=bash
# What every script stands on: how it begins and fails, how it changes a file, and how it remembers what it made.

readonly STATE=/var/lib/promwire
readonly RUN=/run/promwire

# begin HOST VERB: names what is being done, and waits until no other script of promwire runs on this host.
begin() {
  HOST=$1
  VERB=$2
  CHANGED=()
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
  umask 022
  trap 'unexpected $? "$BASH_COMMAND"' EXIT
  trap 'fail "it took too long and was ended; run it again"' TERM
  exec 3>&1 1>&2 # standard output is for the script's own answer alone
  [ "$(id -u)" = 0 ] || fail "it does not run as root; let the SSH user be root or have sudo without a password"
  install -d -m 700 "$RUN" "$STATE"
  touch "$STATE/manifest"
  exec 9>"$RUN/lock"
  flock --wait 900 9 || fail "another script of promwire has been running here for 15 minutes; see ps -ef"
}

say() { printf 'promwire: %s: %s: %s\n' "$HOST" "$VERB" "$*" >&2; }

fail() {
  trap - EXIT
  say "$*"
  exit 1
}

# unexpected STATUS COMMAND: says where a script stopped that did not expect to. Its variables stand there by name only.
unexpected() { [ "$1" = 0 ] || fail "\"$2\" failed with status $1; what it said stands above"; }

# record KIND NAME: notes what is about to be made, so that undo finds it even if this script ends half-way.
record() { recorded "$1" "$2" || printf '%s %s\n' "$1" "$2" >>"$STATE/manifest"; }

recorded() { grep -qxF "$1 $2" "$STATE/manifest"; }

forget() {
  grep -vxF "$1 $2" "$STATE/manifest" >"$STATE/manifest.new" || true
  mv "$STATE/manifest.new" "$STATE/manifest"
}

# put PATH MODE[:USER[:GROUP]] [CHECK...]: makes PATH hold what stands on standard input, and belong to USER (root if there's none)
# and GROUP (the user's own). The text is written beside PATH, shown to CHECK (whose last argument it becomes) and renamed, so PATH is at all times the old file or the
# whole new one.
put() {
  local path=$1 mode owner group stage new said
  IFS=: read -r mode owner group <<<"$2"
  owner=${owner:-root}
  group=${group:-$owner}
  shift 2
  stage=$(dirname "$path")/.promwire
  new=$stage/$(basename "$path")
  if [ -e "$path" ] && ! recorded file "$path"; then
    fail "$path is there and is not promwire's; move it away, or leave this host out of the fleet"
  fi
  install -d -m 700 "$stage"
  (umask 077 && cat >"$new") || fail "$path can't be written; is the disk full? See df -h"
  chmod "$mode" "$new"
  chown "$owner:$group" "$new"
  if cmp -s "$new" "$path" && [ "$(stat -c '%a %U %G' "$path")" = "$mode $owner $group" ]; then
    rm -r "$stage"
    return
  fi
  if [ $# -gt 0 ] && ! said=$("$@" "$new" 2>&1 </dev/null); then
    rm -r "$stage"
    printf '%s\n' "$said" >&2
    fail "$path: $1 refuses its new text (its reason stands above); the old one stays"
  fi
  record file "$path"
  sync "$new"
  mv "$new" "$path"
  rm -r "$stage"
  CHANGED+=("$path")
}

# drop PATH: removes a file that put made.
drop() {
  [ -e "$1" ] || recorded file "$1" || return 0
  rm -f "$1"
  forget file "$1"
  CHANGED+=("$1")
}

# dir PATH MODE [OWNER]: makes a directory. One that was there before is not undone.
dir() {
  local owner=${3:-root}
  [ -d "$1" ] || record dir "$1"
  if [ ! -d "$1" ] || [ "$(stat -c '%a %U' "$1")" != "$2 $owner" ]; then
    install -d -m "$2" -o "$owner" -g "$owner" "$1"
    CHANGED+=("$1")
  fi
}

# space MB PATH: refuses to start what the disk has no room for.
space() {
  local need=$1 path=$2 free mount
  while [ ! -e "$path" ]; do path=$(dirname "$path"); done
  read -r free mount < <(df --output=avail,target --block-size=1M "$path" | tail -n 1)
  [ "$free" -ge "$need" ] || fail "the file system at $mount has $free MB free, and $need MB are needed; make room there"
}

# packages NAME...: installs those that are missing. With all there, apt is not asked.
packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  space 200 /var/cache/apt
  space 200 /usr
  apt_get update
  apt_get install --yes --no-install-recommends "${missing[@]}"
  CHANGED+=("${missing[@]}")
}

# apt_get VERB...: apt-get, which waits while another one holds a lock. Its own option covers dpkg's lock but not the lists'.
apt_get() {
  local said deadline=$((SECONDS + 600))
  until said=$(DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get --quiet --quiet -o DPkg::Lock::Timeout=600 \
    -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold "$@" 2>&1 9>&-); do
    if [[ $said == *"Could not get lock"* ]] && [ $SECONDS -lt $deadline ]; then
      sleep 2
      continue
    fi
    printf '%s\n' "$said" | tail -n 5 >&2
    fail "apt-get $1 failed; what it said stands above"
  done
}

# strings WORD...: the words as a JSON array. None of ours holds a character that JSON escapes.
strings() {
  local text=
  [ $# = 0 ] || text=$(printf ',"%s"' "$@")
  printf '[%s]' "${text#,}"
}
# shellcheck shell=bash
# The first script of a host: refuses one that can't be in a fleet, installs what plans need, and makes the host's keys.

readonly KEY=/etc/wireguard/promwire0.key

# supported refuses a host on which no plan would work.
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

# settled waits until cloud-init has done its work. Status 2 means that it recovered from errors.
settled() {
  local status=0
  command -v cloud-init >/dev/null || return 0
  timeout 600 cloud-init status --wait >/dev/null 2>&1 || status=$?
  case $status in
    0 | 2) ;;
    124) fail "cloud-init has not ended within 10 minutes; see cloud-init status --long" ;;
    *) say "cloud-init ended with errors (cloud-init status --long), which are left to you" ;;
  esac
}

# apart NETWORK...: refuses a host that already has an address in a network of the tunnel, or a route into it or around it.
apart() {
  local network family found
  for network in "$@"; do
    family=-4
    [[ $network != *:* ]] || family=-6
    found=$({ ip "$family" route show table all to root "$network" && ip "$family" route show table all to match "$network"; } |
      grep -Ev '^((unreachable|unicast) )?default|dev promwire0( |$)|^(0\.0\.0\.0|128\.0\.0\.0|::|8000::)/[01] ' | head -n 1 || true)
    [ -z "$found" ] || fail "the tunnel's network $network overlaps its own ($found); choose another one in the stack file"
  done
  if ip link show dev promwire0 >/dev/null 2>&1 && ! recorded unit wg-quick@promwire0.service; then
    fail "it has an interface promwire0 that is not promwire's; remove it"
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
  dir /etc/wireguard 700
  if [ ! -s "$KEY" ]; then
    record file "$KEY"
    (umask 077 && wg genkey >"$KEY.new")
    sync "$KEY.new"
    mv "$KEY.new" "$KEY"
  fi
  PUBLIC_KEY=$(wg pubkey <"$KEY") || fail "$KEY holds no WireGuard key; remove it for a new one"
}

# identity HOST: makes the key by which the host proves itself, and a request for a certificate, which stay. Of the request counts
# the key: the monitor, not the host, says who a host is.
identity() {
  local folder=/etc/node_exporter request
  dir "$folder" 755
  if [ ! -s "$folder/key.pem" ]; then
    record file "$folder/key.pem"
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.new")
    sync "$folder/key.new"
    mv "$folder/key.new" "$folder/key.pem"
    rm -f "$folder/request.pem"
  fi
  if [ ! -s "$folder/request.pem" ]; then
    request=$(openssl req -new -key "$folder/key.pem" -subj "/CN=$1")
    put "$folder/request.pem" 600 <<<"$request"
  fi
  REQUEST=$(openssl req -in "$folder/request.pem" -outform DER | base64 --wrap 0)
}

# lasting_key gives a host that was made with a temporary ECDSA host key one of its own. The temporary one stays until the next
# script, which arrives over a connection that pins the new one: a lost answer must not shut the operator out.
lasting_key() {
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

# own notes which host of the fleet this machine is: if it becomes another one, undoing the former must not hurt the latter.
own() { printf '%s\n' "$HOST" >"$STATE/host"; }

# tell prints the facts.
tell() {
  printf '{"publicKey":"%s","hostKey":"%s","arch":"%s","os":"%s","wireguard":"%s","request":"%s"}\n' \
    "$PUBLIC_KEY" "$HOST_KEY" "$ARCH" "$OS" "$WIREGUARD" "$REQUEST" >&3
}
# shellcheck shell=bash
# Takes away everything that promwire made on a host, the last thing first. Packages stay, because others may use them by now.

# take_away reads the manifest backwards. What can't be removed stays in it, and is named.
take_away() {
  local kind name left=()
  if [ -e "$STATE/host" ] && [ "$(<"$STATE/host")" != "$HOST" ]; then
    say "this machine is now the fleet's host $(<"$STATE/host"); nothing is undone"
    return
  fi
  systemctl stop promwire-rollback.timer promwire-rollback.service promwire-retire.timer promwire-retire.service \
    'promwire-turn-*.service' 2>/dev/null || true
  while read -r kind name; do
    if undo_"$kind" "$name"; then CHANGED+=("$name"); else left+=("$kind $name"); fi
  done < <(tac "$STATE/manifest")
  systemctl daemon-reload
  if [[ " ${CHANGED[*]} " == *" /etc/ssh/"* ]]; then systemctl try-reload-or-restart ssh.service; fi
  if [ ${#left[@]} -gt 0 ]; then
    printf '%s\n' "${left[@]}" | tac >"$STATE/manifest"
    fail "these are left: ${left[*]}; remove them and run it again"
  fi
  rm -rf "$STATE" "$RUN" /usr/local/lib/promwire
}

# undo_unit UNIT: what a timer starts may run just now, and would be remembered as failed when it is stopped.
undo_unit() {
  local unit units=("$1")
  [[ $1 != *.timer ]] || units+=("${1%.timer}.service")
  systemctl disable --quiet --now "${units[@]}" 2>/dev/null || ! systemctl is-active --quiet "${units[@]}" || return 1
  for unit in "${units[@]}"; do systemctl reset-failed "$unit" 2>/dev/null || true; done
}

undo_file() {
  rm -f "$1" && rm -rf "$(dirname "$1")/.promwire"
}

undo_dir() { rm -rf "$1"; }

undo_user() { ! getent passwd "$1" >/dev/null || userdel "$1"; }

undo_table() { ! nft list table inet "$1" >/dev/null 2>&1 || nft delete table inet "$1"; }

undo_link() { ! ip link show dev "$1" >/dev/null 2>&1 || ip link delete dev "$1"; }
# shellcheck shell=bash
# The receipt: what a script did, as its one line of output.

VERSIONS=() # "name":"version" of what is installed
CERTIFICATE='' AUTHORITIES='' SIGNED='' # what admit gives a host

# receipt DIGEST: DIGEST is the firewall's, or nothing.
receipt() {
  local IFS=, more=
  [ -z "$CERTIFICATE" ] ||
    more=",\"certificate\":\"$CERTIFICATE\",\"authorities\":\"$AUTHORITIES\",\"signed\":$SIGNED"
  printf '{"host":"%s","changed":%s,"versions":{%s},"firewall":"%s"%s}\n' \
    "$HOST" "$(strings "${CHANGED[@]}")" "${VERSIONS[*]}" "$1" "$more" >&3
}

apply() {
begin node-1 bootstrap
supported
settled
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
apart 10.98.0.0/24
own
wireguard needed
tunnel_key
identity node-1
lasting_key
host_key
tell
}

undo() {
begin node-1 undo
take_away
receipt ''
}

case ${1-} in
apply) apply </dev/null ;;
undo) undo </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
