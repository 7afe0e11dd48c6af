#!/bin/sh
# shellcheck shell=dash
# Tests whether the cluster's network plugin enforces NetworkPolicies, by packets from one pod to another.
# (busybox's shell runs this in a pod: there is no bash.)
#
#   canary.sh serve OPEN INGRESS EGRESS DONE SECONDS           in the canary: answers at the first three ports, until a request at DONE
#   canary.sh try   OPEN INGRESS EGRESS DONE SECONDS ADDRESS   in the probe, on the canary's address
#
# OPEN is a port that policies open; INGRESS one that is closed only at the canary's side, EGRESS one only at the probe's side.
# SECONDS is how long either waits.
set -eu

verb=$1 open=$2 ingress=$3 egress=$4 done=$5 seconds=$6 address=${7-}

serve() {
  for port in "$open" "$ingress" "$egress"; do httpd -h "$(dirname "$0")" -p "$port"; done
  timeout "$seconds" nc -l -p "$done" >/dev/null || true
}

reached() { timeout 2 wget -q -O /dev/null "http://$address:$1/canary.sh" 2>/dev/null; }

# fault prints which of the canary's ports differ from the policies; nothing if none does.
fault() {
  if reached "$ingress"; then echo "it does not drop inbound connections: another pod answers at port $ingress, which no policy opens"; fi
  if reached "$egress"; then echo "it does not drop outbound connections: another pod answers at port $egress, which no policy opens to this one"; fi
  if ! reached "$open"; then echo "another pod does not answer at port $open, which the policies open"; fi
}

try() {
  end=$(($(date +%s) + seconds))
  until found=$(fault) && [ -z "$found" ]; do
    if [ "$(date +%s)" -ge "$end" ]; then
      finish
      echo "The cluster's network plugin does not enforce NetworkPolicies: $found" >&2
      exit 1
    fi
    sleep 1
  done
  finish
  echo "The cluster's network plugin enforces NetworkPolicies."
}

# finish lets the canary end, so that it does not listen longer than needed.
finish() { timeout 2 wget -q -O /dev/null "http://$address:$done/" 2>/dev/null || true; }

case $verb in
  serve) serve ;;
  try) try ;;
  *)
    echo "canary.sh: there is no verb $verb" >&2
    exit 2
    ;;
esac
