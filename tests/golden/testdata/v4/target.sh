#!/usr/bin/env bash
# promwire: what the target node-1 must be
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
cat >/usr/local/lib/promwire/lib.sh.$$ <<'END_'
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

# without UNIT: ends a unit that the plan does not have any more.
without() {
  local file=/etc/systemd/system/$1
  [ -e "$file" ] || return 0
  systemctl disable --quiet --now "$1" || fail_unit "$1" "does not stop"
  drop "$file"
  forget unit "$1"
  rm -f "$STATE/started/$1"
  systemctl daemon-reload
}

# retire_later UNIT: ends a unit two minutes from now. It is the former exporter: Prometheus turns to the new one only when that one
# answers, and must not miss a scrape. If the plan changes its mind meanwhile, the unit stays.
retire_later() {
  systemctl stop promwire-retire.timer promwire-retire.service 2>/dev/null || true
  [ -e "/etc/systemd/system/$1" ] || return 0
  systemd-run --quiet --collect --unit promwire-retire --on-active 120s \
    /bin/bash -c ". /usr/local/lib/promwire/lib.sh && begin '$HOST' retire && without '$1'"
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

# listens URL UNIT: waits until a unit listens, whatever it says.
listens() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --noproxy '*' --max-time 2 --output /dev/null "$1"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not listen at $1"
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
  systemctl stop "promwire-turn-$1.service" 2>/dev/null || true
  rm -f "$TURNING/$1.json" "$TURNING/$1.url"
  drop "/etc/prometheus/targets.d/$1.json"
  drop "$PARTS/peer-$1.conf"
}
# shellcheck shell=bash
# A host's certificate: what it proves itself with, and whom it trusts. Its key was born here and stays.

readonly CERTIFICATES=/etc/node_exporter
readonly METRICS=/var/lib/node_exporter/textfile/promwire_certificate.prom

# trust: standard input is the certificates of the authorities that this host trusts from now on.
trust() { put "$CERTIFICATES/authorities.pem" 400:node_exporter authorities; }

# authorities FILE: refuses what is no list of authorities' certificates.
authorities() {
  local subjects count
  count=$(grep -c '^-----BEGIN CERTIFICATE-----$' "$1") || return 1
  subjects=$(openssl crl2pkcs7 -nocrl -certfile "$1" | openssl pkcs7 -print_certs -text -noout) || return 1
  [ "$(grep -c 'CA:TRUE' <<<"$subjects")" = "$count" ] || {
    echo "not all of its $count certificates are those of authorities"
    return 1
  }
}

# certify NAME SIGNED RENEW: standard input is this host's certificate, given out when the monitor's clock said SIGNED. An installed
# one that is as good and newer is kept: the monitor renewed it meanwhile.
certify() {
  local name=$1 signed=$2 renew=$3 file=$RUN/certificate.pem behind reason
  cat >"$file"
  behind=$((signed - $(date +%s)))
  [ "$behind" -le 300 ] ||
    fail "its clock says $(date --utc), which is $behind s behind the monitor's; set it, with timedatectl set-ntp true"
  reason=$(flaw "$name" "$file") || fail "the certificate that the monitor gave it is of no use: $reason"
  give "$CERTIFICATES/key.pem" 400 node_exporter
  put "$STATE/renew-seconds" 600 <<<"$renew"
  if ! renewed "$name" "$file"; then put "$CERTIFICATES/certificate.pem" 400:node_exporter <"$file"; fi
  rm "$file"
  certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$renew" | put_metrics
}

# flaw NAME FILE: says, and fails, if a certificate isn't one for this host: for its key, of its name, by an authority that it
# trusts, valid now by its clock.
flaw() {
  local name=$1 file=$2 dates said
  if [ "$(openssl x509 -in "$file" -noout -pubkey 2>&1)" != "$(openssl pkey -in "$CERTIFICATES/key.pem" -pubout)" ]; then
    echo "it is for another key than $CERTIFICATES/key.pem; run its bootstrap command again (pulumi up --replace)"
    return 1
  fi
  dates=$(openssl x509 -in "$file" -noout -dates | tr '\n' ' ')
  said=$(openssl verify -CAfile "$CERTIFICATES/authorities.pem" -purpose sslserver -verify_hostname "$name" "$file" 2>&1) && return
  case $said in
    *"not yet valid"* | *"has expired"*)
      echo "by its clock, $(date --utc), it is not valid ($dates); set the clock, with timedatectl set-ntp true" ;;
    *"ostname mismatch"*) echo "it is not for $name" ;;
    *) echo "no authority that it trusts signed it (openssl: $(tail -n 1 <<<"$said"))" ;;
  esac
  return 1
}

# renewed NAME FILE: says whether the installed certificate is good, bears the same names as FILE, and was signed after it.
renewed() {
  local have=$CERTIFICATES/certificate.pem
  [ -s "$have" ] && flaw "$1" "$have" >/dev/null && [ "$(names "$have")" = "$(names "$2")" ] &&
    [ "$(issuer "$have")" = "$(issuer "$2")" ] && newer "$have" "$2"
}

# newer FILE OTHER: says whether a certificate was signed after another one. Which of them lasts longer is a matter of settings.
newer() { [ "$(date_of start "$1")" -gt "$(date_of start "$2")" ]; }

names() { openssl x509 -in "$1" -noout -ext subjectAltName | tail -n +2; }

# issuer FILE: which authority's key signed it; two authorities may have one name.
issuer() { openssl x509 -in "$1" -noout -issuer -ext authorityKeyIdentifier; }

# date_of start|end FILE: when a certificate begins or ends, in seconds since 1970.
date_of() { date --date "$(openssl x509 -in "$2" -noout "-$1date" | cut -d = -f 2)" +%s; }

# give FILE MODE USER: makes a file that stays as it is a user's.
give() {
  [ "$(stat -c '%a %U' "$1")" != "$2 $3" ] || return 0
  chown "$3:$3" "$1"
  chmod "$2" "$1"
  CHANGED+=("$1")
}

# certificate_metrics HOLDER FILE RENEW [LABELS]: when a certificate ends, and when it should be another one.
certificate_metrics() {
  local end labels="holder=\"$1\"${4:-}"
  end=$(date_of end "$2")
  printf 'promwire_certificate_not_after_timestamp_seconds{%s} %s\n' "$labels" "$end"
  printf 'promwire_certificate_renew_after_timestamp_seconds{%s} %s\n' "$labels" $((end - $3))
}

# put_metrics: standard input are this host's metrics of certificates.
put_metrics() {
  record file "$METRICS"
  {
    echo '# HELP promwire_certificate_not_after_timestamp_seconds When a certificate expires.'
    echo '# TYPE promwire_certificate_not_after_timestamp_seconds gauge'
    echo '# HELP promwire_certificate_renew_after_timestamp_seconds When a certificate is due to be renewed.'
    echo '# TYPE promwire_certificate_renew_after_timestamp_seconds gauge'
    sort
  } >"$METRICS.new"
  chmod 644 "$METRICS.new"
  mv "$METRICS.new" "$METRICS"
}

# own_address ADDRESS: refuses an address to listen on that no interface has.
own_address() {
  ip -oneline address show | awk '{ sub("/.*", "", $4); print $4 }' | grep -qxF "$1" ||
    fail "no interface has the address $1; say in the stack file which one its exporter is to listen on, listen"
}
# shellcheck shell=bash
# The fleet's certificate authorities, on the monitor. Their keys were made here and stay here; hosts send requests and get
# certificates. What a host has is kept in hosts/NAME, so that it can be renewed without asking the host.

readonly AUTHORITY=/etc/promwire/authority
readonly PAIR=/etc/prometheus/tls # what Prometheus proves itself with, and whom it trusts
readonly SCRAPER=scraper.promwire.internal

# authority VALIDITY RENEW NAME...: the trusted authorities, the oldest first, and for how many seconds they sign. The first signs
# Prometheus's certificate, the last the hosts'. So with an old and a new one listed, everybody believes both, and nobody shows
# anything that another one does not believe yet.
authority() {
  local validity=$1 renew=$2 name
  shift 2
  dir /etc/promwire 755
  dir "$AUTHORITY" 700
  mkdir -p "$AUTHORITY/hosts"
  in_order "$@"
  still_needed "$@"
  for name in "$@"; do
    [ -e "$AUTHORITY/$name/certificate.pem" ] || make_authority "$name"
  done
  for name in $(authorities_there); do
    [[ " $* " == *" $name "* ]] || leave_out "$name"
  done
  put "$AUTHORITY/settings" 600 <<<"$validity"$'\n'"$renew"$'\n'"$*"
  put "$AUTHORITY/bundle.pem" 600 authorities < <(for name in "$@"; do cat "$AUTHORITY/$name/certificate.pem"; done)
}

# setting NUMBER: validity (1), renewal (2), the authorities' names (3).
setting() { sed -n "$1p" "$AUTHORITY/settings"; }

first() { setting 3 | cut -d ' ' -f 1; }

last() { setting 3 | awk '{ print $NF }'; }

authorities_there() {
  local file
  for file in "$AUTHORITY"/*/key.pem; do
    [ ! -e "$file" ] || basename "$(dirname "$file")"
  done
}

# in_order NAME...: a new authority comes last, or Prometheus would show a certificate of it that no host believes yet.
in_order() {
  [ ! -e "$AUTHORITY/$1/key.pem" ] && [ $# -gt 1 ] && [ -n "$(authorities_there)" ] || return 0
  fail "authority $1 is new and stands first in tls.authorities; put it last, so that the hosts learn to trust it first"
}

# still_needed NAME...: refuses to leave out an authority that signed what a host still has.
still_needed() {
  local file host by users=()
  for file in "$AUTHORITY"/hosts/*/certificate.pem; do
    if [ ! -e "$file" ] || ! openssl x509 -in "$file" -noout -checkend 0 >/dev/null; then continue; fi
    host=$(basename "$(dirname "$file")")
    by=$(<"$AUTHORITY/hosts/$host/by")
    [[ " $* " == *" $by "* ]] || users+=("$host")
  done
  [ ${#users[@]} = 0 ] || fail "authority $by signed what these hosts still have: ${users[*]}; list both in tls.authorities" \
    "($by first, the new one last), run pulumi up, and leave $by out of the next one"
}

# make_authority NAME: ten years long, for certificates of hosts only.
make_authority() {
  local name=$1 new=$AUTHORITY/.new
  rm -rf "$new"
  (
    umask 077
    mkdir -p "$new/issued"
    : >"$new/index.txt"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$new/key.pem"
    openssl req -new -key "$new/key.pem" -subj "/CN=promwire authority $name" -out "$new/request.pem"
  )
  issue "$new" "$new/request.pem" "$new/certificate.pem" "promwire authority $name" authority 315360000 -selfsign
  sync
  mv "$new" "$AUTHORITY/$name"
  CHANGED+=("authority $name")
}

leave_out() {
  rm -rf "${AUTHORITY:?}/$1"
  CHANGED+=("without authority $1")
}

# issue FOLDER REQUEST OUT NAME PROFILE SECONDS [OPTION...]: signs a request with the authority in FOLDER. Of the request counts
# the key alone. The names of PROFILE host stand in $SANS. Certificates begin a day ago, for clocks that are behind.
issue() {
  local folder=$1 request=$2 out=$3 name=$4 profile=$5 seconds=$6 config=$RUN/authority.conf
  shift 6
  profiles "$folder" >"$config"
  (umask 077 && openssl ca -batch -notext -config "$config" -extensions "$profile" -in "$request" -out "$out" \
    -subj "/CN=$name" -startdate "$(stamp '1 day ago')" -enddate "$(stamp "$seconds seconds")" "$@" 2>"$RUN/authority.said") || {
    cat "$RUN/authority.said" >&2
    fail "the authority can't sign for $name; what openssl said stands above"
  }
  rm -f "$config" "$RUN/authority.said"
}

stamp() { date --utc --date "$1" +%Y%m%d%H%M%SZ; }

# profiles FOLDER: openssl's configuration, see ca(1) and x509v3_config(5).
profiles() {
  cat <<END
[ca]
default_ca = it
[it]
database = $1/index.txt
new_certs_dir = $1/issued
certificate = $1/certificate.pem
private_key = $1/key.pem
default_md = sha256
unique_subject = no
rand_serial = yes
copy_extensions = none
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[host]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = ${SANS:-DNS:invalid}
[scraper]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:$SCRAPER
END
}

# admit NAME RECEIVER REQUEST NAME-OF-IT...: knows a host by its request (base64 of DER) and signs what it says of itself. RECEIVER,
# address:port, is where renewed certificates are brought. What enrol's receipt tells the host is left in variables.
# shellcheck disable=SC2034 # receipt.sh uses them
admit() {
  local name=$1 folder=$AUTHORITY/hosts/$1
  [ -s "$AUTHORITY/settings" ] || fail "this monitor has no authority yet; run its converge command first"
  keep_request "$folder" "$name" "$3"
  printf '%s\n' "$2" >"$folder/receiver"
  shift 3
  sign "$folder" "$name" "$@"
  CERTIFICATE=$(base64 --wrap 0 "$folder/certificate.pem")
  AUTHORITIES=$(base64 --wrap 0 "$AUTHORITY/bundle.pem")
  SIGNED=$(<"$folder/signed")
}

# keep_request FOLDER NAME REQUEST: refuses one that its maker can't have the key for, or a key of another kind.
keep_request() {
  local folder=$1 new=$RUN/request.pem
  (umask 077 && base64 --decode <<<"$3" | openssl req -inform DER -out "$new" 2>/dev/null) || : >"$new"
  [[ $(openssl req -in "$new" -noout -verify 2>&1) == *"verify OK"* ]] ||
    fail "$2 sent no certificate request that is signed by its own key; run its bootstrap command again (pulumi up --replace)"
  [[ $(openssl req -in "$new" -noout -pubkey | openssl pkey -pubin -noout -text) == *P-256* ]] ||
    fail "the request of $2 is not for a key on P-256; remove $2's /etc/node_exporter/key.pem and run its bootstrap command again"
  (umask 077 && mkdir -p "$folder")
  mv "$new" "$folder/request.pem"
}

# sign FOLDER NAME NAME-OF-IT...: makes certificate.pem in a host's folder, unless there is one that will do.
sign() {
  local folder=$1 name=$2 by validity
  shift 2
  by=$(last)
  validity=$(setting 1)
  if will_do "$folder" "$by" "$validity" "$*"; then return; fi
  SANS=$(IFS=, && echo "$*") issue "$AUTHORITY/$by" "$folder/request.pem" "$folder/certificate.new" "$name" host "$validity"
  printf '%s\n' "$by" >"$folder/by"
  printf '%s\n' "$validity" >"$folder/validity"
  printf '%s\n' "$*" >"$folder/names"
  date +%s >"$folder/signed"
  sync "$folder/certificate.new"
  mv "$folder/certificate.new" "$folder/certificate.pem"
  CHANGED+=("certificate of $name")
}

# will_do FOLDER BY VALIDITY NAMES: says whether a certificate is there for the same key, by this authority's present key, for this
# long, of these names, and not yet due.
will_do() {
  local have=$1/certificate.pem
  [ -s "$have" ] && [ "$(cat "$1/by" "$1/validity" "$1/names" 2>/dev/null)" = "$2"$'\n'"$3"$'\n'"$4" ] &&
    [ "$(openssl x509 -in "$have" -noout -pubkey)" = "$(openssl req -in "$1/request.pem" -noout -pubkey)" ] &&
    signed_by "$have" "$2" && openssl x509 -in "$have" -noout -checkend "$(setting 2)" >/dev/null
}

# signed_by FILE NAME: says whether an authority, as it is now, signed a certificate.
signed_by() { openssl verify -partial_chain -no_check_time -CAfile "$AUTHORITY/$2/certificate.pem" "$1" >/dev/null 2>&1; }

# dismiss NAME: forgets a host; its certificate is not renewed any more.
dismiss() {
  [ -e "$AUTHORITY/hosts/$1" ] || return 0
  rm -rf "${AUTHORITY:?}/hosts/$1"
  CHANGED+=("certificate of $1 forgotten")
}

# own_certificate NAME NAME-OF-IT...: the monitor is a host like the others.
# shellcheck disable=SC2153 # CERTIFICATES is certificate.sh's
own_certificate() {
  local name=$1 folder=$AUTHORITY/own
  shift
  keep_request "$folder" "$name" "$(openssl req -in "$CERTIFICATES/request.pem" -outform DER | base64 --wrap 0)"
  sign "$folder" "$name" "$@"
  trust <"$AUTHORITY/bundle.pem"
  certify "$name" "$(<"$folder/signed")" "$(setting 2)" <"$folder/certificate.pem"
}

# scraper is what Prometheus proves itself with. Its key is made here, and is Prometheus's alone.
scraper() {
  local by key
  by=$(first)
  dir "$PAIR" 700 prometheus
  if [ ! -s "$PAIR/key.pem" ]; then
    key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
    put "$PAIR/key.pem" 400:prometheus <<<"$key"
  fi
  put "$PAIR/authorities.pem" 400:prometheus <"$AUTHORITY/bundle.pem"
  if ! signed_by "$PAIR/certificate.pem" "$by" || [ "$(cat "$AUTHORITY/scraper-validity" 2>/dev/null)" != "$(setting 1)" ] ||
    ! openssl x509 -in "$PAIR/certificate.pem" -noout -checkend "$(setting 2)" >/dev/null; then
    (umask 077 && openssl req -new -key "$PAIR/key.pem" -subj "/CN=$SCRAPER" -out "$RUN/scraper.pem")
    issue "$AUTHORITY/$by" "$RUN/scraper.pem" "$RUN/scraper.crt" "$SCRAPER" scraper "$(setting 1)"
    put "$PAIR/certificate.pem" 400:prometheus <"$RUN/scraper.crt"
    setting 1 >"$AUTHORITY/scraper-validity"
    rm "$RUN/scraper.pem" "$RUN/scraper.crt"
  fi
  monitor_metrics
}

# monitor_metrics tells of all certificates that the monitor itself has.
monitor_metrics() {
  local name renew
  renew=$(setting 2)
  {
    certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$renew"
    certificate_metrics scraper "$PAIR/certificate.pem" "$renew"
    for name in $(setting 3); do
      certificate_metrics authority "$AUTHORITY/$name/certificate.pem" "$renew" ",authority=\"$name\""
    done
  } | put_metrics
}
# shellcheck shell=bash
# Prometheus's own endpoint: its certificate, and a password that was born here. People find the password in WEB_PASSWORD, as root.

readonly WEB_PASSWORD=/etc/prometheus/web.password
readonly WEB=/etc/prometheus/tls # copies that only Prometheus reads
readonly WEB_COST=12             # 2^12 rounds of bcrypt

# web TLS USER: what Prometheus's web configuration has. TLS is yes or no, USER is who logs in, or nothing.
web() {
  local tls=$1 user=${2-} config file
  if [ "$tls" = yes ] || [ -n "$user" ]; then
    dir "$WEB" 700 prometheus
    if [ "$tls" = yes ]; then web_certificate; fi
    if [ -n "$user" ]; then web_password; fi
    config=$(web_config "$tls" "$user")
    put /etc/prometheus/web.yml 640:root:prometheus promtool check web-config <<<"$config"
    clients "$tls" "$user"
  else
    for file in web.yml promtool.yml curl.conf; do drop "/etc/prometheus/$file"; done
  fi
  if [ "$tls" = no ]; then drop "$WEB/web.key" && drop "$WEB/web.pem"; fi
  if [ -z "$user" ]; then drop "$WEB/web.password"; fi
}

web_config() {
  if [ "$1" = yes ]; then
    printf 'tls_server_config:\n  cert_file: %s/web.pem\n  key_file: %s/web.key\n  min_version: TLS12\n' "$WEB" "$WEB"
  fi
  if [ -n "$2" ]; then
    printf 'basic_auth_users:\n  "%s": "%s"\n' "$2" "$(<"$WEB_PASSWORD.bcrypt")"
  fi
}

# web_certificate copies the host's certificate and key. Prometheus reads them anew for each connection.
web_certificate() {
  put "$WEB/web.key" 400:prometheus <"$CERTIFICATES/key.pem"
  put "$WEB/web.pem" 400:prometheus <"$CERTIFICATES/certificate.pem"
}

# web_password makes a password once, and its hash whenever it is another one: whoever wants another password writes it into
# the file and runs this again.
web_password() {
  local sum born
  if [ ! -s "$WEB_PASSWORD" ]; then
    born=$(head --bytes 4096 /dev/urandom | tr -dc 'A-Za-z0-9')
    put "$WEB_PASSWORD" 600 <<<"${born:0:32}"
  fi
  record file "$WEB_PASSWORD"
  put "$WEB/web.password" 400:prometheus <"$WEB_PASSWORD"
  sum=$(sha256sum <"$WEB_PASSWORD")
  [ "$(cat "$WEB_PASSWORD.sum" 2>/dev/null || true)" != "$sum" ] || [ ! -s "$WEB_PASSWORD.bcrypt" ] || return 0
  born=$(bcrypt <"$WEB_PASSWORD")
  put "$WEB_PASSWORD.bcrypt" 600 <<<"$born"
  put "$WEB_PASSWORD.sum" 600 <<<"$sum"
}

# bcrypt: the hash of the password on standard input, by the system's crypt(3). Of the password counts what Prometheus makes of its
# file: no space around it.
bcrypt() {
  # shellcheck disable=SC2016 # perl expands them
  perl -e '
    my $cost = shift;
    local $/;
    my $password = <STDIN>;
    $password =~ s/^\s+|\s+$//g;
    open(my $random, "<", "/dev/urandom") or die "urandom: $!";
    read($random, my $bytes, 22) == 22 or die "urandom: short";
    my @letters = (".", "/", "A" .. "Z", "a" .. "z", "0" .. "9");
    my $salt = join("", map { $letters[ord($_) % 64] } split(//, substr($bytes, 0, 21))) . $letters[16 * (ord(substr($bytes, 21)) % 4)];
    my $hash = crypt($password, "\$2b\$$cost\$$salt");
    die "crypt(3) of this system knows no bcrypt\n" unless defined $hash && $hash =~ /^\$2b\$$cost\$.{53}$/;
    print "$hash\n";
  ' "$WEB_COST"
}

# clients TLS USER: how promtool and curl, as root on this host, get in.
clients() {
  local tls=$1 user=$2 promtool='' curl=''
  if [ "$tls" = yes ]; then
    promtool+="tls_config:"$'\n'"  ca_file: $CERTIFICATES/authorities.pem"$'\n'
    curl+="cacert = \"$CERTIFICATES/authorities.pem\""$'\n'
  fi
  if [ -n "$user" ]; then
    promtool+="basic_auth:"$'\n'"  username: \"$user\""$'\n'"  password_file: $WEB_PASSWORD"$'\n'
    curl+="user = \"$user:$(sed 's/["\\]/\\&/g' "$WEB_PASSWORD")\""$'\n'
  fi
  put /etc/prometheus/promtool.yml 600 < <(printf '%s' "$promtool")
  put /etc/prometheus/curl.conf 600 < <(printf '%s' "$curl")
}

# web_answers TLS UNIT: waits until Prometheus is well.
web_answers() {
  local tries url=http
  [ "$1" = no ] || url=https
  url+=://127.0.0.1:9090/-/healthy
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null --config /etc/prometheus/curl.conf "$url"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not answer at $url"
}
# shellcheck shell=bash
# How Prometheus turns from one address or scheme of a target to another without missing a scrape: only when it answers there.

readonly TURNING=/var/lib/promwire/turning

# turn NAME URL: standard input is the target's file for Prometheus. Where the file says to scrape as before, or is the first, it is
# put at once; otherwise Prometheus goes on as before until URL answers.
turn() {
  local name=$1 file=/etc/prometheus/targets.d/$1.json staged=$TURNING/$1.json
  mkdir -p "$TURNING"
  cat >"$staged.new"
  systemctl stop "promwire-turn-$name.service" 2>/dev/null || true
  if [ ! -e "$file" ] || [ "$(scraped "$file")" = "$(scraped "$staged.new")" ]; then
    put "$file" 644 <"$staged.new"
    rm -f "$staged" "$staged.new" "$TURNING/$name.url"
    return
  fi
  printf '%s\n' "$2" >"$TURNING/$name.url"
  mv "$staged.new" "$staged"
  CHANGED+=("$file, once it answers at $2")
  systemd-run --quiet --collect --unit "promwire-turn-$name" --property RuntimeMaxSec=1800 \
    /bin/bash -c ". /usr/local/lib/promwire/lib.sh && until turned '$name'; do sleep 0.5; done"
}

# scraped FILE: where and how a target's file has it scraped.
scraped() { sed -n '/"targets"/,/\]/p; /"__scheme__"/p' "$1" | tr -d ' ,'; }

# turned NAME: turns to a staged target if it answers.
turned() {
  local staged=$TURNING/$1.json
  [ -e "$staged" ] || return 0
  reached "$(<"$TURNING/$1.url")" || return 1
  chmod 644 "$staged"
  mv "$staged" "/etc/prometheus/targets.d/$1.json"
  rm -f "$TURNING/$1.url"
}

# reached URL: asks as Prometheus does.
reached() {
  local pair=/etc/prometheus/tls options=(--silent --fail --noproxy '*' --max-time 3 --output /dev/null)
  [[ $1 != https:* ]] ||
    options+=(--cacert "$pair/authorities.pem" --cert "$pair/certificate.pem" --key "$pair/key.pem")
  curl "${options[@]}" "$1"
}
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
END_
mv /usr/local/lib/promwire/lib.sh.$$ /usr/local/lib/promwire/lib.sh
}

apply() {
bring
use node-1 converge
space 10 /etc
space 10 /var/lib
packages curl ca-certificates iproute2 nftables openssl wireguard-tools
retire
hang_up <<'END'
# Connections without a session end after a minute: a program that forgets them would keep one process each.
UnusedConnectionTimeout 60
END
release node_exporter 1.2.3 64 node_exporter <<'END'
amd64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-amd64.tar.gz a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
arm64 https://github.com/prometheus/node_exporter/releases/download/v1.2.3/node_exporter-1.2.3.linux-arm64.tar.gz b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
END
dir /etc/wireguard/promwire0.d 700
put /etc/wireguard/promwire0.d/interface.conf 600 <<'END'
[Interface]
Address = 10.98.0.2/24
MTU = 1420
END
put /etc/wireguard/promwire0.d/peer-monitor.conf 600 <<'END'
# the monitor
[Peer]
PublicKey = bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0=
Endpoint = 198.51.100.34:51820
AllowedIPs = 10.98.0.1/32
PersistentKeepalive = 25
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
tunnel 1420 10.98.0.2/24
put /etc/sysusers.d/node_exporter.conf 644 <<'END'
u node_exporter - "Prometheus exporter of this host's metrics" /nonexistent /usr/sbin/nologin
END
user node_exporter
dir /var/lib/node_exporter 755
dir /var/lib/node_exporter/textfile 755
put /etc/systemd/system/node_exporter.service 644 check_unit <<'END'
[Unit]
Description=Prometheus exporter of this host's metrics, for the monitor only
Documentation=https://github.com/prometheus/node_exporter
StartLimitIntervalSec=0
BindsTo=wg-quick@promwire0.service
After=wg-quick@promwire0.service

[Service]
User=node_exporter
Group=node_exporter
ExecStart=/usr/local/bin/node_exporter \
  --collector.textfile.directory=/var/lib/node_exporter/textfile \
  --web.listen-address=10.98.0.2:9100
Restart=always
RestartSec=3
UMask=0077
CapabilityBoundingSet=
ProtectHome=read-only
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
SystemCallFilter=@system-service adjtimex
IPAddressDeny=any
IPAddressAllow=localhost
IPAddressAllow=10.98.0.2/32
IPAddressAllow=10.98.0.1/32
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
put /usr/local/lib/promwire/fence 755 bash -n <<'END'
#!/usr/bin/env bash
# Tries to reach, through the tunnel, what a target must not reach: the exporters of other hosts, the monitor's Prometheus and
# exporter. What it saw becomes metrics, so the proof is taken again and again, by every target, and needs no SSH.
#
# Arguments: the textfile collector's directory, how many addresses of a network to try, the exporters' ports (such as 19100,19101),
# then for each family NETWORK,OWN,MONITOR (such as 10.98.0.0/24,10.98.0.2,10.98.0.1).
set -euo pipefail

readonly TUNNEL=promwire0

# hosts NETWORK COUNT: its first addresses, in the order in which hosts get them. A tunnel's IPv6 networks all end in "::".
hosts() {
  local a b c d i n
  if [[ $1 == *:* ]]; then
    for ((i = 1; i <= $2; i++)); do printf '%s%x\n' "${1%/*}" "$i"; done
    return
  fi
  IFS=./ read -r a b c d _ <<<"$1"
  for ((i = 1; i <= $2; i++)); do
    n=$(((a << 24) + (b << 16) + (c << 8) + d + i))
    printf '%d.%d.%d.%d\n' $((n >> 24)) $((n >> 16 & 255)) $((n >> 8 & 255)) $((n & 255))
  done
}

# probe TO PORT: tries the addresses on standard input all at once, and prints how many it tried and on how many a connection was
# made, whatever was said over it afterwards.
probe() {
  local port=$2 address
  while read -r address; do
    [ -n "$address" ] || continue
    [[ $address != *:* ]] || address="[$address]"
    printf 'url = "http://%s:%s/"\noutput = /dev/null\n' "$address" "$port"
  done | { curl --silent --globoff --interface "$TUNNEL" --noproxy '*' --http0.9 --connect-timeout 2 --max-time 3 \
    --parallel --parallel-immediate --parallel-max 300 --write-out '%{time_connect}\n' --config - 2>/dev/null || true; } |
    awk -v labels="$1 $2" '{ tried++; open += $1 > 0 } END { print labels, tried + 0, open + 0 }'
}

# metrics renders what the probes, on standard input, saw.
metrics() {
  local seen to port tried open
  seen=$(sort)
  # A probe that could not be made is no closed port: the metrics then grow stale, for which there is an alert.
  if awk '$1 == "monitor" && $3 == 0 { none = 1 } END { exit !none }' <<<"$seen"; then
    echo "promwire-fence: nothing was probed; does curl work here?" >&2
    return 1
  fi
  echo '# HELP promwire_fence_probed_addresses Addresses of the tunnel that were tried.'
  echo '# TYPE promwire_fence_probed_addresses gauge'
  while read -r to port tried open; do
    printf 'promwire_fence_probed_addresses{to="%s",port="%s"} %s\n' "$to" "$port" "$tried"
  done <<<"$seen"
  echo '# HELP promwire_fence_open_addresses Addresses of the tunnel that accepted a connection, and must not.'
  echo '# TYPE promwire_fence_open_addresses gauge'
  while read -r to port tried open; do
    printf 'promwire_fence_open_addresses{to="%s",port="%s"} %s\n' "$to" "$port" "$open"
  done <<<"$seen"
  echo '# HELP promwire_fence_last_run_timestamp_seconds When the addresses were last tried.'
  echo '# TYPE promwire_fence_last_run_timestamp_seconds gauge'
  printf 'promwire_fence_last_run_timestamp_seconds %s\n' "$(date +%s)"
}

main() {
  local folder=$1 count=$2 port ports family network own monitor others=() monitors=()
  IFS=, read -r -a ports <<<"$3"
  shift 3
  ip link show dev "$TUNNEL" >/dev/null # without a tunnel everything would seem closed
  for family in "$@"; do
    IFS=, read -r network own monitor <<<"$family"
    mapfile -t -O "${#others[@]}" others < <(hosts "$network" "$count" | grep -vxF -e "$own" -e "$monitor")
    monitors+=("$monitor")
  done
  {
    for port in "${ports[@]}"; do
      probe targets "$port" < <(printf '%s\n' "${others[@]}") &
      probe monitor "$port" < <(printf '%s\n' "${monitors[@]}") &
    done
    probe monitor 9090 < <(printf '%s\n' "${monitors[@]}") &
    wait
  } | metrics >"$folder/promwire_fence.prom.new"
  mv "$folder/promwire_fence.prom.new" "$folder/promwire_fence.prom"
}

main "$@"
END
put /etc/systemd/system/promwire-fence.service 644 check_unit <<'END'
[Unit]
Description=Try to reach what a target of promwire must not reach
After=wg-quick@promwire0.service

[Service]
Type=oneshot
ExecStart=/usr/local/lib/promwire/fence /var/lib/node_exporter/textfile 254 9100 10.98.0.0/24,10.98.0.2,10.98.0.1
TimeoutStartSec=60
LogLevelMax=notice
ReadWritePaths=/var/lib/node_exporter/textfile
UMask=0022
CapabilityBoundingSet=CAP_NET_RAW
ProtectHome=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
SystemCallFilter=@system-service
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
END
put /etc/systemd/system/promwire-fence.timer 644 check_unit <<'END'
[Unit]
Description=Try again and again to reach what a target of promwire must not reach

[Timer]
OnActiveSec=1s
OnUnitActiveSec=15s
AccuracySec=1s

[Install]
WantedBy=timers.target
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
firewall d0ad04f8e7c4814051a21d15215ae6c7bc18c1d048ac17525f978fdb3bd6fded <<'END'
#!/usr/sbin/nft -f
# promwire's own table. Adding it first makes deleting it no error; both happen in the same transaction as the rest.
table inet promwire
delete table inet promwire

table inet promwire {
	comment "d0ad04f8e7c4814051a21d15215ae6c7bc18c1d048ac17525f978fdb3bd6fded"
	# Packets of the operator's SSH connections: a ruleset on trial is proved by them.
	counter operator {
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept

		# SSH is admitted packet by packet and not by connection, so that a network which may not log in any more is cut off.
		iifname != "promwire0" meta nfproto ipv4 tcp dport 2222 counter name operator accept
		iifname != "promwire0" meta nfproto ipv6 tcp dport 2222 counter name operator accept
		tcp dport 2222 drop

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

		iifname "promwire0" ip saddr 10.98.0.1 tcp dport 9100 accept
	}

	chain forward {
		type filter hook forward priority filter; policy accept;
		iifname "promwire0" drop
		oifname "promwire0" drop
	}
}
END
service node_exporter.service /usr/local/bin/node_exporter
answers http://10.98.0.2:9100/ node_exporter.service
prune node_exporter 1.2.3
without promwire-certificate.socket
service promwire-fence.timer
retire_later node_exporter-tls.service
receipt d0ad04f8e7c4814051a21d15215ae6c7bc18c1d048ac17525f978fdb3bd6fded
}

case ${1-} in
apply) apply </dev/null ;;
*) echo "promwire: bash -s -- VERB is missing" >&2; exit 2 ;;
esac
