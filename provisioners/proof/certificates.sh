# The gate's part for exporters with certificates. Its variables and the functions row, bracket and die are in gate.sh, which
# follows this text.
# shellcheck shell=bash disable=SC2154

# certificates tries what every exporter with a certificate must refuse, and what it must accept.
certificates() {
  local name job address port path folder count=0
  [ -n "$(secured)" ] || return 0
  folder=$(umask 077 && mktemp -d)
  # shellcheck disable=SC2064 # the present folder
  trap "rm -rf '$folder'" EXIT
  impostors "$folder"
  while read -r name job address port path; do
    show "$folder" "$name" "$address" "$port" "$path" >"$folder/rows-$name.$job" &
    count=$((count + 1))
    [ $((count % PARALLEL)) -ne 0 ] || wait
  done < <(awk '$5 == "https" { print $1, $2, $3, $4, $6 }' <<<"$fleet_targets")
  wait
  cat "$folder"/rows-*
  rm -rf "$folder"
}

# show FOLDER NAME ADDRESS PORT PATH: one row for each kind of client.
show() {
  local folder=$1 name=$2 address=$3 port=$4 what
  local trusting=(--cacert "$PROMETHEUS_TLS/authorities.pem") url
  url=$(bracket "$address"):$port$5
  attempt "plain http" refused "http://$url"
  attempt "no certificate" refused "https://$url" "${trusting[@]}"
  for what in "another authority's certificate" "another target's certificate" \
    "another client's certificate" "expired certificate"; do
    attempt "$what" refused "https://$url" "${trusting[@]}" --cert "$folder/$what.pem" --key "$folder/key.pem"
  done
  attempt "its own certificate" accepted "https://$url" "${trusting[@]}" --cert "$PROMETHEUS_TLS/certificate.pem" --key "$PROMETHEUS_TLS/key.pem"
}

# attempt WHAT EXPECTED URL OPTION...: only an exporter that was reached can refuse. curl's status says so, not its times: a connection
# that the exporter resets at once has none.
attempt() {
  local what=$1 expected=$2 url=$3 code status=0 seen=refused
  shift 3
  code=$(curl --http1.1 --silent --output /dev/null --noproxy '*' --connect-timeout 5 --max-time 10 --write-out '%{http_code}' "$@" "$url") ||
    status=$?
  case $status in
    0) [ "$code" != 200 ] || seen=accepted ;;
    35 | 52 | 55 | 56) ;; # an alert, no answer, a reset
    *) seen=silent ;;     # nobody was reached, or curl could not do its part
  esac
  row "$fleet_monitor, $what" "$name" "$address" "$port" "$expected" "$seen"
}

# impostors FOLDER: certificates that no exporter may accept, for a key that is removed with the folder.
impostors() {
  local folder=$1 by
  by=$AUTHORITY/$(sed -n 's/^authorities //p' "$AUTHORITY/settings" | awk '{ print $NF }')
  {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$folder/key.pem" &&
      openssl req -new -key "$folder/key.pem" -subj /CN=impostor -out "$folder/request.pem" &&
      openssl req -x509 -key "$folder/key.pem" -subj "/CN=another authority" -days 1 -out "$folder/authority.pem"
  } 2>"$folder/said" || die "probes: openssl makes no key: $(tail -n 2 "$folder/said")"
  counterfeit "another authority's certificate" "$folder/authority.pem" "$folder/key.pem" clientAuth "$SCRAPER" "1 hour ago" "1 hour"
  counterfeit "another target's certificate" "$by/certificate.pem" "$by/key.pem" serverAuth impostor "1 hour ago" "1 hour"
  counterfeit "another client's certificate" "$by/certificate.pem" "$by/key.pem" clientAuth impostor "1 hour ago" "1 hour"
  counterfeit "expired certificate" "$by/certificate.pem" "$by/key.pem" clientAuth "$SCRAPER" "2 days ago" "1 day ago"
}

# counterfeit WHAT AUTHORITY KEY USAGE NAME FROM TO: signs one without the authority's own records.
counterfeit() {
  local dates=(-startdate "$(date --utc --date "$6" +%Y%m%d%H%M%SZ)" -enddate "$(date --utc --date "$7" +%Y%m%d%H%M%SZ)")
  : >"$folder/index"
  cat >"$folder/config" <<END
[ca]
default_ca = it
[it]
database = $folder/index
new_certs_dir = $folder
default_md = sha256
unique_subject = no
rand_serial = yes
policy = any
[any]
commonName = supplied
[impostor]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $4
subjectAltName = DNS:$5
END
  openssl ca -batch -notext -config "$folder/config" -extensions impostor -cert "$2" -keyfile "$3" \
    -in "$folder/request.pem" -out "$folder/$1.pem" "${dates[@]}" 2>"$folder/said" ||
    die "probes: openssl signs no $1: $(tail -n 2 "$folder/said")"
}
