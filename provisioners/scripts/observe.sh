# shellcheck shell=bash
# What a host's watch tells beside what it heals, in the format of the node exporter's text files: facts that the exporter itself does not have.

readonly MOST_NAMED=20 # units and unknown keys that have a series each

# family NAME TYPE HELP: begins a metric.
family() { printf '# HELP %s %s\n# TYPE %s %s\n' "$1" "$3" "$1" "$2"; }

# host_metrics are every host's.
host_metrics() {
  family promwire_container gauge 'Whether this host is a container: what its kernel counts is its neighbours'\'' too.'
  echo "promwire_container $(exists /run/systemd/container)"
  family promwire_reboot_required gauge 'Whether a package that was updated waits for a reboot.'
  echo "promwire_reboot_required $(exists /run/reboot-required)"
  family promwire_unit_failed gauge 'Units of this host that have failed.'
  { systemctl list-units --state=failed --plain --no-legend --full || true; } | sed 's/\\/\\\\/g' | awk -v most="$MOST_NAMED" '
    NR <= most && $1 ~ /\./ { print "promwire_unit_failed{unit=\"" $1 "\"} 1" }'
}

exists() { if [ -e "$1" ]; then echo 1; else echo 0; fi; }

# monitors says whether this host is a monitor.
monitors() { recorded file "$UNIT_FOLDER/$PROMETHEUS_UNIT"; }

# meets says whether other ends of the tunnel dial this host: it is the monitor, or a hub.
meets() { grep -qs '^ListenPort' "$INTERFACE_PART"; }

# target_metrics: what Prometheus must scrape, by the record of what was enrolled, whether the files are there or not.
target_metrics() {
  family promwire_target_enrolled gauge 'An endpoint that this monitor was told to scrape.'
  awk -v files="file $TARGETS/" 'index($0, files) == 1 {
    name = substr($0, length(files) + 1)
    if (!sub(/\.json$/, "", name) || name ~ /^_/) next
    job = name; sub(/^[^.]*\./, "", job); sub(/\..*/, "", name)
    print "promwire_target_enrolled{host=\"" name "\",job=\"" job "\"} 1"
  }' "$STATE/manifest"
}

# peer_metrics FORMER: the tunnel's peers by name, as the interface has them. FORMER is the file with the metrics of the last look, for when
# something last came. One process reads everything, however many peers there are.
peer_metrics() {
  local parts=("$PARTS"/peer-*.conf) former=()
  [ -e "${parts[0]}" ] || parts=()
  [ ! -e "$1" ] || former=("$1")
  { timeout 10 wg show "$INTERFACE" dump 2>/dev/null || true; } |
    awk -v now="$(date +%s)" -v most="$MOST_NAMED" '
      function family(name, type, help) { print "# HELP " name " " help; print "# TYPE " name " " type }
      function series(name, of, host) { for (host in of) print name "{host=\"" host "\"} " of[host] }
      part == 1 && /^promwire_peer_receive_bytes_total\{/ { split($0, word, "\""); had[word[2]] = $NF }
      part == 1 && /^promwire_peer_last_received_seconds\{/ { split($0, word, "\""); at[word[2]] = $NF }
      part == 2 && FNR == 1 { name = FILENAME; sub(/.*\/peer-/, "", name); sub(/\.conf$/, "", name); missing[name] = 1 }
      part == 2 && /^PublicKey = / { named[$3] = name }
      part == 3 && NF == 8 && !($1 in named) { if (unknown++ < most) keys[$1] = 1 }
      part == 3 && NF == 8 && ($1 in named) {
        host = named[$1]
        delete missing[host]
        stamp[host] = $5; received[host] = $6; sent[host] = $7
        if (!(host in had)) heard[host] = $5
        else if ($6 + 0 > had[host] + 0 || ($6 + 0 > 0 && $6 + 0 < had[host] + 0)) heard[host] = now
        else heard[host] = at[host] # nothing came, or the interface is a new one
      }
      END {
        family("promwire_peers_last_look_seconds", "gauge", "When the watch last looked at the peers of the tunnel.")
        print "promwire_peers_last_look_seconds " now
        family("promwire_peer_last_handshake_seconds", "gauge", "When a peer of the tunnel last completed a handshake; 0: never.")
        series("promwire_peer_last_handshake_seconds", stamp)
        family("promwire_peer_last_received_seconds", "gauge", "When the watch last saw that something had come from a peer; 0: never.")
        series("promwire_peer_last_received_seconds", heard)
        family("promwire_peer_receive_bytes_total", "counter", "Bytes that came from a peer of the tunnel.")
        series("promwire_peer_receive_bytes_total", received)
        family("promwire_peer_transmit_bytes_total", "counter", "Bytes that were sent to a peer of the tunnel.")
        series("promwire_peer_transmit_bytes_total", sent)
        family("promwire_peer_missing", "gauge", "Peers that were enrolled and that the interface does not have.")
        series("promwire_peer_missing", missing)
        family("promwire_peers_unknown", "gauge", "How many peers the interface has that were never enrolled.")
        print "promwire_peers_unknown " unknown + 0
        family("promwire_peer_unknown", "gauge", "Such peers by their public key, the first of them.")
        for (key in keys) print "promwire_peer_unknown{key=\"" key "\"} 1"
      }' part=1 "${former[@]}" part=2 "${parts[@]}" part=3 -
}
