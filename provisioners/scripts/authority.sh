# shellcheck shell=bash
# The fleet's certificate authorities, on the monitor. Their keys were made here and stay here; hosts send requests and get
# certificates. What a host has is kept in hosts/NAME, so that it can be renewed without asking the host.

readonly PAIR=$PROMETHEUS_TLS # what Prometheus proves itself with, and whom it trusts

# authority VALIDITY RENEW NAME...: the trusted authorities, the oldest first, and for how many seconds they sign. The first signs
# Prometheus's certificate, the last the hosts'. So with an old and a new one listed, all trust both, and none shows a certificate that
# another one does not trust yet.
authority() {
  local validity=$1 renew=$2 name
  shift 2
  dir "$CONFIG_FOLDER" 755
  dir "$AUTHORITY" 700
  mkdir -p "$AUTHORITY/hosts"
  new_one_last "$@"
  still_needed "$@"
  for name in "$@"; do
    [ -e "$AUTHORITY/$name/certificate.pem" ] || make_authority "$name"
  done
  put "$AUTHORITY/settings" 600 <<<"validity $validity"$'\n'"renew $renew"$'\n'"authorities $*"
  put "$AUTHORITY/bundle.pem" 600 authorities < <(for name in "$@"; do cat "$AUTHORITY/$name/certificate.pem"; done)
  for name in $(authorities_there); do
    [[ " $* " == *" $name "* ]] || remove_authority "$name"
  done
}

# setting NAME: validity and renew, in seconds, or authorities, their names.
setting() { sed -n "s/^$1 //p" "$AUTHORITY/settings"; }

first() { setting authorities | cut -d ' ' -f 1; }

last() { setting authorities | awk '{ print $NF }'; }

authorities_there() {
  local file
  for file in "$AUTHORITY"/*/key.pem; do
    [ ! -e "$file" ] || basename "$(dirname "$file")"
  done
}

# new_one_last NAME...: a new authority must be the last, or Prometheus would show a certificate by it that no host trusts yet.
new_one_last() {
  [ ! -e "$AUTHORITY/$1/key.pem" ] && [ $# -gt 1 ] && [ -n "$(authorities_there)" ] || return 0
  fail "authority $1 is new and comes first in tls.authorities; put it last, so that all hosts trust it before it is used"
}

# still_needed NAME...: refuses to remove an authority that signed what a host still has.
still_needed() {
  local folder by old='' users=()
  for folder in "$AUTHORITY"/hosts/*/; do
    folder=${folder%/}
    by=$(still_has "$folder" "$@")
    [ -n "$by" ] || continue
    old=$by
    users+=("$(basename "$folder")")
  done
  [ ${#users[@]} = 0 ] || fail "authority $old signed what these hosts still have: ${users[*]}; list both in tls.authorities" \
    "($old first, the new one last), run pulumi up until it ends well, and leave $old out of the next one"
}

# still_has FOLDER NAME...: an authority that is none of these and signed what a host may still show: its certificate, and former
# ones, until it shows this one. A certificate that never reached its host is ignored.
still_has() {
  local folder=$1 file by
  shift
  for file in "$folder/certificate.pem" "$folder"/former-*.pem; do
    if [ ! -s "$file" ] || ! openssl x509 -in "$file" -noout -checkend 0 >/dev/null; then continue; fi
    by=${file##*/former-}
    by=${by%.pem}
    [ "$file" != "$folder/certificate.pem" ] || by=$(<"$folder/by")
    if [[ " $* " == *" $by "* ]]; then continue; fi
    if [ "$file" = "$folder/certificate.pem" ] || ! shows "$folder"; then
      echo "$by"
      return
    fi
  done
}

# shows FOLDER [SECONDS]: says whether a host's node exporter shows the certificate that was signed for it last. Then former ones do not matter.
shows() {
  local at
  [ -s "$1/certificate.pem" ] || return 1
  at=$(<"$1/receiver")
  [ "$(serves "${at%:*}:$NODE_TLS_PORT" "${2-5}")" = "$(openssl x509 -in "$1/certificate.pem" -noout -serial)" ] || return 1
  rm -f "$1"/former-*.pem
}

# serves ADDRESS:PORT SECONDS: the serial number of the certificate that an exporter serves. A busy host needs some seconds to show it; one that
# seems to have another is sent the same certificate again, and refuses it. A service that can't read Prometheus's folder has its key from
# systemd.
serves() {
  local pair=${CREDENTIALS_DIRECTORY:-$PAIR}
  timeout "$2" openssl s_client -connect "$1" -cert "$pair/certificate.pem" -key "$pair/key.pem" </dev/null 2>/dev/null |
    openssl x509 -noout -serial 2>/dev/null || true
}

# make_authority NAME: ten years long, for certificates of hosts only.
make_authority() {
  local name=$1 new=$AUTHORITY/.new
  rm -rf "$new"
  (
    umask 077
    mkdir -p "$new/issued"
    : >"$new/index.txt"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$new/key.pem"
    openssl req -new -key "$new/key.pem" -subj "/CN=promwire authority $name" -out "$new/request.pem"
  )
  issue "$new" "$new/request.pem" "$new/certificate.pem" "promwire authority $name" authority 315360000 -selfsign
  sync
  rm -rf "${AUTHORITY:?}/$name" # a part of one that was being removed
  mv "$new" "$AUTHORITY/$name"
  CHANGED+=("authority $name")
}

remove_authority() {
  rm -rf "${AUTHORITY:?}/$1" "$AUTHORITY"/own/former-"$1".pem "$AUTHORITY"/hosts/*/former-"$1".pem
  CHANGED+=("without authority $1")
}

# issue FOLDER REQUEST OUT NAME PROFILE SECONDS [OPTION...]: signs a request with the authority in FOLDER. Only the key of
# the request is used. The names of PROFILE host are in $SANS. Certificates begin a day ago, for clocks that are behind.
issue() {
  local folder=$1 request=$2 out=$3 name=$4 profile=$5 seconds=$6 config=$RUN/authority.conf
  shift 6
  profiles "$folder" >"$config"
  (umask 077 && openssl ca -batch -notext -config "$config" -extensions "$profile" -in "$request" -out "$out" \
    -subj "/CN=$name" -startdate "$(stamp '1 day ago')" -enddate "$(stamp "$seconds seconds")" "$@" 2>"$RUN/authority.said") || {
    cat "$RUN/authority.said" >&2
    fail "the authority can't sign for $name; see openssl's output above"
  }
  rm -f "$config" "$RUN/authority.said"
}

stamp() { date --utc --date "$1" +%Y%m%d%H%M%SZ; }

# profiles FOLDER: openssl's configuration, see ca(1) and x509v3_config(5).
profiles() {
  cat <<END
[ca]
default_ca = it
[it]
database = $1/index.txt
new_certs_dir = $1/issued
certificate = $1/certificate.pem
private_key = $1/key.pem
default_md = sha256
unique_subject = no
rand_serial = yes
copy_extensions = none
policy = any
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[host]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
authorityKeyIdentifier = keyid
subjectAltName = ${SANS:-DNS:invalid}
[scraper]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
subjectAltName = DNS:$SCRAPER
END
}

# renewal_period NUMBER: notes in which period of renewal an update looked at certificates, see plan.TLS.Period.
renewal_period() { put "$AUTHORITY/period" 600 <<<"$1"; }

# signs_as VALIDITY RENEW NAME...: refuses to sign with other settings than these, which the monitor's plan sets.
signs_as() {
  [ "$(cat "$AUTHORITY/settings" 2>/dev/null)" = "validity $1"$'\n'"renew $2"$'\n'"authorities ${*:3}" ] ||
    fail "this monitor's authority has other settings than the stack; run its converge command first"
}

# certify_host NAME RECEIVER REQUEST NAME-OF-IT...: keeps a host's request (base64 of DER) and signs a certificate of these names.
# RECEIVER, address:port, is where renewed certificates are sent. Variables have what enrol's receipt prints.
# shellcheck disable=SC2034 # receipt.sh uses them
certify_host() {
  local name=$1 folder=$AUTHORITY/hosts/$1
  [ -s "$AUTHORITY/settings" ] || fail "this monitor has no authority yet; run its converge command first"
  keep_request "$folder" "$name" "$3"
  printf '%s\n' "$2" >"$folder/receiver"
  shift 3
  sign "$folder" "$name" "$@"
  CERTIFICATE=$(base64 --wrap 0 "$folder/certificate.pem")
  AUTHORITIES=$(base64 --wrap 0 "$AUTHORITY/bundle.pem")
  SIGNED=$(<"$folder/signed")
}

# keep_request FOLDER NAME REQUEST: refuses a request that its own key did not sign, or a key of another kind.
keep_request() {
  local folder=$1 new=$RUN/request.pem
  (umask 077 && base64 --decode <<<"$3" | openssl req -inform DER -out "$new" 2>/dev/null) || : >"$new"
  [[ $(openssl req -in "$new" -noout -verify 2>&1) == *"verify OK"* ]] ||
    fail "$2 sent no certificate request that is signed by its own key; remove the host from the list, run pulumi up, and add it again"
  [[ $(openssl req -in "$new" -noout -pubkey | openssl pkey -pubin -noout -text) == *P-256* ]] ||
    fail "the request of $2 is not for a key on P-256; remove the host from the list, run pulumi up, and add it again"
  (umask 077 && mkdir -p "$folder")
  mv "$new" "$folder/request.pem"
}

# sign FOLDER NAME NAME-OF-IT...: makes certificate.pem in a host's folder, unless the present one is valid.
sign() {
  local folder=$1 name=$2 by validity
  shift 2
  by=$(last)
  validity=$(setting validity)
  if is_current "$folder" "$by" "$validity" "$*"; then return; fi
  SANS=$(IFS=, && echo "$*") issue "$AUTHORITY/$by" "$folder/request.pem" "$folder/certificate.new" "$name" host "$validity"
  sync "$folder/certificate.new"
  if [ -s "$folder/certificate.pem" ]; then mv "$folder/certificate.pem" "$folder/former-$(<"$folder/by").pem"; fi
  printf '%s\n' "$by" >"$folder/by"
  printf '%s\n' "$validity" >"$folder/validity"
  printf '%s\n' "$*" >"$folder/names"
  date +%s >"$folder/signed"
  mv "$folder/certificate.new" "$folder/certificate.pem" # at last: without it all of this is done again
  CHANGED+=("certificate of $name")
}

# is_current FOLDER BY VALIDITY NAMES: says whether there is a certificate for the same key, by this authority's present key, of this
# validity and these names, and not yet due.
is_current() {
  local have=$1/certificate.pem
  [ -s "$have" ] && [ "$(cat "$1/by" "$1/validity" "$1/names" 2>/dev/null)" = "$2"$'\n'"$3"$'\n'"$4" ] &&
    [ "$(openssl x509 -in "$have" -noout -pubkey)" = "$(openssl req -in "$1/request.pem" -noout -pubkey)" ] &&
    signed_by "$have" "$2" && openssl x509 -in "$have" -noout -checkend "$(setting renew)" >/dev/null
}

# signed_by FILE NAME: says whether an authority, as it is now, signed a certificate.
signed_by() { verify "$AUTHORITY/$2/certificate.pem" -partial_chain -no_check_time "$1" >/dev/null 2>&1; }

# withdraw_host NAME: removes a host's request and certificate, which is not renewed any more.
withdraw_host() {
  [ -e "$AUTHORITY/hosts/$1" ] || return 0
  rm -rf "${AUTHORITY:?}/hosts/$1"
  CHANGED+=("certificate of $1 withdrawn")
}

# own_certificate NAME NAME-OF-IT...: the monitor is a host like the others. Prometheus comes first: it must trust a new authority
# before the exporter shows its certificate, and stop using a former one before the exporter stops trusting it.
# shellcheck disable=SC2153 # CERTIFICATES is one of Go's constants
own_certificate() {
  local name=$1 folder=$AUTHORITY/own
  shift
  keep_request "$folder" "$name" "$(openssl req -in "$CERTIFICATES/request.pem" -outform DER | base64 --wrap 0)"
  sign "$folder" "$name" "$@"
  pair
  trust <"$AUTHORITY/bundle.pem"
  certify "$name" "$(<"$folder/signed")" "$(setting renew)" <"$folder/certificate.pem"
}

# scraper makes Prometheus's certificate, and its metrics.
scraper() {
  pair
  monitor_metrics
}

# pair makes Prometheus's key and certificate. The key is made here, only for Prometheus.
pair() {
  local by key
  by=$(first)
  dir "$PAIR" 700 "$PROMETHEUS"
  if [ ! -s "$PAIR/key.pem" ]; then
    key=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256)
    put "$PAIR/key.pem" "400:$PROMETHEUS" <<<"$key"
  fi
  put "$PAIR/authorities.pem" "400:$PROMETHEUS" <"$AUTHORITY/bundle.pem"
  if ! signed_by "$PAIR/certificate.pem" "$by" ||
    [ "$(openssl x509 -in "$PAIR/certificate.pem" -noout -pubkey)" != "$(openssl pkey -in "$PAIR/key.pem" -pubout)" ] ||
    [ "$(cat "$AUTHORITY/scraper-validity" 2>/dev/null)" != "$(setting validity)" ] ||
    ! openssl x509 -in "$PAIR/certificate.pem" -noout -checkend "$(setting renew)" >/dev/null; then
    (umask 077 && openssl req -new -key "$PAIR/key.pem" -subj "/CN=$SCRAPER" -out "$RUN/scraper.pem")
    issue "$AUTHORITY/$by" "$RUN/scraper.pem" "$RUN/scraper.crt" "$SCRAPER" scraper "$(setting validity)"
    put "$PAIR/certificate.pem" "400:$PROMETHEUS" <"$RUN/scraper.crt"
    setting validity >"$AUTHORITY/scraper-validity"
    rm "$RUN/scraper.pem" "$RUN/scraper.crt"
  fi
}

# monitor_metrics are those of all certificates of the monitor itself.
monitor_metrics() {
  local name renew
  renew=$(setting renew)
  {
    certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$renew"
    certificate_metrics scraper "$PAIR/certificate.pem" "$renew"
    for name in $(setting authorities); do
      certificate_metrics authority "$AUTHORITY/$name/certificate.pem" "$renew" ",authority=\"$name\""
    done
  } | put_metrics
}
