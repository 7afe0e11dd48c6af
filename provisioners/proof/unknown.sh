# The gate's part for what is on the monitor and of no host and no cluster of the stack: a state that was lost, or edited by hand, leaves it.
#
# Before this text come fleet_known (hosts, and NAME.cluster for ends in clusters), fleet_leaving (those that this update removes after the
# gate), fleet_remove_unknown (yes or no).
# shellcheck shell=bash disable=SC2154

# unknown LIVE prints a line for each such thing: its name (a peer's key, if only the running tunnel has it) and what it is. LIVE are the peers
# of the running tunnel. It was asked before the files are read, so that a peer that is added meanwhile has its file.
unknown() {
  {
    unknown_peers "$1"
    unknown_files "$TARGETS" "$TURNING"
    unknown_clusters
    unknown_certificates
    unknown_displaced
  } | awk -F'\t' 'first { split($0, names, " "); for (i in names) known[names[i]]; next } !($1 in known)' \
    first=1 <(printf '%s\n' "$fleet_known" "$fleet_leaving") first= - | sort -u
}

unknown_peers() {
  local parts=("$PARTS"/peer-*.conf)
  [ -e "${parts[0]}" ] || parts=()
  awk '
    function file() { if (name != "") print name "\tpeer at " at; name = at = "" }
    live && name != "" { file() }
    live { if (NF > 0 && !($1 in known)) { key = $1; sub(/^[^ \t]+[ \t]+/, ""); print key "\tpeer at " $0 ", without a file" }; next }
    FNR == 1 { file(); name = FILENAME; sub(/.*\/peer-/, "", name); sub(/\.conf$/, "", name) }
    sub(/^[ \t]*PublicKey[ \t]*=[ \t]*/, "") { known[$1] }
    sub(/^[ \t]*AllowedIPs[ \t]*=[ \t]*/, "") { at = $0 }
    END { file() }' "${parts[@]}" live=1 - <<<"$1"
}

# unknown_files FOLDER...: what Prometheus scrapes of a host, by its files NAME.JOB.json. Those with another role are the owner's. _monitor is
# the monitor itself.
unknown_files() {
  local file name
  while IFS= read -r file; do
    name=${file##*/}
    [[ $name == _* ]] || printf '%s\tscraped by %s\n' "${name%%.*}" "$file"
  done < <(find "$@" -maxdepth 1 -name '*.json' -exec grep -l '"role": "target"' {} + 2>/dev/null)
}

unknown_clusters() {
  local file
  for file in "$CLUSTERS"/*.yml; do
    if ! has_record "$file"; then continue; fi
    printf '%s.cluster\tfederated by %s\n' "$(basename "$file" .yml)" "$file"
  done
}

unknown_certificates() {
  local folder
  for folder in "$AUTHORITY"/hosts/*/; do
    folder=${folder%/}
    if [ -d "$folder" ]; then printf '%s\tgets certificates\n' "${folder##*/}"; fi
  done
}

# unknown_displaced: peers that enrol removed, because the ledger gave their address to another host.
unknown_displaced() {
  local file
  for file in "$STATE/displaced"/*; do
    if [ -e "$file" ]; then printf '%s\twas a peer until %s got its address or key\n' "$(basename "$file")" "$(<"$file")"; fi
  done
}

has_record() { grep -qsxF "file $1" "$STATE/manifest"; }

# only_known fails if there is anything unknown, or removes it if the settings say so.
only_known() {
  local live found names
  live=$(wg show "$INTERFACE" allowed-ips 2>&1) || die "the tunnel is down ($live); see journalctl -u $TUNNEL"
  found=$(unknown "$live")
  if [ -n "$found" ] && [ "$fleet_remove_unknown" = yes ]; then
    mapfile -t names < <(cut -f 1 <<<"$found" | sort -u)
    (without_unknown "${names[@]}") || exit 1 # it said why
    live=$(wg show "$INTERFACE" allowed-ips)
    found=$(unknown "$live")
  fi
  [ -z "$found" ] || die "${fleet_here:-the monitor} has what is of no host and no cluster of this stack:"$'\n'"$(sed 's/\t/: /; s/^/  /' <<<"$found")"$'\n'"Whoever" \
    "has the key of such a peer is in the tunnel. Add them to the stack file; or set verification.removeUnknown: true, and run pulumi up," \
    "which removes them from ${fleet_here:-the monitor}"
}

# without_unknown NAME...: with the functions of the monitor's library, in a shell of its own.
without_unknown() {
  # shellcheck source=/dev/null
  . "$LIBRARY"
  begin "$fleet_monitor" verify
  remove_unknown "$@"
}
