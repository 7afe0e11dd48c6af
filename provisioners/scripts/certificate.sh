# shellcheck shell=bash
# A host's certificate, and the authorities that it trusts. Its key was made here and stays here.

readonly METRICS=$TEXTFILES/promwire_certificate.prom

# trust: standard input is the certificates of the authorities that this host trusts from now on.
trust() { put "$CERTIFICATES/authorities.pem" "$CERTIFICATE_MODE" authorities; }

# authorities FILE: refuses a file that is not a list of authorities' certificates.
authorities() {
  local subjects count
  count=$(grep -c '^-----BEGIN CERTIFICATE-----$' "$1") || return 1
  subjects=$(openssl crl2pkcs7 -nocrl -certfile "$1" | openssl pkcs7 -print_certs -text -noout) || return 1
  [ "$(grep -c 'CA:TRUE' <<<"$subjects")" = "$count" ] || {
    echo "not all of its $count certificates are those of authorities"
    return 1
  }
}

# certify NAME SIGNED RENEW: standard input is this host's certificate, sent when the monitor's clock was at SIGNED. An installed one
# that is valid and newer is kept: the monitor renewed it meanwhile.
certify() {
  local name=$1 signed=$2 renew=$3 file=$RUN/certificate.pem behind reason
  cat >"$file"
  behind=$((signed - $(date +%s)))
  [ "$behind" -le 300 ] ||
    fail "its clock says $(date --utc), which is $behind s behind the monitor's; set it, with timedatectl set-ntp true"
  reason=$(certificate_error "$name" "$file") || fail "the certificate from the monitor is not valid here: $reason"
  set_owner "$CERTIFICATES/key.pem" "$CERTIFICATE_MODE"
  put "$STATE/renew-seconds" 600 <<<"$renew"
  if ! renewed "$name" "$file"; then put "$CERTIFICATES/certificate.pem" "$CERTIFICATE_MODE" <"$file"; fi
  rm "$file"
  certificate_metrics exporter "$CERTIFICATES/certificate.pem" "$renew" | put_metrics
}

# certificate_error NAME FILE: fails with the reason if a certificate is not valid for this host: for its key, of its name, by an
# authority that it trusts, valid now by its clock.
certificate_error() {
  local name=$1 file=$2 dates said
  if [ "$(openssl x509 -in "$file" -noout -pubkey 2>&1)" != "$(openssl pkey -in "$CERTIFICATES/key.pem" -pubout)" ]; then
    echo "it is for another key than $CERTIFICATES/key.pem; remove the host from the list, run pulumi up, and add it again"
    return 1
  fi
  dates=$(openssl x509 -in "$file" -noout -dates | tr '\n' ' ')
  said=$(verify "$CERTIFICATES/authorities.pem" -purpose sslserver -verify_hostname "$name" "$file" 2>&1) && return
  case $said in
    *"not yet valid"* | *"has expired"*)
      echo "by its clock, $(date --utc), it is not valid ($dates); set the clock, with timedatectl set-ntp true" ;;
    *"ostname mismatch"*) echo "it is not for $name" ;;
    *) echo "no authority that it trusts signed it (openssl: $(tail -n 1 <<<"$said"))" ;;
  esac
  return 1
}

# verify AUTHORITIES OPTION... FILE: openssl verify, without the system's authorities.
verify() { openssl verify -no-CApath -no-CAstore -CAfile "$@"; }

# renewed NAME FILE: says whether the installed certificate is valid, has the same names as FILE, and was signed after it.
renewed() {
  local have=$CERTIFICATES/certificate.pem
  [ -s "$have" ] && certificate_error "$1" "$have" >/dev/null && [ "$(names "$have")" = "$(names "$2")" ] &&
    [ "$(issuer "$have")" = "$(issuer "$2")" ] && newer "$have" "$2"
}

# newer FILE OTHER: says whether a certificate was signed after another one. Which of them expires later depends on the settings.
newer() { [ "$(date_of start "$1")" -gt "$(date_of start "$2")" ]; }

names() { openssl x509 -in "$1" -noout -ext subjectAltName | tail -n +2; }

# issuer FILE: which authority's key signed it; two authorities may have one name.
issuer() { openssl x509 -in "$1" -noout -issuer -ext authorityKeyIdentifier; }

# date_of start|end FILE: when a certificate begins or ends, in seconds since 1970.
date_of() { date --date "$(openssl x509 -in "$2" -noout "-$1date" | cut -d = -f 2)" +%s; }

# set_owner FILE MODE:USER:GROUP: changes a file's owner and mode, not its text.
set_owner() {
  local mode user group
  IFS=: read -r mode user group <<<"$2"
  [ "$(stat -c '%a %U %G' "$1")" != "$mode $user $group" ] || return 0
  chown "$user:$group" "$1"
  chmod "$mode" "$1"
  CHANGED+=("$1")
}

# certificate_metrics HOLDER FILE RENEW [LABELS]: when a certificate ends, and when it is due for renewal.
certificate_metrics() {
  local end labels="holder=\"$1\"${4:-}"
  end=$(date_of end "$2")
  printf 'promwire_certificate_not_after_timestamp_seconds{%s} %s\n' "$labels" "$end"
  printf 'promwire_certificate_renew_after_timestamp_seconds{%s} %s\n' "$labels" $((end - $3))
}

# put_metrics: standard input are this host's metrics of certificates.
put_metrics() {
  record file "$METRICS"
  {
    echo '# HELP promwire_certificate_not_after_timestamp_seconds When a certificate expires.'
    echo '# TYPE promwire_certificate_not_after_timestamp_seconds gauge'
    echo '# HELP promwire_certificate_renew_after_timestamp_seconds When a certificate is due to be renewed.'
    echo '# TYPE promwire_certificate_renew_after_timestamp_seconds gauge'
    sort
  } >"$METRICS.new"
  chmod 644 "$METRICS.new"
  mv "$METRICS.new" "$METRICS"
}

# own_address ADDRESS: refuses an address to listen on that no interface has.
own_address() {
  ip -oneline address show | awk '{ sub("/.*", "", $4); print $4 }' | grep -qxF "$1" ||
    fail "no interface has the address $1; set listen in the stack file to the address that its exporters listen on"
}
