# shellcheck shell=bash
# The monitor's Pushgateway: who may push, with passwords that were made here. Root can read each in PUSH.

# pushers USER...: gives each a password, and one to Prometheus, which scrapes. Users that are not named any more lose theirs.
pushers() {
  local user config=basic_auth_users: file
  dir "$PUSH" 755
  dir "$WEB" 700 "$PROMETHEUS"
  dir "$PUSHED" 750 "$PUSHGATEWAY"
  for user in "$PUSH_SCRAPER" "$@"; do
    password "$PUSH/$user.password"
    config+=$'\n'"  \"$user\": \"$(<"$PUSH/$user.password.bcrypt")\""
  done
  for file in "$PUSH"/*.password; do
    user=$(basename "$file" .password)
    [[ " $PUSH_SCRAPER $* " == *" $user "* ]] || remove_pusher "$user"
  done
  put "$PUSH_CONFIG" "640:root:$PUSHGATEWAY" promtool check web-config <<<"$config"
  put "$PUSH_PASSWORD_COPY" "400:$PROMETHEUS" <"$PUSH/$PUSH_SCRAPER.password"
}

# remove_pusher USER: removes a password.
remove_pusher() {
  local suffix
  for suffix in '' .sum .bcrypt; do remove "$PUSH/$1.password$suffix"; done
}

# pushgateway_answers HOST:PORT: waits until it answers Prometheus, and checks that it refuses requests without a password.
pushgateway_answers() {
  lets_in "http://$1/-/ready" "$PUSHGATEWAY_UNIT" "$PUSH_SCRAPER" "$PUSH/$PUSH_SCRAPER.password"
}

# remove_pushgateway removes a Pushgateway that the plan does not have any more, with all that was pushed, and its user.
remove_pushgateway() {
  local file home
  for file in "$PUSH"/*.password; do
    [ ! -e "$file" ] || remove_pusher "$(basename "$file" .password)"
  done
  remove_release "$PUSHGATEWAY" "$PUSH_CONFIG" "$PUSH_PASSWORD_COPY"
  for home in "$PUSH" "$PUSHED"; do
    recorded dir "$home" || continue
    remove_dir "$home"
    [ -d "$home" ] || forget dir "$home"
    forget data "$home"
    CHANGED+=("$home")
  done
}
