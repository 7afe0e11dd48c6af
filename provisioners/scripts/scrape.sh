# shellcheck shell=bash
# What Prometheus scrapes of a host: a file for each job, targets.d/HOST.JOB.json. It changes from one address or scheme to another
# without missing a scrape: only when the new one answers.

# scrape HOST.JOB URL: standard input is the file for Prometheus. If address and scheme are as before, or it is the first, it is
# installed at once; otherwise Prometheus goes on as before until URL answers.
scrape() {
  local name=$1 file=$TARGETS/$1.json staged=$TURNING/$1.json
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
  turn "$name"
}

# turn HOST.JOB: waits in the background until the staged file can be installed. It reaches the one host, if that has an address, and gets
# Prometheus's key from systemd.
turn() {
  local url host file properties=()
  url=$(cat "$TURNING/$1.url" 2>/dev/null || true)
  host=$(sed -E 's|^[a-z]+://||; s|/.*||; s|:[0-9]+$||; s|[][]||g' <<<"$url")
  if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then
    properties+=(--property IPAddressDeny=any --property "IPAddressAllow=$host")
  fi
  if [[ $url == https:* ]]; then
    for file in authorities certificate key; do properties+=(--property "LoadCredential=$file.pem:$PROMETHEUS_TLS/$file.pem"); done
  fi
  sandboxed --unit "promwire-turn-$1" --property RuntimeMaxSec=1800 --property "ReadWritePaths=$STATE $TARGETS" \
    --property "RestrictAddressFamilies=AF_INET AF_INET6" "${properties[@]}" \
    /bin/bash -c ". $LIBRARY && until switched '$1'; do sleep 0.5; done"
}

# scraped FILE: where and how Prometheus scrapes a job, by its file.
scraped() { sed -n '/"targets"/,/\]/p; /"__scheme__"/p; /"__metrics_path__"/p' "$1" | tr -d ' ,'; }

# switched HOST.JOB: installs a staged file if its URL answers.
switched() {
  local staged=$TURNING/$1.json file=$TARGETS/$1.json url
  [ -e "$staged" ] || return 0
  url=$(<"$TURNING/$1.url")
  reached "$url" || return 1
  [ "$(cat "$TURNING/$1.url" 2>/dev/null)" = "$url" ] || return 1 # an update changed it meanwhile
  install -m 644 "$staged" "$file.new"                            # /var may be another file system
  mv "$file.new" "$file"
  rm -f "$staged" "$TURNING/$1.url"
}

# reached URL: asks as Prometheus does.
reached() {
  local pair=${CREDENTIALS_DIRECTORY:-$PROMETHEUS_TLS} options=(--silent --fail --noproxy '*' --max-time 3 --output /dev/null)
  [[ $1 != https:* ]] ||
    options+=(--capath /dev/null --cacert "$pair/authorities.pem" --cert "$pair/certificate.pem" --key "$pair/key.pem")
  curl "${options[@]}" "$1"
}

# scrape_only HOST JOB...: ends the scrapes of a host's other jobs; all of them if none is named.
scrape_only() {
  local host=$1 file name
  shift
  for file in "$TARGETS/$host".*.json "$TURNING/$host".*.json; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .json)
    [[ " $* " == *" ${name#*.} "* ]] || remove_scrape "$name"
  done
}

# remove_scrape HOST.JOB
remove_scrape() {
  systemctl stop "promwire-turn-$1.service" 2>/dev/null || true
  rm -f "$TURNING/$1.json" "$TURNING/$1.url"
  remove "$TARGETS/$1.json"
}

# targets_by_job renames the files of an earlier version, HOST.json. Their text stays, so no scrape is missed.
targets_by_job() {
  local file name
  for file in "$TARGETS"/*.json; do
    name=$(basename "$file" .json)
    if [[ $name == *.* ]] || ! recorded file "$file"; then continue; fi
    systemctl stop "promwire-turn-$name.service" 2>/dev/null || true
    rm -f "$TURNING/$name.json" "$TURNING/$name.url"
    record file "$TARGETS/$name.node.json"
    mv "$file" "$TARGETS/$name.node.json"
    forget file "$file"
    CHANGED+=("$TARGETS/$name.node.json")
  done
}
