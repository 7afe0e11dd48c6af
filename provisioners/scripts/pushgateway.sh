# shellcheck shell=bash
# The monitor's Pushgateway: who may push, with passwords that were born here. People find each in PUSH, as root.

readonly PUSH=/etc/pushgateway
readonly PUSHED=/var/lib/pushgateway
readonly PUSH_SCRAPER=prometheus

# pushers USER...: gives each a password, beside Prometheus, which scrapes. Who is not named any more has none.
pushers() {
  local user config=basic_auth_users: file
  dir "$PUSH" 755
  dir "$WEB" 700 prometheus
  dir "$PUSHED" 750 pushgateway
  for user in "$PUSH_SCRAPER" "$@"; do
    password "$PUSH/$user.password"
    config+=$'\n'"  \"$user\": \"$(<"$PUSH/$user.password.bcrypt")\""
  done
  for file in "$PUSH"/*.password; do
    user=$(basename "$file" .password)
    [[ " $PUSH_SCRAPER $* " == *" $user "* ]] || dismiss_pusher "$user"
  done
  put "$PUSH/web.yml" 640:root:pushgateway promtool check web-config <<<"$config"
  put "$WEB/pushgateway.password" 400:prometheus <"$PUSH/$PUSH_SCRAPER.password"
}

# dismiss_pusher USER: forgets a password.
dismiss_pusher() {
  local suffix
  for suffix in '' .sum .bcrypt; do drop "$PUSH/$1.password$suffix"; done
}

# pushgateway_answers HOST:PORT: waits until it lets Prometheus in, and sees that it lets in nobody without a password.
pushgateway_answers() {
  local url=http://$1/-/ready tries said
  for ((tries = 0; tries < 150; tries++)); do
    if pusher "$PUSH_SCRAPER" | curl --config - --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$url"; then
      said=$(curl --silent --noproxy '*' --max-time 2 --output /dev/null --write-out '%{http_code}' "$url" || true)
      [ "$said" = 401 ] || fail_unit pushgateway.service "answers $said without a password, and not 401"
      return
    fi
    sleep 0.2
  done
  fail_unit pushgateway.service "does not answer at $url"
}

# pusher USER: how curl gets in as USER.
pusher() { printf 'user = "%s:%s"\n' "$1" "$(sed 's/["\\]/\\&/g' "$PUSH/$1.password")"; }

# without_pushgateway takes away a Pushgateway that the plan does not have any more, with all that was pushed, and its user.
without_pushgateway() {
  local file home
  without pushgateway.service
  for file in "$PUSH"/*.password; do
    [ ! -e "$file" ] || dismiss_pusher "$(basename "$file" .password)"
  done
  for file in "$PUSH/web.yml" "$WEB/pushgateway.password" /usr/local/bin/pushgateway /etc/sysusers.d/pushgateway.conf; do
    ! recorded file "$file" || drop "$file"
  done
  for home in "$PUSH" "$PUSHED"; do
    recorded dir "$home" || continue
    rm -rf "$home"
    forget dir "$home"
    CHANGED+=("$home")
  done
  rm -rf /opt/promwire/pushgateway-[0-9]*
  recorded user pushgateway || return 0
  userdel pushgateway
  forget user pushgateway
  CHANGED+=("user pushgateway")
}
