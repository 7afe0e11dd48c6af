# shellcheck shell=bash
# Rules of the monitor's Prometheus: promwire's, without those that nobody wants, and the operator's own.

# muted ALERT... -- COMMAND...: gives a command, such as put, the rules on standard input without these alerts. Each rule is a paragraph.
muted() {
  local names=() text
  while [ "$1" != -- ]; do
    names+=("$1")
    shift
  done
  text=$(awk -v names="${names[*]}" '
    BEGIN { RS = ""; ORS = "\n\n"; n = split(names, all, " "); for (i = 1; i <= n; i++) muted[all[i]] = 1 }
    { if (match($0, /- alert: [A-Za-z]+/) && substr($0, RSTART + 9, RLENGTH - 9) in muted) next; print }')
  shift
  "$@" <<<"$text"
}

# rules_only FILE...: ends all of the operator's rules but these.
rules_only() {
  local file
  for file in "$OWN_RULES"*.yml; do
    if [ -e "$file" ] && [[ " $* " != *" $file "* ]]; then remove "$file"; fi
  done
}
