# The gate runs on the monitor and ends when the fleet works: every target is scraped where and how it must be, every target, asked now, says
# that it reaches nothing in the tunnel, and every exporter with a certificate refuses what it must. It costs one connection of the
# operator's, whatever the number of targets.
#
# Before this text come: fleet_monitor (the monitor's name), fleet_prometheus and fleet_targets (see provisioners/scripts/cause.sh, which finds
# causes), fleet_clusters (see clusters.sh), fleet_known and others (see unknown.sh), fleet_seconds (how long to wait). It prints one row per
# probe: from, to, address, port, expected, seen.
# An endpoint is called NAME/JOB. fleet_asked names what is proved, so that another plan, or another verification.again, changes the
# script.
# shellcheck shell=bash disable=SC2154

set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

readonly MAX_SKEW=300 # seconds between two clocks
readonly PARALLEL=8   # endpoints that are tried at a time
readonly FENCES=100   # targets that are asked at a time: each tries for 2 s, and costs the monitor nothing
readonly FENCE_SECONDS=15 # until one that does not answer is given up, and perhaps asked again
readonly LAST_OF_FENCE=$'\npromwire_fence_last_run_timestamp_seconds ' # of a whole answer
readonly SILENCE=180  # seconds without a handshake: a tunnel that works has one every two minutes
readonly REVIVAL=45   # seconds in which a tunnel that works comes back, whoever restarted it
readonly SETTLED=20   # seconds after which a cause may be definite
readonly AGAIN=10     # seconds until it must be the same still
readonly FEW=8        # endpoints whose causes are looked for while others may come

die() {
  printf 'promwire: %s: verify: %s\n' "$fleet_monitor" "$*" >&2
  exit 1
}

# ask QUERY: what Prometheus answers, in promtool's format.
ask() {
  local options=()
  [ ! -e "$PROMTOOL_CONFIG" ] || options=(--http.config.file="$PROMTOOL_CONFIG")
  promtool query instant "${options[@]}" "$fleet_prometheus" "$1"
}

# query prints one line per series: the label's value (several joined by |) and the sample.
query() {
  ask "$1" 2>/dev/null |
    sed -nE 's/^\{(.*)\} => ([^ ]+) @.*$/\1\t\2/p' |
    sed -E 's/[a-z_]+="([^"]*)"/\1/g; s/, /|/g'
}

# targets prints Prometheus's own list of what it scrapes, in JSON.
targets() {
  local options=()
  [ ! -e "$CURL_CONFIG" ] || options=(--config "$CURL_CONFIG")
  curl "${options[@]}" --silent --fail --noproxy '*' --max-time 10 "$fleet_prometheus/api/v1/targets?state=active"
}

# wanted prints all endpoints, sorted.
wanted() { awk 'NF { print $1 "/" $2 }' <<<"$fleet_targets" | sort; }

# fenced prints the names of the targets that probe the tunnel, sorted.
fenced() { awk '$7 == "tunnel" { print $1 }' <<<"$fleet_targets" | sort -u; }

# missing prints the wanted endpoints that are not on standard input.
missing() { comm -23 <(wanted) <(sort -u); }

# up prints the endpoints that are scraped. Prometheus prints the label job before the label name.
up() { query 'min by (job, name) (up{role="target"})' | awk -F'[|\t]' '$3 == 1 { print $2 "/" $1 }'; }

# until_none CHECK... polls until CHECK prints nothing, the time is up, or only dark targets are left; its last output is in $left.
until_none() {
  while left=$("$@"); [ -n "$left" ]; do
    worth_waiting "$left" || return 1
    sleep 1
  done
}

# scrapes waits as until_none does for all scrapes, and no longer than until everything that is left has a definite cause.
scrapes() {
  local next=$SETTLED former='' now
  while left=$(down); [ -n "$left" ]; do
    worth_waiting "$left" || return 1
    if [ "$SECONDS" -ge "$next" ] && [ "$(wc -l <<<"$left")" -le "$FEW" ]; then
      now=$(definite <<<"$left")
      [ "$now" != "$left" ] || [ "$now" != "$former" ] || return 1
      former=$now
      next=$((SECONDS + AGAIN))
    fi
    sleep 0.5
  done
}

# definite prints those of the endpoints on standard input whose host answers and refuses: that does not end by itself, unless a clock is set.
definite() { causes | sed -e '/compare date/d' | sed -nE 's/^  ([^ ]+): (exporter: connection refused;|certificate:|relay:) .*/\1/p' | sort -u; }

# worth_waiting NAMES: there is time, and not all of them are dark.
worth_waiting() {
  [ "$SECONDS" -lt "$fleet_seconds" ] || return 1
  [ "$SECONDS" -lt "$REVIVAL" ] || [ -n "$(comm -23 <(echo "$1") <(dark))" ]
}

# dark prints the endpoints, and the names, of the targets that have sent nothing since the gate began, and had no handshake for longer than a
# tunnel that works can be without. To wait for them is no use. One that is new, with no handshake yet, gets the whole time.
dark() {
  {
    awk '{ print "before", $0 }' <<<"$transfer"
    wg show "$INTERFACE" transfer | sed 's/^/now /'
    wg show "$INTERFACE" latest-handshakes | sed 's/^/stamp /'
    echo "$fleet_targets"
  } | awk -v late="$(($(date +%s) - SILENCE))" '
    $1 == "before" && NF == 4 { before[$2] = $3; next }
    $1 == "now" && NF == 4 { now[$2] = $3; next }
    $1 == "stamp" && NF == 3 { stamp[$2] = $3; next }
    $7 == "tunnel" && stamp[$9] > 0 && stamp[$9] < late && now[$9] == before[$9] { print $1 "/" $2; print $1 }' | sort -u
}

down() { { up | missing && elsewhere && waiting; } | sort -u; }

# elsewhere prints the endpoints that Prometheus does not scrape at the address, at the port and by the scheme that it should.
elsewhere() { awk -F'\t' 'first { seen[$1]; next } !($1 in seen) { print $2 }' first=1 <(scraped) first= <(urls); }

# twins prints hosts that have one WireGuard key.
twins() { awk '$9 ~ /=$/ && ($9 in first) && first[$9] != $1 { print first[$9] " and " $1 } NF { first[$9] = $1 }' <<<"$fleet_targets" | sort -u | paste -sd ,; }

# waiting prints the endpoints to which Prometheus has not changed yet, because they do not answer there: it scrapes them as before.
waiting() {
  local file
  for file in "$TURNING"/*.json; do
    if [ -e "$file" ]; then basename "$file" .json | sed 's|\.|/|'; fi
  done | sort | comm -12 <(wanted) -
}

# ask_fences lets every target try now what it must not reach. Not before all are scraped: what is not up is reached by nobody, which proves
# nothing, and who has not answered soon will not. $probes has the answers, $left those who gave none.
ask_fences() {
  probes=$(fenced | answers_of)
  while left=$(silent); [ -n "$left" ]; do
    { [ "$SECONDS" -lt "$REVIVAL" ] && worth_waiting "$left"; } || return 1
    sleep 1
    probes+=$'\n'$(answers_of <<<"$left")
  done
}

# silent prints the targets that have not answered.
silent() { comm -23 <(fenced) <(cut -d '|' -f 1 <<<"$probes" | sort -u); }

# answers_of asks the targets on standard input, many at a time: a line NAME|PORT|TO, tab, OPEN for each port.
answers_of() { with_addresses | at_a_time "$FENCES" answer_of; }

# with_addresses prints the names on standard input with their addresses in the tunnel.
with_addresses() {
  awk 'first { asked[$1]; next } ($1 in asked) && $7 == "tunnel" && !seen[$1]++ { print $1, $3 }' first=1 - first= <(echo "$fleet_targets")
}

# answer_of NAME ADDRESS: of a whole answer, what a fence says. Others write beside it: each line is written at once.
answer_of() {
  local said
  said=$(ask_fence "$2" 2>/dev/null) || return 0
  [[ $said == *"$LAST_OF_FENCE"* ]] || return 0
  sed --unbuffered -nE -e 's/^promwire_fence_open_addresses\{to="(monitor|targets)",port="([0-9]{1,5})"\} ([0-9]{1,6})$/'"$1"'|\2|\1\t\3/p' \
    -e 's/^promwire_fence_edge_answers\{to="([a-z0-9-]{1,63})",port="([0-9]{1,5})"\} ([01])$/'"$1"'|\2|edge \1\t\3/p' <<<"$said"
}

# ask_fence ADDRESS prints what a fence answers.
ask_fence() {
  # shellcheck disable=SC2016 # the inner bash expands them
  timeout "$FENCE_SECONDS" bash -c 'exec 3<>"/dev/tcp/$1/$2" && head --bytes 65536 <&3' ask "$1" "$FENCE_PORT"
}

# fence_cause NAME ADDRESS says why a target's fence does not answer.
fence_cause() {
  local said status=0 instances="${FENCE_SOCKET%.socket}@*"
  said=$(ask_fence "$2" 2>&1 | LC_ALL=C tr --complement --delete '[:print:]\n'; exit "${PIPESTATUS[0]}") || status=$?
  case $status:$said in
    0:*"$LAST_OF_FENCE"*) echo "fence: it answers now; run pulumi up again" ;;
    *"Connection refused"*) echo "fence: nothing listens at port $FENCE_PORT; run systemctl start $FENCE_SOCKET on the host" ;;
    124:) echo "fence: no answer of port $FENCE_PORT within $FENCE_SECONDS s; see nft list ruleset on the host, and journalctl -u '$instances'" ;;
    0: | *"Connection reset"*) echo "fence: it ends the connection; see journalctl -u $FENCE_SOCKET -u '$instances' on the host" ;;
    0:*) echo "fence: what answers at port $FENCE_PORT is no fence, or says only half; see ss -ltnp on the host, and journalctl -u '$instances'" ;;
    *) echo "fence: $(tail -n 1 <<<"$said"); see systemctl status $FENCE_SOCKET on the host" ;;
  esac
}

# fail_silent ends the gate, and names each target whose fence does not answer.
fail_silent() {
  die "no answer of these hosts' fences:"$'\n'"$(with_addresses <<<"$left" | at_a_time "$FENCES" explain fence_cause | sort)"
}

# received prints the bytes that the tunnel has received from a peer, by its key.
received() { awk -v key="$1" '$1 == key { print $2 }'; }

# cause ENDPOINT says why it is not scraped: the tunnel first, then what is behind it.
cause() {
  if [ "$(field "$1" 7)" = tunnel ] && tunnel_cause "$(field "$1" 9)"; then return; fi
  scrape_cause "$1"
}

# tunnel_cause KEY: a target sends a keepalive every 25 seconds, so one that sent nothing while the gate waited is not there.
tunnel_cause() {
  local stamp
  stamp=$(wg show "$INTERFACE" latest-handshakes | awk -v key="$1" '$1 == key { print $2 }')
  if [ -z "$stamp" ]; then
    echo "tunnel: the monitor does not know its key; remove it from the list, run pulumi up, and add it again"
  elif [ "$stamp" = 0 ]; then
    echo "tunnel: it never completed a handshake; check that its UDP packets reach the monitor, and wg show on both"
  elif [ "$(received "$1" <<<"$transfer")" = "$(wg show "$INTERFACE" transfer | received "$1")" ]; then
    echo "tunnel: silent, its last handshake was $(($(date +%s) - stamp)) s ago; is the host up, and does it reach the monitor?"
  else
    return 1
  fi
}

bracket() { case $1 in *:*) printf '[%s]' "$1" ;; *) printf '%s' "$1" ;; esac; }

# fail_down names each endpoint that is not scraped, with its cause.
fail_down() {
  local names
  answers
  names=$(down)
  [ -z "$names" ] || die "not scraped after $SECONDS s:"$'\n'"$(causes <<<"$names" | sort)"
}

# answers fails with Prometheus's error, if it does not answer.
answers() {
  local said
  said=$(ask 'vector(1)' 2>&1) || die "Prometheus does not answer at $fleet_prometheus; see journalctl -u prometheus"$'\n'"$said"
}

# causes says of each endpoint on standard input why it is not scraped.
causes() { at_a_time "$PARALLEL" explain cause; }

# skewed names the hosts with certificates whose clock differs from the monitor's.
skewed() {
  local clock='node_time_seconds{job="node",role="target"}' name seconds
  while IFS=$'\t' read -r name seconds; do
    case $seconds in
      -*) seconds="${seconds#-} s behind" ;;
      *) seconds="$seconds s ahead of" ;;
    esac
    echo "  $name: clock: it is $seconds the monitor's; timedatectl set-ntp true"
  done < <(query "max by (name) (round($clock - timestamp($clock)))" | awk -F'\t' -v most="$MAX_SKEW" '
    first { secured[$1]; next }
    $1 in secured && ($2 > most || $2 < -most)' first=1 <(secured) first= -)
}

# secured prints the names of the targets that are scraped by https.
secured() { awk '$5 == "https" { print $1 }' <<<"$fleet_targets"; }

row() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$@"; }

# rows prints the matrix as the monitor and the targets see it.
rows() {
  local name address port
  while read -r name _ address port _; do
    row "$fleet_monitor" "$name" "$address" "$port" open open
  done < <(awk 'NF' <<<"$fleet_targets")
  certificates
  federation_rows
  across_rows
  fence_rows
  edges_answer
  edges_forwarded
}

# fence_rows prints what the targets' own probes saw.
fence_rows() {
  local name port to open seen monitor_address
  monitor_address=$(ip -o -4 address show dev "$INTERFACE" | awk '{ sub("/.*", "", $4); print $4 }')
  while IFS='|'$'\t' read -r name port to open; do
    seen=closed
    [ "$open" = 0 ] || seen=open
    case $to in
      edge\ *) ;; # see edges.sh
      monitor) row "$name" "$fleet_monitor" "$monitor_address" "$port" closed "$seen" ;;
      *) row "$name" "other hosts" "tunnel" "$port" closed "$seen" ;;
    esac
  done < <(sed '/^$/d' <<<"$probes" | sort)
}

# stored waits for nothing: a server has what it scraped. An agent's is in agent.sh.
stored() { :; }

# told leaves what the gate proved, and when, where the monitor's exporter reads it.
told() {
  local file=$TEXTFILES/promwire_proof.prom
  [ -d "$TEXTFILES" ] || return 0
  {
    echo '# HELP promwire_proof_last_timestamp_seconds When the gate of an update last proved this fleet. Probes from outside come after it.'
    echo '# TYPE promwire_proof_last_timestamp_seconds gauge'
    echo "promwire_proof_last_timestamp_seconds $EPOCHSECONDS"
    echo '# HELP promwire_proof_duration_seconds How long the gate took.'
    echo '# TYPE promwire_proof_duration_seconds gauge'
    echo "promwire_proof_duration_seconds $((EPOCHSECONDS - began))"
    echo '# HELP promwire_proof_probes The gate'\''s probes that saw what they had to: a port that is open, or closed. Those from outside are none of these.'
    echo '# TYPE promwire_proof_probes gauge'
    awk -F'\t' '$6 != "" { seen[$6]++ } END { for (each in seen) print "promwire_proof_probes{seen=\"" each "\"} " seen[each] }' <<<"$matrix"
  } >"$file.new"
  chmod 644 "$file.new"
  mv "$file.new" "$file"
}

main() {
  local left='' probes='' began=$EPOCHSECONDS matrix transfer skew
  [ -z "$(twins)" ] || die "$(twins) have the same WireGuard key; remove it from the copy ($TUNNEL_KEY), and run pulumi up --replace" \
    "with the URN of its -bootstrap"
  only_known
  transfer=$(wg show "$INTERFACE" transfer)
  if [ -n "$(wanted)" ]; then
    scrapes || fail_down
    SECONDS=0
    # A target that just went down was still up in its last scrape.
    ask_fences || [ -z "$(down)" ] || fail_down
    skew=$(skewed)
    [ -z "$skew" ] || die "clocks differ, and certificates depend on them:"$'\n'"$skew"
    [ -z "$left" ] || fail_silent
  fi
  federated
  stored
  matrix=$(rows)
  if awk -F'\t' '$5 != $6 { bad = 1 } END { exit !bad }' <<<"$matrix"; then
    die "seen differs from expected (from, to, address, port, expected, seen):"$'\n'"$(awk -F'\t' '$5 != $6' <<<"$matrix")"
  fi
  told
  printf '%s\n' "$matrix"
}
