# shellcheck shell=bash
# Looks before it closes: what a host serves now, and what of that its owner did not say is to stay open.
#
# What is served is a line of three fields, separated by tabs: what, as in 5432/tcp, 8000-8010/udp or the number of another protocol; the
# interface where it is asked for, or -; and who serves it.

# survey OPEN...: refuses to cut off what this host serves. OPEN is what stays open, ports of the fleet included. A member that
# has a firewall from a version that let published ports pass is asked for those only.
survey() {
  local what device by lines=() kinds=(listening published protocols_in_use)
  if [ -e "$PERMANENT" ]; then
    ! grep -q 'chain published' "$PERMANENT" || return 0
    kinds=(published)
  fi
  while IFS=$'\t' read -r what device by; do
    is_open "$what" "$@" || lines+=("  - $(as_setting "$what" "$device") # $by$(used_by "$what")")
  done < <(for kind in "${kinds[@]}"; do "$kind"; done | each_once)
  if ip link show dev cilium_host >/dev/null 2>&1; then
    say "Cilium hands packets to its services before any firewall sees them: close their node ports there, promwire cannot"
  fi
  [ ${#lines[@]} = 0 ] || fail "it serves what the firewall would cut off; nothing was closed. Put the lines that must go on working under this" \
    "host's open, as they are, and run pulumi up again. To close the rest, give it closeOthers: true"$'\n'"$(printf '%s\n' "${lines[@]}")"
}

# each_once joins lines of one thing: its servers follow each other.
each_once() {
  awk -F '\t' '{
    key = $1 "\t" $2
    if (!(key in by)) { order[++n] = key; by[key] = $3 }
    else if (index(", " by[key] ",", ", " $3 ",") == 0) by[key] = by[key] ", " $3
  }
  END { for (i = 1; i <= n; i++) print order[i] "\t" by[order[i]] }'
}

# is_open WHAT OPEN...: says whether one of OPEN has all of it.
is_open() {
  local what=$1 ports=${1%/*} open range
  for open in "${@:2}"; do
    [ "$open" != "$what" ] || return 0
    range=${open%/*}
    if [[ $what != */* || $open != */* || $what == */any || ${open#*/} != "${what#*/}" ]]; then continue; fi
    if [ "${range%-*}" -le "${ports%-*}" ] && [ "${ports#*-}" -le "${range#*-}" ]; then return 0; fi
  done
  return 1
}

# as_setting WHAT INTERFACE: how the stack file says it.
as_setting() {
  local what=$1 key=port
  case $what in
    */any) what="a port of it" ;;
    */*) ;;
    *) what=$(protocol_name "$what") key=protocol ;;
  esac
  if [ "$2" = - ]; then echo "$what"; else echo "{$key: $what, interface: $2}"; fi
}

protocol_name() {
  case $1 in
    2) echo igmp ;; 4) echo ipip ;; 41) echo ipv6 ;; 47) echo gre ;; 50) echo esp ;; 51) echo ah ;; 88) echo eigrp ;;
    89) echo ospf ;; 103) echo pim ;; 112) echo vrrp ;; 132) echo sctp ;; *) echo "proto $1" ;;
  esac
}

# used_by WHAT: who is connected to a TCP port now, as far as that fits in a line. A client of NTP has the server's port too.
used_by() {
  local peers=()
  [ "$1" != 123/udp ] || printf ', which needs it only to serve time to others'
  [[ $1 =~ ^([0-9]+)/tcp$ ]] || return 0
  mapfile -t peers < <(ss --no-header --numeric --tcp state established "sport = :${BASH_REMATCH[1]}" |
    awk '{ sub(/:[0-9]+$/, "", $4); gsub(/[][]|::ffff:/, "", $4); if ($4 !~ /^(127\.|::1$)/ && !seen[$4]++) print $4 }')
  [ ${#peers[@]} -gt 0 ] || return 0
  printf ', used by %s' "${peers[0]}"
  if [ ${#peers[@]} -gt 1 ]; then printf ', %s' "${peers[@]:1:2}"; fi
  if [ ${#peers[@]} -gt 3 ]; then printf ' and %d more' $((${#peers[@]} - 3)); fi
}

# listening are the sockets that others reach.
listening() {
  local what at device process
  while IFS=$'\t' read -r what at device process; do
    if [ "$device" = - ]; then device=$(interface_of "$at"); fi
    [ "$device" != "$INTERFACE" ] || continue
    if for_nobody "$what" "$process"; then
      say "$process listens at $what, which is closed: it finds others on this network, or is a client's own port"
    else
      printf '%s\t%s\t%s\n' "$what" "$device" "$process"
    fi
  done < <(sockets)
}

# sockets are those that listen, with address, interface and process; not those on loopback, of DHCP clients and of the tunnel.
sockets() {
  local tunnel
  tunnel=$(wg show "$INTERFACE" listen-port 2>/dev/null || true)
  {
    { { wg show all persistent-keepalive && wg show all listen-port; } 2>/dev/null || true; } | sed 's/^/wg /'
    ss --no-header --listening --numeric --tcp --udp --processes
  } | awk -v tunnel="$tunnel/udp" '
  $1 == "wg" && NF == 4 { if (peers[$2]++ || $4 == "off") server[$2] = 1; next }
  $1 == "wg" { wireguard[$3 "/udp"] = "WireGuard " ($2 in peers && !($2 in server) ? "client " : "") $2; next }
  {
    at = port = $5
    sub(/.*:/, "", port)
    sub(/:[^:]*$/, "", at)
    gsub(/[][]/, "", at)
    device = split(at, part, "%") > 1 ? part[2] : "-"
    at = part[1]
    what = port "/" $1
    if (at ~ /^(127\.|::1$|::ffff:127\.)/ || device == "lo" || what == "68/udp" || what == "546/udp" || what == tunnel) next
    process = match($0, /\(\("[^"]+/) ? substr($0, RSTART + 3, RLENGTH - 3) : "the kernel"
    if (what in wireguard) process = wireguard[what]
    print what "\t" at "\t" device "\t" process
  }'
}

# interface_of ADDRESS: the interface of an address, if only containers and virtual machines are connected to it, or it is the tunnel; or -.
interface_of() {
  local device
  device=$({ ip -oneline address show to "$1" 2>/dev/null || true; } | awk 'NR == 1 { print $2 }')
  if [[ $1 =~ ^(0\.0\.0\.0|\*|::)$ ]] || [ -z "$device" ]; then
    echo -
  elif [ "$device" = "$INTERFACE" ] || { [ -n "$(ip link show dev "$device" type bridge 2>/dev/null)" ] && ! leads_outside "$device"; }; then
    echo "$device"
  else
    echo -
  fi
}

# for_nobody WHAT PROCESS: says whether a socket is not there for users: names on the local network, and ports that the kernel gave a client.
# A WireGuard tunnel is a client if it has one peer, and keeps the connection alive.
for_nobody() {
  local port=${1%/*} first last
  case $1 in
    5353/udp | 5355/*) return 0 ;;
    */tcp | 51820/udp) return 1 ;;
  esac
  read -r first last </proc/sys/net/ipv4/ip_local_port_range
  [ "$port" -ge "$first" ] && [ "$port" -le "$last" ] || return 1
  [[ $2 =~ ^(avahi-daemon|chronyd|dhclient|dhcpcd|dnsmasq|named|ntpd|openvpn|rsyslogd|snmpd|squid|systemd-.*|tailscaled|unbound|WireGuard\ client\ .*)$ ]]
}

# published are the ports that this host passes on, to containers for example.
published() {
  { nft --stateless list ruleset 2>/dev/null || true; } | from_nft
  local save
  for save in iptables-save ip6tables-save iptables-legacy-save ip6tables-legacy-save; do
    if command -v "$save" >/dev/null; then { "$save" -t nat 2>/dev/null || true; } | from_iptables; fi
  done
  [ ! -e /proc/net/ip_vs ] || from_ipvs </proc/net/ip_vs
}

# from_nft reads the rules of `nft list ruleset` that pass something on, except what is only for this host itself. Of Kubernetes' services
# it is what kube-proxy takes from outside: node ports, and ports of external addresses, in its modes iptables and nftables.
from_nft() {
  awk '
    $1 == "chain" { chain = $2; own = 0 }
    / daddr (127\.|::1)/ { next }
    match($0, /(tcp|udp) dport [0-9]+ .*(jump|goto) KUBE-EXT-/) || (chain == "KUBE-NODEPORTS" && match($0, /(tcp|udp) dport [0-9]+ /)) {
      split(substr($0, RSTART), word, " ")
      print word[3] "/" word[1] "\t-\ta service of Kubernetes"
      next
    }
    / goto external-/ {
      n = split($0, each, ",")
      for (i = 1; i <= n; i++) if (match(each[i], /(tcp|udp) [.] [0-9]+ : goto external-/)) {
        split(substr(each[i], RSTART), word, " ")
        print word[3] "/" word[1] "\t-\ta service of Kubernetes"
      }
      next
    }
    / hook output / { own = 1 }
    { gsub(/ct status [^ ]+|icmp(v6)? type ([{][^}]*[}]|[^ ]+)|(comment|prefix) "[^"]*"/, "") } # what it asks or says, in the same words
    / hook / || own || chain ~ /^KUBE-/ || !/[ \t](dnat|redirect)/ { next }
    {
      device = match($0, /iifname "[^"]+"/) ? substr($0, RSTART + 9, RLENGTH - 10) : "-"
      by = match($0, /(dnat|redirect)( ip6?)? to [^ ]*[.:][^ ]*/) ? substr($0, RSTART, RLENGTH) : ""
      sub(/^(dnat|redirect)( ip6?)?/, "", by)
      protocol = match($0, /(tcp|udp) dport/) ? substr($0, RSTART, 3) : "any"
      ports = match($0, /dport (map )?([{][^}]*[}]|[0-9-]+)/) ? substr($0, RSTART + 6, RLENGTH - 6) : ""
      gsub(/map|[{} ]|:[^,}]*/, "", ports)
      if (ports == "") protocol = "any"
      n = split(ports, each, ",")
      if (n == 0) { n = 1; each[1] = "all" }
      for (i = 1; i <= n; i++) print each[i] "/" protocol "\t" device "\tpassed on" by
    }'
}

# from_iptables reads what iptables-save prints, in the same way.
from_iptables() {
  awk '
    / -d (127\.|::1)/ { next }
    $1 == "-A" && / --dport [0-9]+ / && (/ -j KUBE-EXT-/ || $2 == "KUBE-NODEPORTS") {
      for (i = 3; i < NF; i++) {
        if ($i == "-p") protocol = $(i + 1)
        if ($i == "--dport") ports = $(i + 1)
      }
      print ports "/" protocol "\t-\ta service of Kubernetes"
      next
    }
    $1 != "-A" || $2 == "OUTPUT" || $2 ~ /^KUBE-/ || !/ -j (DNAT|REDIRECT)/ { next }
    {
      device = protocol = by = ports = ""
      for (i = 3; i < NF; i++) {
        if ($i == "-i" && $(i - 1) != "!") device = $(i + 1)
        if ($i == "-p") protocol = $(i + 1)
        if ($i ~ /^--dports?$/) ports = $(i + 1)
        if ($i ~ /^--to-(destination|ports)$/) by = " to " $(i + 1)
      }
      gsub(/:/, "-", ports)
      if (ports == "") { ports = "all"; protocol = "any" }
      n = split(ports, each, ",")
      for (i = 1; i <= n; i++) print each[i] "/" protocol "\t" (device == "" ? "-" : device) "\tpassed on" by
    }'
}

# from_ipvs reads the kernel's table of virtual servers, which keepalived and kube-proxy's mode ipvs fill. Their packets meet the firewall first.
from_ipvs() {
  awk '
    function number(hex, i, n) { for (i = 1; i <= length(hex); i++) n = 16 * n + index("123456789ABCDEF", substr(hex, i, 1)); return n + 0 }
    $1 == "FWM" { print "all/any\t-\tIPVS, by the mark " number($2); next }
    $1 !~ /^(TCP|UDP|SCTP)$/ || $2 ~ /^(7F|.(0000:)+0001])/ { next }
    { print ($1 == "SCTP" ? 132 : number(substr($2, length($2) - 3)) "/" tolower($1)) "\t-\tIPVS" }'
}

# protocols_in_use are those beside TCP, UDP and ICMP: programs that listen to them, tunnels, and IPsec.
protocols_in_use() {
  local type number
  ss --no-header --listening --numeric --raw --processes | awk '{
    sub(/.*:/, "", $4)
    if ($4 !~ /^[0-9]+$/ || $4 == 1 || $4 == 6 || $4 == 17 || $4 == 58 || $4 == 255) next
    print $4 "\t-\t" (match($0, /\(\("[^"]+/) ? substr($0, RSTART + 3, RLENGTH - 3) : "the kernel")
  }'
  while read -r type number; do
    { ip -details -oneline link show up type "$type" 2>/dev/null || true; } | awk -F '[:@ ]+' -v number="$number" '{
      print number "\t-\t" $2 (match($0, / remote [^ ]+/) ? ", with" substr($0, RSTART + 7, RLENGTH - 7) : "")
    }'
  done <<<$'gre 47\ngretap 47\nip6gre 47\nip6gretap 47\nerspan 47\nipip 4\nip6tnl 41\nsit 41'
  { ip xfrm state 2>/dev/null || true; } | awk '
    $1 == "src" { from = $2 }
    $1 == "proto" && ($2 == "esp" || $2 == "ah") { print ($2 == "esp" ? 50 : 51) "\t-\tIPsec, with " from }'
}
