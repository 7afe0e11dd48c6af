# shellcheck shell=bash disable=SC2154
# Why an endpoint is not scraped: the gate says it when an update ends, and the monitor at any time (causes.sh).
#
# These functions need fleet_prometheus (Prometheus's URL), fleet_targets (a line for each endpoint: name, job, address, port, http or https,
# path, tunnel or direct, systemd unit or -, WireGuard key, digest of its plan, plain port behind a relay or -), and a function targets, which
# prints Prometheus's own list of what it scrapes, in JSON. An endpoint is called NAME/JOB.

# scraped prints the URLs that Prometheus scrapes.
scraped() { targets | grep -oE '"scrapeUrl":"[^"]*"' | cut -d '"' -f 4; }

# states prints, of Prometheus's list of what it scrapes on standard input, what the last scrape of each target's endpoint came to: name, job,
# and up, down or unknown. A server has that list, and an agent too.
# https://prometheus.io/docs/prometheus/latest/querying/api/#targets
states() {
  local text='"(\\.|[^"\\])*"' labels scrape
  labels="\"labels\":\{($text:$text,?)*\}"
  scrape="\"scrapePool\":$text,\"scrapeUrl\":$text,\"globalUrl\":$text,\"lastError\":$text,\"lastScrape\":$text,\"lastScrapeDuration\":[^,]*"
  { LC_ALL=C grep -oE "$labels,$scrape,\"health\":\"[a-z]+\"" | grep -F '"role":"target"' || true; } |
    sed -nE 's/^"labels":\{(.*,)?"job":"([^"]*)",(.*,)?"name":"([^"]*)",.*"health":"([a-z]+)"$/\4 \2 \5/p'
}

# last_error URL prints why Prometheus's last scrape failed, as Prometheus says it. A host may have a say in that: no more than a line of it.
last_error() {
  targets | grep -oE '"scrapeUrl":"[^"]*","globalUrl":"[^"]*","lastError":"(\\.|[^"\\])*"' | sed -E 's/^"scrapeUrl":"([^"]*)".*"lastError":"(.*)"$/\1 \2/' |
    awk -v url="$1" '$1 == url { print substr($0, length(url) + 2, 300); exit }' | sed 's/\\"/"/g'
}

# urls prints what Prometheus must scrape of each endpoint, and the endpoint.
urls() {
  awk 'NF {
    host = $3 ~ /:/ ? "[" $3 "]" : $3
    print $5 "://" host ":" $4 $6 "\t" $1 "/" $2
  }' <<<"$fleet_targets"
}

# at_a_time MOST COMMAND... runs a command for each line of standard input, with its words. One that hangs holds up only itself.
at_a_time() {
  local words count=0
  while read -ra words; do
    [ "$count" -lt "$1" ] || wait -n || true
    "${@:2}" "${words[@]}" &
    count=$((count + 1))
  done
  wait
}

# explain FUNCTION NAME...: a line of what a function says of a host or an endpoint.
explain() { echo "  $2: $("$@")"; }

# field ENDPOINT NUMBER: one of the fields of an endpoint's line.
field() { awk -v endpoint="$1" -v number="$2" '$1 "/" $2 == endpoint { print $number }' <<<"$fleet_targets"; }

# scrape_cause ENDPOINT says why it is not scraped although its tunnel, if it has one, works: the exporter first, its certificate, then Prometheus.
scrape_cause() {
  local url
  url=$(urls | awk -F'\t' -v endpoint="$1" '$2 == endpoint { print $1 }')
  exporter_cause "$1" "$(field "$1" 3)" "$url" || prometheus_cause "$1" "$url"
}

# exporter_cause ENDPOINT ADDRESS URL: asks as Prometheus does. It fails if the exporter answers.
exporter_cause() {
  local status=0 said options=()
  [[ $3 != https:* ]] || options=(--cacert "$PROMETHEUS_TLS/authorities.pem" --cert "$PROMETHEUS_TLS/certificate.pem" --key "$PROMETHEUS_TLS/key.pem")
  said=$(curl --http1.1 --silent --show-error --fail --noproxy '*' --output /dev/null --connect-timeout 5 --max-time 10 \
    "${options[@]}" "$3" 2>&1) || status=$?
  said=$(head -n 1 <<<"$said")
  case $status in
    0) return 1 ;;
    6) echo "exporter: the monitor can't resolve $2" ;;
    7) unconnected_cause "$1" "$2" ;;
    28) late_cause "$1" "${options[@]}" "$3" ;;
    35 | 52 | 55 | 56) ended_cause "$1" "$said" ;;
    58 | 77) echo "certificate: the monitor's own can't be used; run pulumi up ($said)" ;;
    60) echo "certificate: $(not_trusted "$2" "$said")" ;;
    *) echo "exporter: $said; $(look "$1")" ;;
  esac
}

# unconnected_cause ENDPOINT ADDRESS: curl does not say why it could not connect, and bash does.
unconnected_cause() {
  local said
  # shellcheck disable=SC2016 # the inner bash expands them
  said=$(timeout 5 bash -c ': 3<>"/dev/tcp/$1/$2"' connect "$2" "$(field "$1" 4)" 2>&1) || true
  case $said in
    *"No route"* | *unreachable*) echo "exporter: no way to $2; is the host up? See ip route get $2 on the monitor" ;;
    *) echo "exporter: connection refused; $(look "$1")" ;;
  esac
}

# late_cause ENDPOINT CURL...: nothing came in time. If the answer's head comes alone, the whole answer is too large for the path: it begins
# with a full packet.
late_cause() {
  local status connected
  read -r status connected < <(curl --http1.1 --silent --head --noproxy '*' --output /dev/null --connect-timeout 5 --max-time 5 \
    --write-out '%{http_code} %{time_connect}\n' "${@:2}")
  if [ "$status" != 000 ]; then
    echo "MTU: small answers arrive, and large ones do not within 10 s; set mtu: 1280 for this host, or less if its path takes less"
  elif [[ $connected =~ [1-9] ]]; then
    echo "exporter: it accepts the connection and does not answer; $(look "$1"). If large packets are lost on the way, set mtu: 1280 for this host"
  else
    echo "exporter: no answer; if the host is up, see nft list table inet $TABLE there"
  fi
}

# look ENDPOINT: where on its host to look for the reason.
look() {
  local unit
  unit=$(field "$1" 8)
  if [ "$unit" = - ]; then
    echo "does the service run, and listen there? See ss -ltnp on the host"
  else
    echo "see systemctl status $unit on the host"
  fi
}

# ended_cause ENDPOINT SAID: why the connection ended without an answer. A relay cannot tell the monitor what is wrong behind it.
ended_cause() {
  local behind
  behind=$(field "$1" 11)
  if [ "$behind" = - ] || [[ $2 == *alert* ]]; then
    echo "certificate: $(refused "$2")"
  else
    echo "relay: the host's relay ends the connection: nothing answers at the host's own port $behind, or it refuses the monitor's certificate;" \
      "see journalctl -u 'promwire-relay-$(field "$1" 4)@*' on the host ($2)"
  fi
}

# refused SAID: the host refuses the monitor's certificate, for the reason that its alert gives (RFC 8446, 6.2).
refused() {
  case $1 in
    *"certificate expired"*)
      echo "to the host's clock, the monitor's has expired or is not valid yet; compare date on both, timedatectl set-ntp true" ;;
    *"unknown ca"*) echo "the host does not trust the authority of the monitor's; run pulumi up" ;;
    *"alert"*) echo "the host refuses the monitor's; run pulumi up ($1)" ;;
    *) echo "no TLS with the host; see journalctl -u $RECEIVER and the exporter's unit there ($1)" ;;
  esac
}

# not_trusted ADDRESS SAID: the monitor does not trust the host's certificate, for the reason that curl gives.
not_trusted() {
  case $2 in
    *"not yet valid"*)
      echo "the host's is not valid yet by the monitor's clock, $(date --utc); compare date on both, timedatectl set-ntp true" ;;
    *"has expired"*)
      echo "the host's has expired by the monitor's clock, $(date --utc); see journalctl -u $RENEWAL, and run pulumi up" ;;
    *"issuer certificate"* | *"self-signed"* | *"self signed"* | *"signature failure"*)
      echo "no authority that the monitor trusts signed the host's; run pulumi up ($2)" ;;
    *"subject name"*) echo "the host's is not for $1; is another host there? Run pulumi up ($2)" ;;
    *) echo "the host's is not trusted; run pulumi up ($2)" ;;
  esac
}

# prometheus_cause ENDPOINT URL: why Prometheus does not scrape what answers.
prometheus_cause() {
  local file=${1/\//.} last
  printf 'Prometheus: the exporter answers at %s, but ' "$2"
  if [ -e "$TURNING/$file.json" ]; then
    echo "it is scraped as before until Prometheus changes; see journalctl -u promwire-turn-$file"
  elif grep -qxF "$2" <<<"$(scraped)"; then
    last=$(last_error "$2")
    echo "is not scraped: ${last:-not yet}; see journalctl -u prometheus"
  else
    echo "is scraped elsewhere, or not at all; see $TARGETS/$file.json and journalctl -u prometheus"
  fi
}

# cause_word TEXT: one word for what scrape_cause says, as the label cause of an alert has it (provisioners/prometheus/causes.go).
cause_word() {
  case $1 in
    "exporter: connection refused"*) echo refused ;;
    "exporter: no way"*) echo unreachable ;;
    "exporter: no answer"*) echo filtered ;;
    "exporter: it accepts"*) echo hanging ;;
    "exporter: the monitor can't resolve"*) echo name ;;
    MTU:*) echo mtu ;;
    certificate:*"compare date"*) echo clock ;;
    certificate:*) echo certificate ;;
    relay:*) echo relay ;;
    Prometheus:*"not scraped: "*limit* | Prometheus:*"not scraped: "*"body size"*) echo limits ;;
    Prometheus:*"not scraped: "*Content-Type* | Prometheus:*"not scraped: "*expected* | exporter:*) echo other ;;
    *) echo unscraped ;;
  esac
}
