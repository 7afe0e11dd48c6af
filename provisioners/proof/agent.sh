# The gate's part on a monitor whose Prometheus is an agent: it answers no queries, so what gate.sh asks by query is asked otherwise. These functions
# take the place of those of gate.sh with the same names. And what an agent is for is proved too: samples arrive.
# shellcheck shell=bash disable=SC2034,SC2154

# up prints the endpoints that are scraped.
up() { targets | states | awk '$3 == "up" { up[$1 "/" $2] } $3 != "up" { not[$1 "/" $2] } END { for (each in up) if (!(each in not)) print each }'; }

# answers fails if Prometheus does not answer.
answers() { [ -n "$(targets)" ] || die "Prometheus does not answer at $fleet_prometheus; see journalctl -u prometheus"; }

# skewed names the hosts with certificates whose clock differs from the monitor's.
skewed() { secured | sort -u | at_a_time "$PARALLEL" clock; }

# clock NAME: how far the clock of a host is off, if it is more than a little, by its node exporter.
clock() {
  local off
  off=$(scrape_of "$1/node" | awk -v now="$(date +%s)" '$1 == "node_time_seconds" { printf "%d\n", $2 - now }')
  [ -n "$off" ] || return 0
  if [ "$off" -gt "$MAX_SKEW" ]; then
    echo "  $1: clock: it is $off s ahead of the monitor's; timedatectl set-ntp true"
  elif [ "$off" -lt "-$MAX_SKEW" ]; then
    echo "  $1: clock: it is ${off#-} s behind the monitor's; timedatectl set-ntp true"
  fi
}

# scrape_of ENDPOINT prints what it answers to the monitor's certificate.
scrape_of() {
  local url
  url=$(urls | awk -F'\t' -v endpoint="$1" '$2 == endpoint { print $1 }')
  [ -n "$url" ] || return 0
  curl --silent --fail --noproxy '*' --max-time 10 --cacert "$PROMETHEUS_TLS/authorities.pem" --cert "$PROMETHEUS_TLS/certificate.pem" \
    --key "$PROMETHEUS_TLS/key.pem" "$url" || true
}

# stored waits until each store has accepted samples. One that refuses them is not waited for.
stored() {
  local begin former now next since left took=''
  since=$(date +%s)
  begin=$(stores)
  former=$begin now=$begin
  SECONDS=0
  while next=$(stores) && took+=$'\n'$(accepted) && left=$(unaccepted) && [ -n "$left" ]; do
    if [ "$SECONDS" -ge "$fleet_seconds" ] || { [ "$SECONDS" -ge "$SETTLED" ] && ! grep -q $'\twaiting$' <<<"$left"; }; then
      die "within $SECONDS s no samples have arrived at:"$'\n'"$(refusals "$since" <<<"$left")"
    fi
    former=$now now=$next
    sleep 1
  done
}

# stores prints each store's name, URL, how many bytes were sent to it, and how many samples it has refused. Bytes count when a request has ended
# and will not be tried again, whether it was accepted or refused; the samples of a refused one count just after that.
stores() {
  own_metrics | awk '
    /^prometheus_remote_storage_(bytes|samples_failed)_total\{/ {
      split($0, word, "\"")
      url[word[2]] = word[4]
      if (/_bytes_/) sent[word[2]] = $NF; else refused[word[2]] = $NF
    }
    END { for (name in url) printf "%s\t%s\t%.0f\t%.0f\n", name, url[name], sent[name], refused[name] }'
}

# accepted prints the stores to which something was sent between $former and $now, without a refusal until $next.
accepted() {
  awk -F'\t' '
    FILENAME == ARGV[1] { sent[$1] = $3; refused[$1] = $4; next }
    FILENAME == ARGV[2] { if ($3 > sent[$1]) more[$1]; next }
    $1 in more && $4 == refused[$1] { print $1 }' <(echo "$former") <(echo "$now") <(echo "$next")
}

# unaccepted prints name and URL of the other stores, and whether they refused samples or are waited for.
unaccepted() {
  awk -F'\t' -v OFS='\t' '
    FILENAME == ARGV[1] { took[$1]; next }
    FILENAME == ARGV[2] { refused[$1] = $4; next }
    NF { stores++ }
    NF && !($1 in took) { print $1, $2, ($4 > refused[$1]) ? "refused" : "waiting" }
    END { if (!stores) print "-", "any store", "waiting" }' <(echo "$took") <(echo "$begin") <(echo "$next")
}

# own_metrics prints those of Prometheus itself.
own_metrics() {
  local options=()
  [ ! -e "$CURL_CONFIG" ] || options=(--config "$CURL_CONFIG")
  curl "${options[@]}" --silent --fail --noproxy '*' --max-time 10 "$fleet_prometheus/metrics" || true
}

# refusals SINCE says of each store on standard input what it answered last, as Prometheus has logged it since two minutes before then: it logs the
# same once a minute.
refusals() {
  local name url said
  while IFS=$'\t' read -r name url _; do
    said=$(journalctl --unit "$PROMETHEUS_UNIT" --since "@$(($1 - 120))" --output cat 2>/dev/null | grep -F -e "remote_name=$name " -e "remote_name=\"$name\" " | sed -nE 's/.* err="((\\.|[^"\\])*)".*/\1/p' | tail -n 1 | cut -c 1-300)
    echo "  $url: ${said:-it has not answered yet; does the monitor reach it? See journalctl -u prometheus}"
  done
}
