#!/usr/bin/env bash
# Heals what changed on a host since its last update: the tunnel, its addresses, the firewall, units that failed. What it healed, and
# what it could not heal, such as files that are gone, become metrics. It changes nothing while an update is at work, or while a new firewall is on trial. What
# somebody stopped with systemctl stays so, and is said.
#
# Arguments: the file of the metrics, in the textfile collector's directory; then the host's addresses in the tunnel with the network's
# length, such as 10.98.0.2/24. None: the host is outside the tunnel.
set -euo pipefail

# shellcheck source=/dev/null
. "$LIBRARY"

readonly KINDS="tunnel address endpoint firewall unit file boot"
readonly HEALED=$STATE/healed             # how much of each, a line each
readonly AS_LISTED=$STATE/firewall.listed # digest of the right table, as this host's nft lists it
readonly SILENCE=180                      # seconds without a handshake: a tunnel that works has one every two minutes

declare -A COUNT=() DRIFT=()

# shellcheck disable=SC2153 # HOST is base.sh's
main() {
  local file=$1 kind count
  shift
  mkdir -p "$RUN"
  flock --nonblock "$RUN/lock" true || { looked "$file" && return; }
  begin "$(<"$STATE/host")" watch
  for kind in $KINDS; do COUNT[$kind]=0 DRIFT[$kind]=0; done
  while read -r kind count; do COUNT[$kind]=$count; done < <(cat "$HEALED" 2>/dev/null)
  read_links || true # of an update that ended half-way
  watch_firewall
  if [ $# -gt 0 ]; then watch_tunnel "$@"; fi
  watch_units
  watch_record
  resume
  for kind in $KINDS; do echo "$kind ${COUNT[$kind]}"; done >"$HEALED.new"
  mv "$HEALED.new" "$HEALED"
  metrics "$file" >"$file.new"
  mv "$file.new" "$file"
}

# looked FILE: an update is at work and puts all right itself. Only the time is new.
looked() {
  [ -e "$1" ] || return 0
  sed "s/^\(promwire_watch_last_run_timestamp_seconds\) .*/\1 $(date +%s)/" "$1" >"$1.new"
  mv "$1.new" "$1"
}

healed() {
  COUNT[$1]=$((COUNT[$1] + 1))
  say "healed: $2"
}

drifts() {
  DRIFT[$1]=1
  say "$2"
}

# watch_tunnel ADDRESS/LENGTH...
watch_tunnel() {
  local now
  now=$(systemctl is-active "$TUNNEL" || true)
  case $now in
    active | failed) ;;
    inactive)
      drifts tunnel "$TUNNEL was stopped; start it with systemctl start $TUNNEL"
      return
      ;;
    *) # at a boot, or systemd tries it again and again
      drifts tunnel "$TUNNEL is $now; see journalctl -u $TUNNEL"
      return
      ;;
  esac
  if ! tunnel_works; then
    systemctl restart "$TUNNEL" || true
    tunnel_works || {
      drifts tunnel "$INTERFACE is gone, and $TUNNEL does not bring it back; see journalctl -u $TUNNEL"
      return
    }
    healed tunnel "$INTERFACE was gone, down, not this host's or without its process"
  fi
  if ! has_addresses "$@"; then
    addresses "$@" || true
    if has_addresses "$@"; then
      healed address "$INTERFACE had other addresses than $*"
    else
      drifts address "$INTERFACE can't have its addresses $*; see ip address show $INTERFACE"
    fi
  fi
  watch_forwarding
  watch_endpoints
}

# watch_forwarding: whoever sets net.ipv4.ip_forward, such as a baseline or a package that goes, sets the tunnel's switch too.
watch_forwarding() {
  if ! must_forward || forwards; then return; fi
  forwarding || true
  if forwards; then
    healed tunnel "$INTERFACE forwarded nothing; find out what set net.ipv4.ip_forward"
  else
    drifts tunnel "$INTERFACE does not forward; see sysctl net.ipv4.conf.$INTERFACE.forwarding"
  fi
}

# tunnel_works says whether the interface is up and answers with this host's key. If a process makes it, that has to answer.
tunnel_works() {
  [ -n "$(ip link show dev "$INTERFACE" up 2>/dev/null)" ] &&
    [ "$(timeout 5 wg show "$INTERFACE" public-key 2>/dev/null)" = "$(wg pubkey <"$TUNNEL_KEY")" ]
}

has_addresses() {
  [ "$(ip -oneline address show dev "$INTERFACE" scope global | awk '{ print $4 }' | sort)" = "$(printf '%s\n' "$@" | sort)" ]
}

# watch_endpoints looks up the name of a silent peer's endpoint again, because its address may have changed. The
# tunnel's configuration has the address of the last update.
watch_endpoints() {
  local part key endpoint address before handshake
  for part in "$PARTS"/peer-*.conf; do
    [ -e "$part" ] || continue
    endpoint=$(sed -n 's/^Endpoint = //p' "$part")
    [[ $endpoint =~ ^[^[].*[A-Za-z] ]] || continue # none, or an address
    key=$(sed -n 's/^PublicKey = //p' "$part")
    handshake=$(of_peer "$key" latest-handshakes)
    if [ -z "$handshake" ] || [ $(($(date +%s) - handshake)) -le $SILENCE ]; then continue; fi
    before=$(of_peer "$key" endpoints)
    if ! timeout 30 systemctl start "$LOOKUP" </dev/null || ! address=$(first_address <"$LOOKED_UP") ||
      ! wg set "$INTERFACE" peer "$key" endpoint "$address:${endpoint##*:}"; then
      drifts endpoint "the endpoint $endpoint can't be looked up; check the name, and this host's DNS"
    elif [ "$(of_peer "$key" endpoints)" = "$before" ]; then
      continue
    elif [ "$handshake" = 0 ]; then
      say "$endpoint is another address than at the last update" # as at each boot from then on
    else
      healed endpoint "$endpoint is another address now"
    fi
  done
}

# of_peer KEY WHAT: what wg says of a peer; nothing if it has no such peer.
of_peer() { { timeout 5 wg show "$INTERFACE" "$2" || true; } | awk -v key="$1" '$1 == key { print $2 }'; }

# watch_firewall loads the permanent ruleset again unless the table is what it was after the last load. If it is the same afterwards, only
# nft's way of listing it, or the ruleset, is another than then.
watch_firewall() {
  local before after
  if [ ! -e "$PERMANENT" ] || systemctl is-active --quiet promwire-rollback.timer promwire-rollback.service; then return; fi
  holds "$PERMANENT" "$(ruleset_digest)" || {
    drifts firewall "$PERMANENT was edited and is not loaded; run this host's converge again with pulumi up --replace"
    return
  }
  uplinks
  [ ${#CHANGED[@]} = 0 ] || say "other bridges lead outside now; see $UPLINKS"
  before=$(table_digest)
  [ "$before" != "$(cat "$AS_LISTED" 2>/dev/null)" ] || return 0
  again nft --file "$PERMANENT" || {
    drifts firewall "the firewall is not what it must be, and nft does not load it; see its reason above"
    return
  }
  after=$(table_digest)
  printf '%s\n' "$after" >"$AS_LISTED"
  [ "$before" = "$after" ] || healed firewall "the table $TABLE was gone or had other rules"
}

# ruleset_digest is the permanent ruleset's, without the line that names it.
ruleset_digest() { sed '/^\tcomment "[0-9a-f]\{64\}"$/d' "$PERMANENT" | sha256sum | cut -d ' ' -f 1; }

# table_digest is the table's, without the ports that the monitor may still reach after an update: these end by themselves.
table_digest() {
  { nft --stateless list table inet "$TABLE" 2>/dev/null || true; } | sed -E "/^\tset ($FORMER_SET|$FORMER_PASSED_SET) \{/,/^\t\}/d" | sha256sum | cut -d ' ' -f 1
}

watch_units() {
  local unit
  while read -r unit; do
    systemctl is-failed --quiet "$unit" || continue
    if timeout 30 systemctl restart "$unit" </dev/null; then
      healed unit "$unit had failed"
    else
      drifts unit "$unit has failed, and does not start; see journalctl -u $unit"
    fi
  done < <(sed -n 's/^unit //p' "$STATE/manifest")
}

# watch_record looks for what nobody misses before the next boot, or the next restart: files, and what starts at boot. Metrics come back by
# themselves.
watch_record() {
  local file units gone=() idle
  while read -r file; do
    if [[ $file != "$TEXTFILES"/* ]] && [ ! -e "$file" ] && [ ! -L "$file" ] && sees "$file"; then gone+=("$file"); fi
  done < <(sed -n 's/^file //p' "$STATE/manifest")
  [ ${#gone[@]} = 0 ] || drifts file "gone: ${gone[*]}; run this host's converge again with pulumi up --replace"
  mapfile -t units < <(sed -n 's/^unit //p' "$STATE/manifest")
  [ ${#units[@]} -gt 0 ] || return 0
  idle=$(systemctl show --property Id --property UnitFileState "${units[@]}" | not_at_boot | xargs)
  [ -z "$idle" ] || drifts boot "not started at boot any more: $idle; run systemctl unmask $idle, then systemctl enable $idle"
}

# sees PATH: its privileges don't reach into folders that are private to others, such as Prometheus's keys.
sees() {
  local folder=${1%/*}
  until [ -d "$folder" ] || [ -z "$folder" ]; do folder=${folder%/*}; done
  [ -x "$folder/" ]
}

# not_at_boot prints the units that systemctl shows on standard input, and that a boot does not start.
not_at_boot() {
  awk 'BEGIN { RS = "" } /UnitFileState=(disabled|masked|masked-runtime|enabled-runtime|bad)?(\n|$)/ { match($0, /(^|\n)Id=[^\n]*/); print substr($0, RSTART, RLENGTH) }' | sed -n 's/^Id=//p'
}

# resume goes on with what an update left to a transient unit of systemd's, which a boot removes: former units that end later, and scrapes
# that change once a target answers.
resume() {
  local units staged name
  if [ -s "$STATE/retiring" ] && ! systemctl is-active --quiet promwire-retire.timer promwire-retire.service; then
    mapfile -t units <"$STATE/retiring"
    stop_later "${units[@]}"
  fi
  for staged in "$TURNING"/*.json; do
    [ -e "$staged" ] || continue
    name=$(basename "$staged" .json)
    systemctl is-active --quiet "promwire-turn-$name.service" || turn "$name"
  done
}

# metrics FORMER: all of them; FORMER is the file of the last look.
metrics() {
  local kind
  echo '# HELP promwire_watch_last_run_timestamp_seconds When the watch last looked at this host.'
  echo '# TYPE promwire_watch_last_run_timestamp_seconds gauge'
  echo "promwire_watch_last_run_timestamp_seconds $(date +%s)"
  echo '# HELP promwire_healed_total How often the watch put something right.'
  echo '# TYPE promwire_healed_total counter'
  for kind in $KINDS; do echo "promwire_healed_total{what=\"$kind\"} ${COUNT[$kind]}"; done
  echo '# HELP promwire_drift 1 for what is not as planned and the watch could not put right.'
  echo '# TYPE promwire_drift gauge'
  for kind in $KINDS; do echo "promwire_drift{what=\"$kind\"} ${DRIFT[$kind]}"; done
  host_metrics
  if monitors; then target_metrics; fi
  if monitors || meets; then peer_metrics "$1"; fi
}

main "$@"
