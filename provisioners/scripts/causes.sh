#!/usr/bin/env bash
# Says, on the monitor, why what Prometheus calls down does not answer: metrics on standard output, and a sentence for each in the journal.
# It runs as Prometheus's user. Tunnels are judged by what the watch saw of them, which costs no packet, however many are down. Of the
# others a few are asked each time, so that it ends soon; the rest keep the cause that they had.
#
# Arguments: the file of its metrics, as the last run left it; Prometheus's URL; the user who logs in there, if there is one; and the name of the
# hub, if there is one: then this host's watch sees only the hub, and the hub's sees the others.
# The functions of cause.sh come before this text.
# shellcheck disable=SC2034 # what cause.sh reads
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C

readonly PARALLEL=8 # endpoints that are tried at a time
readonly ASKED=16   # endpoints that are tried in one run: each takes 20 s at most
readonly QUIET=45   # seconds: a target sends a packet every 25 s at least, and the watch looks every 20 s

# api PATH [CURL OPTION]...: what Prometheus answers, in JSON. The password is in no command line.
api() {
  local options=()
  [[ $fleet_prometheus != https:* ]] || options=(--cacert "$PROMETHEUS_TLS/authorities.pem")
  curl "${options[@]}" --config <(login) --silent --fail --noproxy '*' --max-time 10 "${@:2}" "$fleet_prometheus/api/v1/$1"
}

login() { [ -z "$user" ] || printf 'user = "%s:%s"\n' "$user" "$(sed 's/["\\]/\\&/g' "$WEB_PASSWORD_COPY")"; }

# targets is for cause.sh.
targets() { api 'targets?state=active'; }

# down prints what Prometheus does not reach: host and job.
down() {
  local said
  said=$(targets) || {
    echo "Prometheus does not answer at $fleet_prometheus; see journalctl -u prometheus" >&2
    return 0
  }
  states <<<"$said" | awk '$3 == "down" { print $1, $2 }'
}

# endpoints prints what is known of the hosts and jobs on standard input, as cause.sh needs it. A host's key is its name: that is how the
# watch calls it.
endpoints() {
  local host job file files=()
  while read -r host job; do
    file=$TARGETS/$host.$job.json
    [ ! -s "$file" ] || files+=("$file")
  done
  [ ${#files[@]} -gt 0 ] || return 0
  awk '
    function line() { if (at != "") print host, job, at, port, scheme, path, (hub != "" || peers[host] ? "tunnel" : "direct"), "-", host, "-", behind; at = "" }
    first && /^promwire_peer_(missing|last_received_seconds)\{/ { split($0, word, "\""); peers[word[2]] = 1 }
    first { next }
    FNR == 1 {
      line()
      host = FILENAME; sub(/.*\//, "", host); job = host; sub(/\..*/, "", host); sub(/^[^.]*\./, "", job); sub(/\.json$/, "", job)
      scheme = "http"; path = "/metrics"; behind = "-"; split("", word)
    }
    { split($0, word, "\"") }
    list { at = word[2]; port = at; sub(/.*:/, "", port); sub(/:[0-9]*$/, "", at); gsub(/[][]/, "", at); list = 0 }
    word[2] == "targets" && /\[$/ { list = 1 }
    word[2] == "__scheme__" { scheme = word[4] }
    word[2] == "__metrics_path__" { path = word[4] }
    word[2] == "__meta_promwire_behind" { behind = word[4] }
    END { line() }' hub="$hub" first=1 "$seen" first= "${files[@]}"
}

# silent prints the endpoints whose tunnel is silent, as the watch last saw it, and the word for it. If the hub is silent, all are, and those
# behind it because of it; otherwise it knows of the others.
silent() {
  awk -v quiet="$QUIET" -v hub="$hub" '
    behind { heard[$1] = $2 ? 0 : look; next }
    /^promwire_peers_last_look_seconds / { look = $2; next }
    /^promwire_peer_last_received_seconds\{/ { split($0, word, "\""); heard[word[2]] = $NF; next }
    /^promwire_peer_missing\{/ { split($0, word, "\""); heard[word[2]] = 0; next }
    !endpoints || $7 != "tunnel" { next }
    hub != "" && heard[hub] + quiet <= look { print $1 "/" $2, ($9 == hub ? "tunnel" : "hub"); next }
    hub != "" && !($9 in heard) { next } # the hub has not said
    heard[$9] + quiet <= look { print $1 "/" $2, "tunnel" }' "$seen" behind=1 <(behind) behind= endpoints=1 - <<<"$fleet_targets"
}

# behind prints the ends behind the hub, and whether each is silent there: 0 or 1.
behind() {
  local of="job=\"node\",name=\"$hub\"" said
  [ -n "$hub" ] || return 0
  said=$(api query --data-urlencode "query=max by (host) (scalar(max(promwire_peers_last_look_seconds{$of})) - promwire_peer_last_received_seconds{$of} >= bool $QUIET
    or promwire_peer_missing{$of})") || return 0
  { grep -oE '"metric":\{"host":"[^"]*"\},"value":\[[^]]*\]' || true; } <<<"$said" | awk -F'"' '{ print $6, $(NF - 1) }'
}

# former prints the causes of the last run: endpoint and word.
former() { [ ! -e "$1" ] || awk -F'"' '/^promwire_target_cause\{/ { print $2 "/" $4, $6 }' "$1"; }

# chosen FORMER prints the endpoints on standard input that are tried now: those whose cause is not known yet before the others.
chosen() { shuf | awk 'first { had[$1]; next } NF { print (($1 in had) ? 1 : 0), $1 }' first=1 <(printf '%s\n' "$1") first= - | sort -s -n -k 1,1 | awk -v most="$ASKED" 'NR <= most { print $2 }'; }

# spoken prints endpoint and word for each sentence on standard input, and the sentence in the journal.
spoken() {
  local endpoint sentence
  while read -r endpoint sentence; do
    echo "${endpoint%:} $(cause_word "$sentence")"
    printf '%s %s\n' "$endpoint" "$sentence" >&2
  done
}

main() {
  local quiet loud before now
  seen=$WATCH_METRICS
  [ -e "$seen" ] || seen=/dev/null # the watch has not looked yet
  user=${3-} hub=${4-} fleet_prometheus=$2
  fleet_targets=$(down | endpoints)
  quiet=$(silent)
  loud=$(awk 'NF { print $1 "/" $2 }' <<<"$fleet_targets" | grep -vxFf <(cut -d ' ' -f 1 <<<"$quiet" | grep .) || true)
  before=$(former "$1")
  now=$(chosen "$before" <<<"$loud" | at_a_time "$PARALLEL" explain scrape_cause | spoken)
  # The first word for an endpoint counts.
  {
    printf '%s\n' "$quiet"
    printf '%s\n' "$now"
    awk 'first { is[$1]; next } $1 in is' first=1 <(printf '%s\n' "$loud") first= <(printf '%s\n' "$before")
  } | metrics
}

metrics() {
  echo '# HELP promwire_target_cause Why Prometheus does not reach an endpoint.'
  echo '# TYPE promwire_target_cause gauge'
  awk 'NF == 2 && !seen[$1]++ { split($1, of, "/"); print "promwire_target_cause{host=\"" of[1] "\",job=\"" of[2] "\",cause=\"" $2 "\"} 1" }'
  echo '# HELP promwire_causes_last_run_timestamp_seconds When causes were last looked for.'
  echo '# TYPE promwire_causes_last_run_timestamp_seconds gauge'
  echo "promwire_causes_last_run_timestamp_seconds $(date +%s)"
}

main "$@"
