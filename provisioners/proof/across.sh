# The gate's part for what the monitor must not forward. No honest target can show that: its packets to another target do not leave it, because
# its tunnel allows only the monitor. So the firewall's rules, as they are loaded now, are tried in a network of their own that looks as
# the monitor's: real packets arrive at an interface with the tunnel's name, with the address of one end, for that of another. The
# real tunnel is not touched, and the kernel removes that network when the gate ends, however it ends.
# shellcheck shell=bash disable=SC2154

# across_rows tries it with the addresses of two targets, if there are two, and with addresses of IPv6, unless the kernel has none.
across_rows() {
  local rules port ends families family monitor from to seen
  rules=$(nft list table inet "$TABLE" 2>&1) || die "${fleet_here:-the monitor}'s firewall is not loaded ($rules); systemctl restart $FIREWALL"
  port=$(awk '$7 == "tunnel" { print $4; exit }' <<<"$fleet_targets")
  mapfile -t ends < <(awk -v hub="${fleet_hub-}" '$7 == "tunnel" && $1 != hub { print $3 }' <<<"$fleet_targets" | sort -u | head -n 2)
  [ ${#ends[@]} = 2 ] || ends=(198.51.100.2 198.51.100.3)
  port=${port:-9100}
  families=("198.51.100.1 ${ends[*]}")
  [ "$(unshare --net cat /proc/sys/net/ipv6/conf/default/disable_ipv6 2>/dev/null || true)" != 0 ] ||
    families+=("2001:db8::1 2001:db8::2 2001:db8::3")
  for family in "${families[@]}"; do
    read -r monitor from to <<<"$family"
    seen=$(timeout 60 unshare --net bash -euo pipefail -c "INTERFACE=$INTERFACE; $(declare -f try_across both_ends packets arrives); try_across $monitor $from $to $port" 2>&1 <<<"$rules") ||
      die "what it forwards can't be tried in a network namespace of its own: $seen"
    row "an end of the tunnel" "another, through $fleet_monitor" "$to" "$port" closed "${seen##*$'\n'}"
  done
}

# passed_row FROM TO ADDRESS ADDRESS PORT EXPECTED: tries it with the addresses of two other ends and the rules in $rules. Its standard input is not
# that of the loop around it.
passed_row() {
  local seen
  seen=$(timeout 60 unshare --net bash -euo pipefail -c "INTERFACE=$INTERFACE; $(declare -f try_across both_ends packets arrives); try_across 198.51.100.1 $3 $4 $5" 2>&1 <<<"$rules") ||
    die "what it forwards can't be tried in a network namespace of its own: $seen"
  row "$1, through $fleet_monitor" "$2" "$4" "$5" "$6" "${seen##*$'\n'}"
}

# try_across MONITOR FROM TO PORT: says if rules, on standard input, let a connection through. First, without them, it must get through.
try_across() {
  local rules before
  rules=$(cat)
  both_ends "$1" "$2" "$3"
  arrives went "$3" "$4" || { echo "a packet was not forwarded without any rule" && return 1; }
  before=$(packets went)
  nft --file - <<<"$rules"
  arrives came "$3" "$4" || { echo "a packet did not arrive" && return 1; }
  if [ "$(packets went)" = "$before" ]; then echo closed; else echo open; fi
}

# both_ends MONITOR FROM TO: this network is the monitor's, and another one that of the ends. It is there as long as this shell.
both_ends() {
  local own now=()
  # shellcheck disable=SC2034 # END_PID is its process
  coproc END { exec unshare --net cat; }
  own=$(readlink /proc/self/ns/net)
  until [ "$(readlink "/proc/$END_PID/ns/net")" != "$own" ]; do sleep 0.1; done
  at=(nsenter "--net=/proc/$END_PID/ns/net")
  ip link add "$INTERFACE" type veth peer name end || { echo "its kernel has no veth; see modprobe veth" && exit 1; }
  ip link set end netns "$END_PID"
  echo 1 >/proc/sys/net/ipv4/ip_forward
  "${at[@]}" bash -c 'echo 2 >/proc/sys/net/ipv4/tcp_syn_retries' # it ends after 7 s, whoever ends first
  ip link set "$INTERFACE" up
  "${at[@]}" ip link set end up
  if [[ $1 == *:* ]]; then
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
    now=(nodad) # an address of IPv6 that is not tried first
  fi
  ip address add "$1" dev "$INTERFACE" "${now[@]}"
  "${at[@]}" ip address add "$2" dev end "${now[@]}"
  ip route add "$2" dev "$INTERFACE"
  ip route add "$3" dev "$INTERFACE"
  "${at[@]}" ip route add "$1" dev end
  "${at[@]}" ip route add "$3" via "$1" dev end
  nft --file - <<END
table inet across {
  counter came { }
  counter went { }
  chain before { type filter hook prerouting priority raw; iifname "$INTERFACE" tcp flags syn counter name came; }
  chain after { type filter hook postrouting priority 0; oifname "$INTERFACE" tcp flags syn counter name went; }
}
END
}

packets() { nft list counter inet across "$1" | awk '$1 == "packets" { print $2 }'; }

# arrives COUNTER TO PORT: the end begins a connection, until the counter has seen it.
arrives() {
  local before sender deadline=$((SECONDS + 10))
  before=$(packets "$1")
  "${at[@]}" bash -c ": <>/dev/tcp/$2/$3" >/dev/null 2>&1 & # which the signal reaches: nsenter becomes bash
  sender=$!
  while [ "$(packets "$1")" = "$before" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.1; done
  kill "$sender" 2>/dev/null || true
  wait "$sender" || true
  [ "$(packets "$1")" != "$before" ]
}
