# shellcheck shell=bash
# Other firewalls of a host, such as ufw's, firewalld's or the owner's: nftables asks all of them, and each can drop what promwire admits.

# other_firewalls PROTOCOL INTERFACE SOURCE PORT...: refuses a host where another firewall is certain to drop new packets that come to one
# of these ports through this interface, from this address (-: any that leads outside). A member is not asked: it works, or its gate says so.
other_firewalls() {
  local protocol=$1 device=$2 from=$3 port found
  [ ! -e "$PERMANENT" ] || return 0
  for port in "${@:4}"; do
    found=$(nft --stateless list ruleset | drops input "$protocol" "$device" "$from" "$port")
    [ -z "$found" ] || fail "another firewall would drop $port/$protocol, which promwire needs: $found; $(admit "$found" "$protocol" "$device" "$port")"
  done
}

# other_edge SOURCE PORT: refuses a host where another firewall is certain to drop connections that people allow, from another end of the tunnel. A
# member is asked too, because the edge may be new.
other_edge() {
  local found
  found=$(nft --stateless list ruleset | drops input tcp "$INTERFACE" "$1" "$2")
  [ -z "$found" ] || fail "another firewall would drop $2/tcp from $1, which allow admits: $found; $(admit "$found" tcp "$INTERFACE" "$2")"
}

# other_forwards SOURCE PORT...: refuses a host that passes on connections from one end of the tunnel to TCP ports of others, where another
# firewall is certain to drop them. A member is asked too: the targets would seem to drop what they never get.
other_forwards() {
  local from=$1 port found
  for port in "${@:2}"; do
    found=$(nft --stateless list ruleset | drops forward tcp "$INTERFACE" "$from" "$port")
    [ -z "$found" ] || fail "another firewall would drop what it passes on to $port/tcp, which promwire needs: $found; $(admit_forward "$found" "$port")"
  done
}

# admit_forward FOUND PORT: how to let it pass.
admit_forward() {
  if [[ $1 == *"table ip filter,"* ]] && nft list chain ip filter DOCKER-USER >/dev/null 2>&1; then
    echo "run iptables -I DOCKER-USER -i $INTERFACE -o $INTERFACE -j ACCEPT, at each boot after Docker"
  elif [[ $1 == *" ufw-"* ]] || { command -v ufw && ufw status | grep -q '^Status: active'; } >/dev/null 2>&1; then
    echo "run ufw route allow in on $INTERFACE out on $INTERFACE"
  elif [[ $1 == *"table inet firewalld,"* ]]; then
    echo "run firewall-cmd --permanent --zone=trusted --add-interface=$INTERFACE and firewall-cmd --reload"
  else
    echo "admit it there, in front of that rule: iifname $INTERFACE oifname $INTERFACE tcp dport $2 accept"
  fi
}

# admit FOUND PROTOCOL INTERFACE PORT: how to let it pass.
admit() {
  if [[ $1 == *" ufw-"* ]] || { command -v ufw && ufw status | grep -q '^Status: active'; } >/dev/null 2>&1; then
    if [ "$3" = - ]; then echo "run ufw allow $4/$2"; else echo "run ufw allow in on $3"; fi
  elif [[ $1 == *"table inet firewalld,"* ]]; then
    if [ "$3" = - ]; then echo "run firewall-cmd --permanent --add-port=$4/$2 and firewall-cmd --reload"; else
      echo "run firewall-cmd --permanent --zone=trusted --add-interface=$3 and firewall-cmd --reload"
    fi
  else
    echo "admit it there, in front of that rule: $([ "$3" = - ] || echo "iifname $3 ")$2 dport $4 accept"
  fi
}

# inner_bridges prints the bridges to which only containers and virtual machines are connected.
inner_bridges() {
  local bridge
  while read -r bridge; do
    leads_outside "$bridge" || printf ' %s ' "$bridge"
  done < <(bridges)
}

# drops HOOK PROTOCOL INTERFACE SOURCE PORT: reads `nft list ruleset` and names the first chain of this hook (input, forward) that can only drop
# such a packet, and why. One that is forwarded comes through an interface and goes there again. What
# the rules ask that is not understood here may be so or not: then nothing is certain.
#
# In awk, walk goes through a chain: 1 if the packet may be accepted there, and 2 if it may come to the end. matches says how a rule's text
# fits the packet: 0 if it does not, 2 if it does, 1 if that is not known.
drops() {
  awk -v hook="$1" -v protocol="$2" -v device="$3" -v from="$4" -v port="$5" -v own="$TABLE" -v tunnel="$INTERFACE" -v inner="$(inner_bridges)" '
    BEGIN { family = from ~ /:/ ? "^ip6 " : "^ip " }
    $1 == "table" { table = $2 " " $3; next }
    $1 == "chain" { chain = $2; key = table SUBSEP chain; next }
    $1 == "}" { chain = ""; next }
    chain == "" { next }
    $1 == "type" {
      if ($2 == "filter" && index($0, " hook " hook " ") && table != "inet " own && (table ~ /^inet / || table ~ family)) { base[++bases] = key }
      policy[key] = / policy drop;/ ? "drop" : "accept"
      next
    }
    { sub(/^[ \t]+/, ""); gsub(/ comment "[^"]*"/, ""); rule[key, ++rules[key]] = $0 }
    END {
      for (b = 1; b <= bases; b++) {
        why = ""
        split(base[b], name, SUBSEP)
        left = walk(name[1], name[2], 0)
        if (left % 2) continue
        if (left >= 2 && policy[base[b]] != "drop") continue
        if (left >= 2 && why == "") why = "policy drop"
        print "table " name[1] ", chain " name[2] ": " why
        exit
      }
    }
    function walk(t, c, depth,   i, text, verdict, sub_, left, m, k, words, n) {
      k = t SUBSEP c
      if (depth > 16) return 3
      for (i = 1; i <= rules[k]; i++) {
        text = rule[k, i]
        verdict = ""
        if (match(text, /(^| )(accept|drop|return|reject( with .*)?|(jump|goto) [^ ]+)$/)) {
          verdict = substr(text, RSTART)
          sub(/^ /, "", verdict)
          text = substr(text, 1, RSTART - 1)
        } else if (text ~ /accept|queue|vmap|xt target|tproxy/ && text !~ /^ct state vmap [^n]*$/) verdict = "unknown"
        else continue
        m = matches(text)
        if (m == 0) continue
        if (verdict == "accept" || verdict == "unknown") left = or1(left)
        n = split(verdict, words, " ")
        if (words[1] == "jump" || words[1] == "goto") {
          sub_ = walk(t, words[2], depth + 1)
          if (sub_ % 2) left = or1(left)
          if (sub_ < 2 && m == 2) return left
          if (words[1] == "goto") { if (sub_ >= 2) left = or2(left); if (m == 2) return left }
        }
        if (verdict == "return") { left = or2(left); if (m == 2) return left }
        if (verdict == "accept" && m == 2) return left
        if (verdict ~ /^(drop|reject)/ && m == 2) { if (why == "") why = rule[k, i] (depth ? " in chain " c : ""); return left }
      }
      return or2(left)
    }
    function or1(x) { return x % 2 ? x : x + 1 }
    function or2(x) { return x >= 2 ? x : x + 2 }
    function matches(text,   m, part, value) {
      m = 2
      gsub(/(^| )counter( packets [0-9]+ bytes [0-9]+)?/, " ", text)
      gsub(/(^| )log( (prefix "[^"]*"|level [a-z]+|flags [a-z ]+))*/, " ", text)
      if (text ~ /(icmp|icmpv6|igmp|ip6 nexthdr ipv6-icmp|ct status dnat|daddr (22[4-9]|23[0-9]|255|127)\.|ip6 daddr f)/) return 0
      if (match(text, /ct state (vmap )?([{][^}]*[}]|[a-z,]+)/)) {
        if (substr(text, RSTART, RLENGTH) !~ /new/) return 0
        text = cut(text)
      }
      if (match(text, /iif(name)? "[^"]*"/)) {
        value = substr(text, RSTART, RLENGTH)
        gsub(/iif(name)? |"/, "", value)
        if (value == "lo" || (device == "-" && (value == tunnel || index(inner, " " value " ")))) return 0
        if (value ~ /[*]/ || device == "-") m = 1
        else if (value != device) return 0
        text = cut(text)
      }
      if (match(text, /iif(name)? != "lo"/)) text = cut(text)
      if (match(text, /oif(name)? "[^"]*"/)) { # of what is forwarded: nothing else goes out
        value = substr(text, RSTART, RLENGTH)
        gsub(/oif(name)? |"/, "", value)
        if (value ~ /[*]/) m = 1
        else if (hook != "forward" || value != device) return 0
        text = cut(text)
      }
      if (match(text, /(meta l4proto|ip protocol) ([{][^}]*[}]|[a-z0-9]+)/)) {
        value = substr(text, RSTART, RLENGTH)
        if (value !~ ("[ ,]" protocol "([ ,}]|$)") && value !~ (" " (protocol == "tcp" ? 6 : 17) "([ ,}]|$)")) return 0
        text = cut(text)
      }
      if (match(text, /(tcp|udp|th) dport ([{][^}]*[}]|[0-9-]+)/)) {
        value = substr(text, RSTART, RLENGTH)
        part = value
        sub(/ .*/, "", part)
        sub(/.*dport /, "", value)
        if ((part != "th" && part != protocol) || !among(value)) return 0
        text = cut(text)
      }
      if (text ~ (protocol == "tcp" ? "udp (s|d)port" : "tcp (s|d)port")) return 0
      if (match(text, /ip6? saddr [0-9a-f.:]+( |$)/) && from != "-") {
        value = substr(text, RSTART, RLENGTH)
        sub(/.*saddr /, "", value)
        sub(/ $/, "", value)
        if (value != from) return 0
        text = cut(text)
      }
      if (match(text, /fib daddr type [a-z]+/)) {
        if ((substr(text, RSTART, RLENGTH) ~ /local$/) != (hook == "input")) return 0
        text = cut(text)
      }
      return text ~ /[^ \t]/ ? 1 : m
    }
    function cut(text) { return substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH) }
    function among(value,   each, i, n, ends) {
      gsub(/[{} ]/, "", value)
      n = split(value, each, ",")
      for (i = 1; i <= n; i++) {
        split(each[i] "-" each[i], ends, "-")
        if (ends[1] + 0 <= port + 0 && port + 0 <= ends[2] + 0) return 1
      }
      return 0
    }'
}
