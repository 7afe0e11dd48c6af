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
  local staged=$TURNING/$1.json file=/etc/prometheus/targets.d/$1.json url
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
  local pair=/etc/prometheus/tls options=(--silent --fail --noproxy '*' --max-time 3 --output /dev/null)
  [[ $1 != https:* ]] ||
    options+=(--capath /dev/null --cacert "$pair/authorities.pem" --cert "$pair/certificate.pem" --key "$pair/key.pem")
  curl "${options[@]}" "$1"
}
