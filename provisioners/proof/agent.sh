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

# federated waits, in place of clusters, which an agent has none of, until each store has accepted samples since now. One that refuses them is not
# waited for.
federated() {
  local before left since
  since=$(date +%s)
  before=$(accepted)
  SECONDS=0
  while left=$(unaccepted); [ -n "$left" ]; do
    if [ "$SECONDS" -ge "$fleet_seconds" ] || { [ "$SECONDS" -ge "$SETTLED" ] && ! grep -q ' waiting$' <<<"$left"; }; then
      die "within $SECONDS s no samples have arrived at:"$'\n'"$(refusals "$since" <<<"$left")"
    fi
    sleep 1
  done
}

# unaccepted prints the names and URLs of the stores that have accepted no samples since $before, and whether they refused some or are waited for.
unaccepted() {
  awk '
    first { was[$1] = $3; had[$1] = $4; next }
    { stores++ }
    $3 <= was[$1] { print $1, $2, ($4 > had[$1]) ? "refused" : "waiting" }
    END { if (!stores) print "- any-store waiting" }' first=1 <(echo "$before") first= <(accepted)
}

# accepted prints each store's name and URL, how many samples it has accepted (those that were sent, without those that it refused, and those that
# are sent again), and how many it has refused.
accepted() {
  own_metrics | awk '
    /^prometheus_remote_storage_samples(_failed|_retried)?_total\{/ {
      split($0, word, "\"")
      url[word[2]] = word[4]
      count[word[2]] += /_(failed|retried)_/ ? -$NF : $NF
      if (/_failed_/) refused[word[2]] = $NF
    }
    END { for (name in count) printf "%s %s %.0f %.0f\n", name, url[name], count[name], refused[name] }'
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
  while read -r name url _; do
    said=$(journalctl --unit "$PROMETHEUS_UNIT" --since "@$(($1 - 120))" --output cat 2>/dev/null | grep -F "remote_name=$name " | sed -nE 's/.* err="((\\.|[^"\\])*)".*/\1/p' | tail -n 1 | cut -c 1-300)
    echo "  $url: ${said:-it has not answered yet; does the monitor reach it? See journalctl -u prometheus}"
  done
}
