# shellcheck shell=bash
# The monitor's Alertmanager: who may ask it, and the test that its receivers get alerts.

# alertmanager_login lets those in who have a password, which is made here: root can read it, and Prometheus has a copy.
alertmanager_login() {
  dir "$WEB" 700 "$PROMETHEUS"
  password "$ALERTMANAGER_PASSWORD"
  put "$ALERTMANAGER_WEB" "640:root:$ALERTMANAGER" promtool check web-config \
    <<<"basic_auth_users:"$'\n'"  $ALERTMANAGER_USER: \"$(<"$ALERTMANAGER_PASSWORD.bcrypt")\""
  put "$ALERTMANAGER_PASSWORD_COPY" "400:$PROMETHEUS" <"$ALERTMANAGER_PASSWORD"
  put "$AMTOOL_CONFIG" 600 <<<"basic_auth: {username: $ALERTMANAGER_USER, password_file: $ALERTMANAGER_PASSWORD}"
}

# from_alertmanager PATH CURL...: asks it as somebody with the password.
from_alertmanager() {
  login_as "$ALERTMANAGER_USER" "$ALERTMANAGER_PASSWORD" |
    curl --config - --silent --show-error --fail --noproxy '*' --max-time 10 "${@:2}" "http://$ALERTMANAGER_AT$1"
}

# alertmanager_answers waits until it answers, and checks that it refuses requests without the password.
alertmanager_answers() {
  lets_in "http://$ALERTMANAGER_AT/-/ready" "$ALERTMANAGER_UNIT" "$ALERTMANAGER_USER" "$ALERTMANAGER_PASSWORD"
}

# alert_arrives RECEIVER INTEGRATION=NUMBER...: raises an alert, and waits until the receiver has accepted it as often as it sends it, by each
# integration.
alert_arrives() {
  local receiver=$1 before tries began run
  shift
  began=$(date +%s)
  run=$began-$BASHPID
  before=$(accepted "$receiver") || fail_unit "$ALERTMANAGER_UNIT" "does not answer at $ALERTMANAGER_AT"
  from_alertmanager /api/v2/alerts --output /dev/null --header 'Content-Type: application/json' --data "$(test_alert "$run")" ||
    fail_unit "$ALERTMANAGER_UNIT" "takes no alert"
  for ((tries = 0; tries < 45; tries++)); do
    sleep 1
    if accepted "$receiver" | more_than "$before" "$@"; then return; fi
  done
  fail "the receiver $receiver has not accepted a test alert within 45 s: $(refusal "$run" "$began")"
}

# test_alert RUN: an alert that ends by itself, as the API takes it.
test_alert() {
  printf '[{"labels":{"alertname":"%s","severity":"none","name":"%s","role":"monitor","run":"%s"},' "$TEST_ALERT" "$HOST" "$1"
  printf '"annotations":{"summary":"pulumi up tests that alerts arrive; nothing is wrong"},"endsAt":"%s"}]' "$(date --utc --date '3 minutes' +%FT%TZ)"
}

# accepted RECEIVER: how many notifications it has accepted: a line INTEGRATION NUMBER each.
accepted() {
  from_alertmanager /metrics | awk -v receiver="$1" '
    /^alertmanager_notification_requests_(failed_)?total\{/ && index($0, "receiver_name=\"" receiver "\"") {
      match($0, /integration="[^"]*"/)
      name = substr($0, RSTART + 13, RLENGTH - 14)
      count[name] += /_failed_/ ? -$NF : $NF
    }
    END { for (name in count) print name, count[name] }'
}

# more_than BEFORE INTEGRATION=NUMBER...: whether standard input has so many more of each.
more_than() {
  awk -v before="$1" -v wanted="${*:2}" '
    { now[$1] = $2 }
    END {
      n = split(before, lines, "\n")
      for (i = 1; i <= n; i++) { split(lines[i], word, " "); was[word[1]] = word[2] }
      n = split(wanted, all, " ")
      for (i = 1; i <= n; i++) { split(all[i], word, "="); if (now[word[1]] - was[word[1]] < word[2]) exit 1 }
    }'
}

# refusal RUN SECONDS: what the receiver answered last, as Alertmanager has logged it since then.
refusal() {
  local said
  said=$(journalctl --unit "$ALERTMANAGER_UNIT" --since "@$2" --output cat 2>/dev/null | grep -F "$1" | sed -nE 's/.* err="(.*)"$/\1/p' | tail -n 1 | without_secrets)
  [ -n "$said" ] || ! from_alertmanager '/api/v2/alerts?active=false&unprocessed=false' | grep -qF "$1" || said="a silence or an inhibition of yours holds it back"
  echo "${said:-no answer; does the monitor reach it? See journalctl -u $ALERTMANAGER_UNIT}"
}

# without_secrets prints the beginning of its input without what may be secret there: the secrets, and what comes behind the host of a URL. Some
# receivers repeat in their answer what they were asked for.
without_secrets() {
  local said file secret
  said=$(head --bytes 2000)
  for file in "$ALERT_SECRETS"/*; do
    [ -s "$file" ] || continue
    secret=$(<"$file")
    said=${said//"$secret"/<secret>}
    [[ $secret != *://*/?* ]] || said=${said//"/${secret#*://*/}"//<secret>}
  done
  sed -E 's|(https?://[^/ "]+)/[^ "]*|\1/…|g' <<<"$said" | cut -c 1-300
}

# remove_alertmanager removes an Alertmanager that the plan does not have any more, with its silences and secrets.
remove_alertmanager() {
  local home file
  secrets_only "$ALERT_SECRETS"
  for file in "$ALERTMANAGER_PASSWORD"{,.sum,.bcrypt}; do remove "$file"; done
  remove_release "$ALERTMANAGER" "$ALERTMANAGER_CONFIG" "$ALERTMANAGER_WEB" "$ALERTMANAGER_PASSWORD_COPY" "$AMTOOL_CONFIG" "$BINARIES/amtool"
  for home in "$ALERT_SECRETS" "$ALERTMANAGER_FOLDER" "$ALERTMANAGER_DATA"; do
    recorded dir "$home" || continue
    remove_dir "$home"
    [ -d "$home" ] || forget dir "$home"
    forget data "$home"
    CHANGED+=("$home")
  done
}
