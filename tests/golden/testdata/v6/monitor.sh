#!/usr/bin/env bash
# promwire: what the monitor watcher must be
set -euo pipefail

# shellcheck shell=bash
# How a command begins that comes after the host's plan.

# use HOST VERB: takes the library that the plan brought, and begins. Where a withdrawal finds none, all has been taken away.
use() {
  local library=/usr/local/lib/promwire/lib.sh
  if [ -r "$library" ]; then
    # shellcheck source=/dev/null
    . "$library"
    begin "$1" "$2"
  elif [ "$2" = withdraw ]; then
    printf '{"host":"%s","changed":[],"versions":{},"firewall":""}\n' "$1"
    exit 0
  else
    printf 'promwire: %s: %s: this machine has not converged yet; run its converge command first\n' "$1" "$2" >&2
    exit 1
  fi
}

# bring brings what the plan below is made of.
bring() {
mkdir -p /usr/local/lib/promwire
cat >/usr/local/lib/promwire/lib.sh.$$ <<'END'
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

# put PATH MODE [CHECK...]: makes PATH hold what stands on standard input. The text is written beside PATH, shown to CHECK
# (whose last argument it becomes) and renamed, so PATH is at all times the old file or the whole new one.
put() {
  local path=$1 mode=$2 stage new said
  shift 2
  stage=$(dirname "$path")/.promwire
  new=$stage/$(basename "$path")
  if [ -e "$path" ] && ! recorded file "$path"; then
    fail "$path is there and is not promwire's; move it away, or leave this host out of the fleet"
  fi
  install -d -m 700 "$stage"
  (umask 077 && cat >"$new") || fail "$path can't be written; is the disk full? See df -h"
  chmod "$mode" "$new"
  if cmp -s "$new" "$path" && [ "$(stat -c %a "$path")" = "$mode" ]; then
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
# The SSH server: one lasting host key, and no connections that nobody uses.

# retire removes the temporary host key that a new machine came with. Whoever runs this has pinned the lasting one.
retire() {
  [ -e "$STATE/retire-ecdsa" ] || return 0
  rm -f /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ecdsa_key.pub
  systemctl try-reload-or-restart ssh.service
  rm "$STATE/retire-ecdsa"
  CHANGED+=("temporary SSH host key")
}

# hang_up: lets the server close connections that have no session left, where it can (OpenSSH 9.2 and later). Standard input
# is the configuration.
hang_up() {
  local before=${#CHANGED[@]}
  [[ $(/usr/sbin/sshd -T) == *unusedconnectiontimeout\ * ]] || return 0
  put /etc/ssh/sshd_config.d/promwire.conf 644 /usr/sbin/sshd -t -f
  [ ${#CHANGED[@]} = "$before" ] || systemctl try-reload-or-restart ssh.service
}
# shellcheck shell=bash
# Upstream releases: fetched, checked, unpacked below /opt/promwire, and linked into /usr/local/bin.

# release NAME VERSION MB BINARY...: installs a release. Standard input has a line for each architecture: its Debian name, the
# archive's URL, its SHA-256. MB is the room that archive and contents take together.
release() {
  local name=$1 version=$2 room=$3 url sum home=/opt/promwire/$1-$2 binary
  shift 3
  read -r _ url sum < <(grep "^$(dpkg --print-architecture) " || true) ||
    fail "$name $version has no checksum for $(dpkg --print-architecture); add one to the stack file, below releases"
  if [ "$(cat "$home/.sha256" 2>/dev/null || true)" != "$sum" ]; then
    dir /opt/promwire 755
    space "$room" /opt/promwire
    unpack "$home" "$url" "$sum"
    CHANGED+=("$name $version")
  fi
  for binary in "$@"; do
    symlink "/usr/local/bin/$binary" "$home/$binary"
  done
  VERSIONS+=("\"$name\":\"$version\"")
}

# unpack HOME URL SHA256: downloads an archive and, if it is the right one, makes HOME of it.
unpack() {
  local home=$1 url=$2 sum=$3 new=/opt/promwire/.new seen
  rm -rf "$new"
  mkdir "$new"
  curl --fail --silent --show-error --location --retry 4 --retry-connrefused --connect-timeout 15 --max-time 600 \
    --output "$new/archive" "$url" || {
    rm -rf "$new"
    fail "$url can't be downloaded; see curl's reason above"
  }
  seen=$(sha256sum "$new/archive" | cut -d ' ' -f 1)
  if [ "$seen" != "$sum" ]; then
    rm -rf "$new"
    fail "$url has the SHA-256 $seen instead of $sum; nothing of it was unpacked. Check version and sums in the stack file"
  fi
  mkdir "$new/home"
  tar --extract --gzip --file "$new/archive" --directory "$new/home" --strip-components 1 --no-same-owner
  printf '%s\n' "$sum" >"$new/home/.sha256"
  rm -rf "$home"
  mv "$new/home" "$home"
  rm -rf "$new"
}

# symlink PATH TO: makes PATH a symbolic link, in one step.
symlink() {
  [ "$(readlink "$1" || true)" != "$2" ] || return 0
  if [ -e "$1" ] && ! recorded file "$1"; then
    fail "$1 is there and is not promwire's; move it away, or leave this host out of the fleet"
  fi
  record file "$1"
  ln --symbolic --force --no-dereference "$2" "$1.promwire"
  mv --no-target-directory "$1.promwire" "$1"
  CHANGED+=("$1")
}

# prune NAME VERSION: removes the versions that are not linked any more.
prune() {
  local home
  for home in /opt/promwire/"$1"-[0-9]*; do
    [ "$home" = "/opt/promwire/$1-$2" ] || rm -rf "$home"
  done
}
# shellcheck shell=bash
# systemd: users, units, and what has to be restarted.

RESTARTED=() # units that this script started

# user NAME: makes the system user that /etc/sysusers.d/NAME.conf describes.
user() {
  ! getent passwd "$1" >/dev/null || return 0
  record user "$1"
  systemd-sysusers "/etc/sysusers.d/$1.conf"
  CHANGED+=("user $1")
}

# check_unit FILE: shows a unit to systemd, without the faults that units of others may have.
check_unit() {
  local alone=()
  [[ $(systemd-analyze --help) != *--recursive-errors* ]] || alone=(--recursive-errors=no)
  systemd-analyze verify --man=no "${alone[@]}" "$1"
}

# service UNIT INPUT...: makes a unit enabled and running. It is restarted only when the unit or an INPUT is not what it was
# when this function last started it.
service() {
  local unit=$1 inputs
  inputs=$(digest "/etc/systemd/system/$1" "${@:2}")
  enable "$unit"
  if systemctl is-active --quiet "$unit" && [ "$(cat "$STATE/started/$unit" 2>/dev/null || true)" = "$inputs" ]; then
    return
  fi
  systemctl restart "$unit" || fail_unit "$unit" "does not start"
  mkdir -p "$STATE/started"
  printf '%s\n' "$inputs" >"$STATE/started/$unit"
  RESTARTED+=("$unit")
  CHANGED+=("$unit")
}

# reread UNIT: lets systemd know the unit's files as they are now.
reread() {
  if [ "$(systemctl show --property NeedDaemonReload --value "$1")" = yes ]; then systemctl daemon-reload; fi
}

# enable UNIT: starts it at boot.
enable() {
  record unit "$1"
  reread "$1"
  ! systemctl is-enabled --quiet "$1" 2>/dev/null || return 0
  systemctl enable --quiet "$1"
  CHANGED+=("$1 at boot")
}

# reload UNIT INPUT...: lets a running unit read its INPUTs again, if they are not what it read last.
reload() {
  local unit=$1 inputs
  inputs=$(digest "${@:2}")
  [ "$(cat "$STATE/loaded/$unit" 2>/dev/null || true)" != "$inputs" ] || return 0
  if [[ " ${RESTARTED[*]} " != *" $unit "* ]]; then
    systemctl reload "$unit" || fail_unit "$unit" "does not reload"
    CHANGED+=("$unit reloaded")
  fi
  mkdir -p "$STATE/loaded"
  printf '%s\n' "$inputs" >"$STATE/loaded/$unit"
}

# digest FILE...: one line for the contents of all of them. A symbolic link counts as where it leads, a missing file as nothing.
digest() {
  local file
  for file in "$@"; do
    if [ -L "$file" ]; then readlink "$file"; else cat "$file" 2>/dev/null || true; fi
  done | sha256sum | cut -d ' ' -f 1
}

# answers URL UNIT: waits until a unit serves what it is there for.
answers() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$1"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not answer at $1"
}

# fail_unit UNIT WHAT: fails with the unit's last words.
fail_unit() {
  journalctl --unit "$1" --lines 5 --output cat --no-pager >&2 || true
  fail "$1 $2; its last words stand above, more in journalctl -u $1"
}
# shellcheck shell=bash
# WireGuard: promwire0.conf is put together on the host, from its parts in promwire0.d and the private key that was born here.

readonly PARTS=/etc/wireguard/promwire0.d
readonly TUNNEL=wg-quick@promwire0.service

# tunnel MTU ADDRESS...: brings the tunnel to what the parts say. One that is up stays up: a restart would drop its sessions.
tunnel() {
  join_parts
  if ! ip link show dev promwire0 >/dev/null 2>&1; then systemctl stop "$TUNNEL"; fi
  record link promwire0
  service "$TUNNEL"
  addresses "${@:2}"
  if [ "$(</sys/class/net/promwire0/mtu)" != "$1" ]; then
    ip link set dev promwire0 mtu "$1"
    CHANGED+=("promwire0 mtu")
  fi
}

# join_parts puts the configuration together from its parts and loads it. The key goes from file to file, never into an argument.
join_parts() {
  (umask 077 && whole >"$RUN/whole")
  put /etc/wireguard/promwire0.conf 600 load_tunnel <"$RUN/whole"
  rm "$RUN/whole"
}

whole() {
  local part
  cat "$PARTS/interface.conf"
  printf 'PrivateKey = %s\n' "$(</etc/wireguard/promwire0.key)"
  for part in "$PARTS"/peer-*.conf; do
    [ -e "$part" ] || continue
    printf '\n'
    cat "$part"
  done
}

# load_tunnel FILE: refuses a configuration that WireGuard refuses. A running tunnel has it from now on; sessions with peers
# that stay are kept. What the stripped file leaves out, syncconf clears: so it holds the private key, and, on a host that only
# dials, the port that this host has now, where its peer answers.
load_tunnel() {
  local status=0
  (umask 077 && wg-quick strip "$1" >"$RUN/stripped") || return
  if ip link show dev promwire0 >/dev/null 2>&1; then
    grep -q '^ListenPort' "$RUN/stripped" || sed -i "1a ListenPort = $(wg show promwire0 listen-port)" "$RUN/stripped"
    wg syncconf promwire0 "$RUN/stripped" || status=$?
  fi
  rm "$RUN/stripped"
  return "$status"
}

# addresses ADDRESS/LENGTH...: gives the interface these and no others.
addresses() {
  local have address
  have=$(ip -oneline address show dev promwire0 scope global | awk '{ print $4 }')
  for address in "$@"; do
    grep -qxF "$address" <<<"$have" && continue
    ip address add "$address" dev promwire0
    CHANGED+=("promwire0 $address")
  done
  for address in $have; do
    [[ " $* " != *" $address "* ]] || continue
    ip address delete "$address" dev promwire0
    CHANGED+=("promwire0 without $address")
  done
}
# shellcheck shell=bash
# nftables: a new ruleset is loaded on trial, proved by the operator's own packets, and taken back after a minute unless a fresh
# connection confirms it. A ruleset's digest stands in it as the table's comment, so that the loaded one can be recognised.

readonly PERMANENT=/etc/promwire/firewall.nft
readonly PENDING=/etc/promwire/firewall.pending

# firewall DIGEST: loads the ruleset on standard input on trial, unless it is the permanent one and loaded.
firewall() {
  if holds "$PERMANENT" "$1" && loaded "$1"; then
    drop "$PENDING"
    return
  fi
  put "$PENDING" 600 nft --check --file
  trial
}

holds() { grep -qsF "comment \"$2\"" "$1"; }

loaded() { [[ $(nft list table inet promwire 2>/dev/null) == *"comment \"$1\""* ]]; }

# trial loads the pending ruleset and sees whether the operator's packets still arrive.
trial() {
  record table promwire
  disarm
  systemd-run --quiet --collect --unit promwire-rollback --on-active 60s --timer-property AccuracySec=1s \
    /bin/bash -c '. /usr/local/lib/promwire/lib.sh && take_back'
  nft --file "$PENDING"
  CHANGED+=("firewall on trial")
  proved && return
  disarm
  take_back
  fail "the new firewall does not admit this connection (from $(operator)), and was taken back; check ssh.from and the port"
}

disarm() { systemctl stop promwire-rollback.timer promwire-rollback.service 2>/dev/null || true; }

# take_back loads the permanent ruleset, or none if there is none.
take_back() {
  if [ -e "$PERMANENT" ]; then
    nft --file "$PERMANENT"
  elif nft list table inet promwire >/dev/null 2>&1; then
    nft delete table inet promwire
  fi
}

# proved writes to the operator and waits for the acknowledgement to pass the new rules, which count the operator's packets.
proved() {
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    [ $((tries % 10)) != 0 ] || say "the new firewall is on trial; it goes back in a minute unless confirmed"
    [ "$(nft list counter inet promwire operator | awk '$1 == "packets" { print $2 }')" = 0 ] || return 0
    sleep 0.1
  done
  return 1
}

# operator says where this session comes from and to which port, as the SSH server told the shell that it started.
operator() {
  local pid=$$ found
  while [ "$pid" -gt 1 ]; do
    found=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    if [ -n "$found" ]; then
      awk '{ print $1 " to port " $4 }' <<<"$found"
      return
    fi
    pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
  done
  echo "no SSH session"
}

# confirm DIGEST: makes a ruleset permanent. That this runs proves it, if the ruleset is loaded; if the host has taken it back
# meanwhile, it goes on trial again.
confirm() {
  if holds "$PENDING" "$1"; then
    disarm
    loaded "$1" || trial
    disarm
    record file "$PERMANENT"
    sync "$PENDING"
    mv "$PENDING" "$PERMANENT"
    forget file "$PENDING"
    CHANGED+=("$PERMANENT")
  fi
  holds "$PERMANENT" "$1" || fail "it has no such firewall to confirm; run its converge command again"
  loaded "$1" || nft --file "$PERMANENT"
  service promwire-firewall.service "$PERMANENT"
}
# shellcheck shell=bash
# The monitor's side of a target: a peer of the tunnel, and a file that tells Prometheus what to scrape.

# unseat NAME KEY ADDRESS...: forgets other targets that hold this key or one of these addresses: the fleet's ledger gave them
# to NAME, and no two peers may hold one allowed IP.
unseat() {
  local name=$1 key=$2 part other
  shift 2
  for part in "$PARTS"/peer-*.conf; do
    other=$(basename "$part" .conf)
    other=${other#peer-}
    if [ ! -e "$part" ] || [ "$other" = "$name" ]; then continue; fi
    if grep -qxF "PublicKey = $key" "$part" || allowed "$part" | grep -xFf <(printf '%s\n' "$@") >/dev/null; then
      say "$other had this key or address, and is forgotten"
      leave "$other"
    fi
  done
}

# allowed PART: the allowed IPs of a peer, one a line.
allowed() { sed -n 's/^AllowedIPs = //p' "$1" | tr -d ' ' | tr ',' '\n'; }

# leave NAME: removes a target's files; join_parts makes the tunnel follow.
leave() {
  drop "/etc/prometheus/targets.d/$1.json"
  drop "$PARTS/peer-$1.conf"
}
# shellcheck shell=bash
# The receipt: what a script did, as its one line of output.

VERSIONS=() # "name":"version" of what is installed

# receipt DIGEST: DIGEST is the firewall's, or nothing.
receipt() {
  local IFS=,
  printf '{"host":"%s","changed":%s,"versions":{%s},"firewall":"%s"}\n' \
    "$HOST" "$(strings "${CHANGED[@]}")" "${VERSIONS[*]}" "$1" >&3
}
END
mv /usr/local/lib/promwire/lib.sh.$$ /usr/local/lib/promwire/lib.sh
}

apply() {
bring
use watcher converge
space 10 /etc
space 10 /var/lib
packages curl ca-certificates iproute2 nftables wireguard-tools
retire
hang_up <<'END'
# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
END
release node_exporter 1.2.3 64 node_exporter <<'END'
amd64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
release prometheus 3.2.1 640 prometheus promtool <<'END'
amd64 https://github.com/prometheus/prometheus/releases/download/v3.2.1/prometheus-3.2.1.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/prometheus/releases/download/v3.2.1/prometheus-3.2.1.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
dir /etc/wireguard/promwire0.d 700
put /etc/wireguard/promwire0.d/interface.conf 600 <<'END'
[Interface]
Address = 10.98.0.1/22
Address = fd98:1:2:3::1/64
ListenPort = 51820
MTU = 1420
END
dir /etc/systemd/system/wg-quick@promwire0.service.d 755
put /etc/systemd/system/wg-quick@promwire0.service.d/promwire.conf 644 <<'END'
[Unit]
StartLimitIntervalSec=0

[Service]
Restart=on-failure
RestartSec=5
END
reread wg-quick@promwire0.service
tunnel 1420 10.98.0.1/22 fd98:1:2:3::1/64
put /etc/sysusers.d/node_exporter.conf 644 <<'END'
u node_exporter - "Prometheus exporter of this host's metrics" /nonexistent /usr/sbin/nologin
END
user node_exporter
dir /var/lib/node_exporter 755
dir /var/lib/node_exporter/textfile 755
put /etc/systemd/system/node_exporter.service 644 check_unit <<'END'
[Unit]
Description=Prometheus exporter of this host's metrics, in the tunnel only
Documentation=https://github.com/prometheus/node_exporter
BindsTo=wg-quick@promwire0.service
After=wg-quick@promwire0.service
StartLimitIntervalSec=0

[Service]
User=node_exporter
Group=node_exporter
ExecStart=/usr/local/bin/node_exporter \
  --collector.textfile.directory=/var/lib/node_exporter/textfile \
  --web.listen-address=10.98.0.1:9100 \
  --web.listen-address=[fd98:1:2:3::1]:9100
Restart=always
RestartSec=3
UMask=0077
CapabilityBoundingSet=
ProtectHome=read-only
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
SystemCallFilter=@system-service adjtimex
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128
IPAddressAllow=10.98.0.1/32
IPAddressAllow=fd98:1:2:3::1/128
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target wg-quick@promwire0.service
END
put /etc/sysusers.d/prometheus.conf 644 <<'END'
u prometheus - "Prometheus" /nonexistent /usr/sbin/nologin
END
user prometheus
dir /etc/prometheus 755
dir /etc/prometheus/rules.d 755
dir /etc/prometheus/targets.d 755
dir /var/lib/prometheus 750 prometheus
put /etc/prometheus/rules.d/promwire.yml 644 promtool check rules <<'END'
# Alerts of a fleet; their labels say which host. Nobody is told of them until Prometheus has an Alertmanager, but its own pages show
# them.
groups:
  - name: promwire
    rules:
      - alert: TargetDown
        expr: up{job="node"} == 0
        for: 2m
        labels:
          severity: critical
        annotations:
          summary: "A host is not scraped: it, its tunnel or its exporter is down"

      - alert: FenceOpen
        expr: promwire_fence_open_addresses > 0
        labels:
          severity: critical
        annotations:
          summary: "A target reaches, through the tunnel, a port of another host that must be closed to it"

      - alert: FenceStale
        expr: up{job="node", role="target"} == 1 unless on (name) (time() - promwire_fence_last_run_timestamp_seconds < 300)
        for: 5m
        labels:
          severity: warning
        annotations:
          summary: "A target has not tried for 5 minutes whether the tunnel is closed to it"

      - alert: DiskFull
        expr: node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs|overlay"} / node_filesystem_size_bytes < 0.1
        for: 10m
        labels:
          severity: warning
        annotations:
          summary: "A file system has less than a tenth of its space left"
END
put /etc/prometheus/prometheus.yml 644 promtool check config <<'END'
global:
  scrape_interval: 15s
  scrape_timeout: 10s
  evaluation_interval: 15s

storage:
  tsdb:
    retention:
      time: 15d
      size: 8GB

rule_files:
  - /etc/prometheus/rules.d/*.yml

scrape_configs:
  - job_name: node
    file_sd_configs:
      - files: ['/etc/prometheus/targets.d/*.json']
    relabel_configs:
      - source_labels: [name]
        target_label: instance

  - job_name: prometheus
    static_configs:
      - targets: ['127.0.0.1:9090']
        labels: {"azone":"1","name":"watcher","region":"tor1","role":"monitor","team":"it's \"ours\""}
    relabel_configs:
      - source_labels: [name]
        target_label: instance
END
put /etc/prometheus/targets.d/_monitor.json 644 <<'END'
[
  {
    "targets": [
      "10.98.0.1:9100"
    ],
    "labels": {
      "azone": "1",
      "name": "watcher",
      "region": "tor1",
      "role": "monitor",
      "team": "it's \"ours\""
    }
  }
]
END
put /etc/systemd/system/prometheus.service 644 check_unit <<'END'
[Unit]
Description=Prometheus, for the hosts in the tunnel
Documentation=https://prometheus.io/docs/
Wants=wg-quick@promwire0.service
After=wg-quick@promwire0.service
StartLimitIntervalSec=0

[Service]
User=prometheus
Group=prometheus
ExecStart=/usr/local/bin/prometheus \
  --config.file=/etc/prometheus/prometheus.yml \
  --storage.tsdb.path=/var/lib/prometheus \
  --web.listen-address=127.0.0.1:9090 \
  --web.listen-address=10.98.0.1:9090 \
  --web.listen-address=[fd98:1:2:3::1]:9090
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=3
TimeoutStopSec=120
LimitNOFILE=65536
ReadWritePaths=/var/lib/prometheus
UMask=0077
CapabilityBoundingSet=
ProtectHome=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallFilter=@system-service
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.0/22
IPAddressAllow=fd98:1:2:3::/64
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
END
dir /etc/systemd/system/nftables.service.d 755
put /etc/systemd/system/nftables.service.d/promwire.conf 644 <<'END'
[Service]
ExecStartPost=-/usr/sbin/nft -f /etc/promwire/firewall.nft
ExecReload=-/usr/sbin/nft -f /etc/promwire/firewall.nft
ExecStopPost=-/usr/sbin/nft -f /etc/promwire/firewall.nft
END
reread nftables.service
dir /etc/promwire 755
put /etc/systemd/system/promwire-firewall.service 644 check_unit <<'END'
[Unit]
Description=Firewall of promwire
Documentation=man:nft(8)
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service
Conflicts=shutdown.target
ConditionPathExists=/etc/promwire/firewall.nft

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f /etc/promwire/firewall.nft

[Install]
WantedBy=sysinit.target
END
reread promwire-firewall.service
firewall 9b47338c70dcc6ce224e9d54f64d69e7424177b8326266de1c9c4672385dd619 <<'END'
#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	comment "9b47338c70dcc6ce224e9d54f64d69e7424177b8326266de1c9c4672385dd619"
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
		iifname != "promwire0" ip saddr { 192.168.7.9/32, 198.51.100.0/24 } tcp dport 22 counter name operator accept
		iifname != "promwire0" ip6 saddr { 2001:db8:5::/48 } tcp dport 22 counter name operator accept
		tcp dport 22 drop

		# Neighbours, routers and multicast of IPv6 (RFC 4890), before conntrack, which does not follow them.
		ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		ip6 saddr fe80::/10 icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept

		ct state invalid drop
		ct state established,related accept

		# Path MTU discovery and its like; ping.
		icmp type { destination-unreachable, time-exceeded, parameter-problem } accept
		icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
		icmp type echo-request limit rate 10/second burst 20 packets accept
		icmpv6 type echo-request limit rate 10/second burst 20 packets accept

		# Answers of DHCP servers, which come from or go to addresses that conntrack does not know.
		udp sport 67 udp dport 68 accept
		ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept

		iifname != "promwire0" udp dport 51820 accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "promwire0" drop
		oifname "promwire0" drop
	}
}
END
service node_exporter.service /usr/local/bin/node_exporter
answers http://10.98.0.1:9100/ node_exporter.service
prune node_exporter 1.2.3
service prometheus.service /usr/local/bin/prometheus
answers http://127.0.0.1:9090/-/healthy prometheus.service
reload prometheus.service /etc/prometheus/prometheus.yml /etc/prometheus/rules.d/promwire.yml
prune prometheus 3.2.1
receipt 9b47338c70dcc6ce224e9d54f64d69e7424177b8326266de1c9c4672385dd619
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
