# shellcheck shell=bash
# Prometheus's own endpoint: its certificate, and a password that was made here. Root can read it in WEB_PASSWORD.

readonly WEB=$PROMETHEUS_TLS # copies that only Prometheus reads
readonly WEB_COST=12         # 2^12 rounds of bcrypt

# web TLS USER: makes Prometheus's web configuration. TLS is yes or no, USER is who logs in, or nothing.
web() {
  local tls=$1 user=${2-} config file
  if [ "$tls" = yes ] || [ -n "$user" ]; then
    dir "$WEB" 700 "$PROMETHEUS"
    if [ "$tls" = yes ]; then web_certificate; fi
    if [ -n "$user" ]; then
      password "$WEB_PASSWORD"
      put "$WEB_PASSWORD_COPY" "400:$PROMETHEUS" <"$WEB_PASSWORD"
    fi
    config=$(web_config "$tls" "$user")
    put "$WEB_CONFIG" "640:root:$PROMETHEUS" promtool check web-config <<<"$config"
    clients "$tls" "$user"
  else
    for file in "$WEB_CONFIG" "$PROMTOOL_CONFIG" "$CURL_CONFIG"; do remove "$file"; done
  fi
  if [ "$tls" = no ]; then remove "$WEB/web.key" && remove "$WEB/web.pem"; fi
  if [ -z "$user" ]; then remove "$WEB_PASSWORD_COPY"; fi
}

web_config() {
  if [ "$1" = yes ]; then
    printf 'tls_server_config:\n  cert_file: %s/web.pem\n  key_file: %s/web.key\n  min_version: TLS12\n' "$WEB" "$WEB"
  fi
  if [ -n "$2" ]; then
    printf 'basic_auth_users:\n  "%s": "%s"\n' "$2" "$(<"$WEB_PASSWORD.bcrypt")"
  fi
}

# web_certificate copies the host's certificate and key. Prometheus reads them again for each connection.
web_certificate() {
  put "$WEB/web.key" "400:$PROMETHEUS" <"$CERTIFICATES/key.pem"
  put "$WEB/web.pem" "400:$PROMETHEUS" <"$CERTIFICATES/certificate.pem"
}

# password FILE: makes a password once, and its hash, FILE.bcrypt, whenever the password changes: to change it, write another one to
# FILE and run this again.
password() {
  local file=$1 sum made
  if taken "$file" </dev/null; then refuse_taken "$file"; fi
  if [ ! -s "$file" ]; then
    made=$(head --bytes 4096 /dev/urandom | tr -dc 'A-Za-z0-9')
    put "$file" 600 <<<"${made:0:32}"
  fi
  record file "$file"
  sum=$(sha256sum <"$file")
  [ "$(cat "$file.sum" 2>/dev/null || true)" != "$sum" ] || [ ! -s "$file.bcrypt" ] || return 0
  made=$(bcrypt <"$file")
  put "$file.bcrypt" 600 <<<"$made"
  put "$file.sum" 600 <<<"$sum"
}

# login_as USER FILE: curl's configuration to log in with the password in a file.
login_as() { printf 'user = "%s:%s"\n' "$1" "$(sed 's/["\\]/\\&/g' "$2")"; }

# bcrypt: the hash of the password on standard input, by the system's crypt(3). Like Prometheus, it ignores
# spaces around the password.
bcrypt() {
  # shellcheck disable=SC2016 # perl expands them
  perl -e '
    my $cost = shift;
    local $/;
    my $password = <STDIN>;
    $password =~ s/^\s+|\s+$//g;
    open(my $random, "<", "/dev/urandom") or die "urandom: $!";
    read($random, my $bytes, 22) == 22 or die "urandom: short";
    my @letters = (".", "/", "A" .. "Z", "a" .. "z", "0" .. "9");
    my $salt = join("", map { $letters[ord($_) % 64] } split(//, substr($bytes, 0, 21))) . $letters[16 * (ord(substr($bytes, 21)) % 4)];
    my $hash = crypt($password, "\$2b\$$cost\$$salt");
    die "crypt(3) of this system does not support bcrypt\n" unless defined $hash && $hash =~ /^\$2b\$$cost\$.{53}$/;
    print "$hash\n";
  ' "$WEB_COST"
}

# clients TLS USER: the configuration of promtool and curl, for root on this host.
clients() {
  local tls=$1 user=$2 promtool='' curl=''
  if [ "$tls" = yes ]; then
    promtool+="tls_config:"$'\n'"  ca_file: $CERTIFICATES/authorities.pem"$'\n'
    curl+="cacert = \"$CERTIFICATES/authorities.pem\""$'\n'
  fi
  if [ -n "$user" ]; then
    promtool+="basic_auth:"$'\n'"  username: \"$user\""$'\n'"  password_file: $WEB_PASSWORD"$'\n'
    curl+="user = \"$user:$(sed 's/["\\]/\\&/g' "$WEB_PASSWORD")\""$'\n'
  fi
  put "$PROMTOOL_CONFIG" 600 < <(printf '%s' "$promtool")
  put "$CURL_CONFIG" 600 < <(printf '%s' "$curl")
}

# web_answers TLS UNIT: waits until Prometheus is healthy.
web_answers() {
  local tries url=http
  [ "$1" = no ] || url=https
  url+=://127.0.0.1:$PROMETHEUS_PORT/-/healthy
  for ((tries = 0; tries < 150; tries++)); do
    if curl --silent --fail --noproxy '*' --max-time 2 --output /dev/null --config "$CURL_CONFIG" "$url"; then return; fi
    sleep 0.2
  done
  fail_unit "$2" "does not answer at $url"
}

# lets_in URL UNIT USER FILE: waits until a unit answers USER, who has the password in FILE, and checks that it refuses those without one.
lets_in() {
  local tries said
  for ((tries = 0; tries < 150; tries++)); do
    if login_as "$3" "$4" | curl --config - --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$1"; then
      said=$(curl --silent --noproxy '*' --max-time 2 --output /dev/null --write-out '%{http_code}' "$1" || true)
      [ "$said" = 401 ] || fail_unit "$2" "answers $said without a password, and not 401"
      return
    fi
    sleep 0.2
  done
  fail_unit "$2" "does not answer at $1"
}
