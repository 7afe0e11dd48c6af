package scripts

import (
	"strings"
	"testing"
)

// fleet is a monitor with authority 1, and functions to be a host too: one machine plays all hosts, because their files differ.
const fleet = `
PATH=/mnt/bin:$PATH
mkdir -p /mnt/bin /var/lib/node_exporter/textfile /etc/ssl
printf '[req]\ndistinguished_name = dn\n[dn]\n' >/etc/ssl/openssl.cnf
printf '#!/bin/sh\nexit 0\n' >/mnt/bin/systemctl
printf '#!/bin/sh\necho "$@" >>/mnt/started\n' >/mnt/bin/systemd-run
chmod 755 /mnt/bin/*
identity host
authority 86400 3600 1
other_host() { # NAME: makes a request of another host
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "/mnt/$1.key"
  openssl req -new -key "/mnt/$1.key" -subj /CN=x -outform DER | base64 --wrap 0
}
join() { certify_host host 10.98.0.2:19099 "$REQUEST" DNS:host IP:10.98.0.2; }
take() { # what the host does with enrol's receipt
  trust < <(base64 --decode <<<"$AUTHORITIES")
  certify host "$SIGNED" 3600 < <(base64 --decode <<<"$CERTIFICATE")
}
own() { cat /etc/promwire/authority/hosts/host/certificate.pem; }
serial() { openssl x509 -in "$1" -noout -serial; }
`

// certificates are cases as in TestScripts, in a fleet.
func TestCertificates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
		fails      bool
	}{
		{"a host gets its certificate", `join; take; openssl verify -CAfile /etc/promwire/authority/bundle.pem -purpose sslserver ` +
			`-verify_hostname host -verify_ip 10.98.0.2 /etc/promwire/tls/certificate.pem`, "certificate.pem: OK\n", false},
		{"and can't be a client with it", `join; take; openssl verify -CAfile /etc/promwire/authority/bundle.pem -purpose sslclient ` +
			`/etc/promwire/tls/certificate.pem || true`, "unsuitable certificate purpose", false},
		{"only root and its exporters read its key", `join; take; stat -c '%a %U %G' /etc/promwire/tls/{key,certificate,authorities}.pem`,
			"440 root promwire\n440 root promwire\n440 root promwire\n", false},
		{"the authority's key is root's", `stat -c '%a %U' /etc/promwire/authority /etc/promwire/authority/1/key.pem`, "700 root\n600 root\n", false},
		{"the scraper's certificate is only for clients", `take() { trust <"$AUTHORITY/bundle.pem"; }; take; own_certificate host DNS:host; scraper; ` +
			`for p in sslclient sslserver; do openssl verify -CAfile $PAIR/authorities.pem -purpose $p $PAIR/certificate.pem || true; done; ` +
			`openssl x509 -in $PAIR/certificate.pem -noout -ext subjectAltName`, "DNS:scraper.promwire.internal", false},
		{"it begins a day ago", `join; openssl x509 -in <(own) -noout -checkend 86000 && ! openssl x509 -in <(own) -noout -checkend 86500; ` +
			`[ $(date -d "$(openssl x509 -in <(own) -noout -startdate | cut -d= -f2)" +%s) -lt $(date -d "23 hours ago" +%s) ] && echo backdated`, "backdated\n", false},
		{"on P-256, signed with SHA-256", `join; openssl x509 -in <(own) -noout -text`, "ecdsa-with-SHA256", false},
		{"a second run changes nothing", `join; take; CHANGED=(); authority 86400 3600 1; join; take; echo "changed: ${CHANGED[*]}"`, "changed: \n", false},
		{"not due, not signed again", `join; a=$(serial <(own)); join; [ "$(serial <(own))" = "$a" ] && echo same`, "same\n", false},
		{"due, signed again", `join; a=$(serial <(own)); authority 86400 86399 1; sleep 1.1; join; [ "$(serial <(own))" = "$a" ] || echo another`, "another\n", false},
		{"another name, signed again", `join; a=$(serial <(own)); certify_host host 10.98.0.3:19099 "$REQUEST" DNS:host IP:10.98.0.3; [ "$(serial <(own))" = "$a" ] || echo another`, "another\n", false},
		{"another validity, signed again", `join; a=$(serial <(own)); authority 90000 3600 1; join; [ "$(serial <(own))" = "$a" ] || echo another`, "another\n", false},
		{"another key, signed again", `join; a=$(serial <(own)); REQUEST=$(other_host b); join; [ "$(serial <(own))" = "$a" ] || echo another`, "another\n", false},
		{"names in a request are ignored", `r=$(openssl req -new -key /etc/promwire/tls/key.pem -subj /CN=scraper.promwire.internal -addext ` +
			`subjectAltName=DNS:scraper.promwire.internal -outform DER | base64 -w0); REQUEST=$r; join; openssl x509 -in <(own) -noout -subject -ext subjectAltName`,
			"subject=CN = host\nX509v3 Subject Alternative Name: \n    DNS:host, IP Address:10.98.0.2\n", false},

		{"a request of RSA", `r=$(openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=a -outform DER 2>/dev/null | base64 -w0); REQUEST=$r; join`,
			"the request of host is not for a key on P-256", true},
		{"a request of P-384", `r=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout /dev/null -subj /CN=a -outform DER 2>/dev/null | base64 -w0); REQUEST=$r; join`,
			"the request of host is not for a key on P-256", true},
		{"a request that its key did not sign", `r=$(base64 -d <<<"$REQUEST" | sed '$ s/.$/x/' | base64 -w0); REQUEST=$r; join`, "no certificate request that is signed by its own key", true},
		{"no request", `REQUEST=; join`, "host sent no certificate request", true},
		{"no authority", `rm -r /etc/promwire/authority; join`, "this monitor has no authority yet", true},

		{"a certificate for another key", `REQUEST=$(other_host b); join; take`, "it is for another key than /etc/promwire/tls/key.pem", true},
		{"a certificate by another authority", `join; a=$CERTIFICATE; rm -r /etc/promwire/authority; authority 86400 3600 1; join; CERTIFICATE=$a; take`,
			"no authority that it trusts signed it", true},
		{"a certificate of another name", `certify_host host 10.98.0.2:19099 "$REQUEST" DNS:node-9; take`, "it is not for host", true},
		{"an expired certificate", `authority 2 1 1; join; until ! openssl x509 -in <(own) -noout -checkend 0 >/dev/null; do sleep 0.2; done; take`,
			"set the clock, with timedatectl set-ntp true", true},
		{"a clock that is behind", `join; SIGNED=$((SIGNED + 7200)); take`, "s behind the monitor's; set it, with timedatectl", true},
		{"a clock that is hours behind the certificate", `join; printf '#!/bin/sh\nexec /bin/date --date="3 hours ago" "$@"\n' >/mnt/bin/date; chmod 755 /mnt/bin/date; hash -r; take`,
			" s behind the monitor's", true},
		{"no list of authorities", `trust <<<nothing`, "refuses its new text", true},
		{"a host's certificate is not an authority", `join; trust < <(own)`, "refuses its new text", true},

		{"a renewed certificate is kept", `join; take; a=$CERTIFICATE; rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; take; s=$(serial $CERTIFICATES/certificate.pem); ` +
			`CERTIFICATE=$a; take; [ "$(serial $CERTIFICATES/certificate.pem)" = "$s" ] && echo kept`, "kept\n", false},
		{"shorter, by the settings", `join; take; sleep 1.1; authority 3600 60 1; join; take; openssl x509 -in $CERTIFICATES/certificate.pem -noout -checkend 7200 || echo shorter`, "shorter\n", false},
		{"but not one of other names", `join; take; s=$(serial $CERTIFICATES/certificate.pem); authority 3600 60 1; certify_host host 10.98.0.3:1 "$REQUEST" DNS:host IP:10.98.0.3; take; ` +
			`[ "$(serial $CERTIFICATES/certificate.pem)" = "$s" ] || echo replaced`, "replaced\n", false},
		{"a lost monitor's certificates are replaced", `join; take; rm -r "$AUTHORITY"; authority 3600 60 1; join; take; openssl verify -CAfile $CERTIFICATES/authorities.pem $CERTIFICATES/certificate.pem`,
			"certificate.pem: OK\n", false},

		{"another authority, one step at a time", `serves() { serial <(own); }; join; take; authority 86400 3600 1 2; join; take; own_certificate host DNS:host; scraper; authority 86400 3600 2; join; take; scraper; ` +
			`cat "$AUTHORITY/hosts/host/by"; signed_by $PAIR/certificate.pem 2 && ls "$AUTHORITY"`, "2\n2\nbundle.pem", false},
		{"in between all trust all", `join; take; own_certificate host DNS:host; scraper; cp $PAIR/certificate.pem /mnt/client; cp $CERTIFICATES/authorities.pem /mnt/before; authority 86400 3600 1 2; scraper; ` +
			`openssl verify -CAfile /mnt/before $PAIR/certificate.pem; join; openssl verify -CAfile $PAIR/authorities.pem <(own)`, ": OK\n", false},
		{"another authority at once", `join; take; authority 86400 3600 2`, "authority 1 signed what these hosts still have: host; list both in tls.authorities", true},
		{"a new authority first", `join; take; authority 86400 3600 2 1`, "authority 2 is new and comes first", true},
		{"another authority, and nobody has certificates", `authority 86400 3600 2; ls "$AUTHORITY"`, "2\nbundle.pem", false},
		{"a removed host needs no authority", `join; withdraw_host host; authority 86400 3600 2; ls "$AUTHORITY"`, "2\nbundle.pem", false},
		{"a host withdrawn twice", `join; withdraw_host host; withdraw_host host; ls "$AUTHORITY/hosts"; echo none`, "none\n", false},

		{"the receipt", `join; receipt "" 3>&1 | sed 's/"certificate":"[^"]*"/C/; s/"authorities":"[^"]*"/A/; s/"signed":[0-9]*/S/'`, `"firewall":"",C,A,S}`, false},
		{"the receipt of an enrolment without", `receipt "" 3>&1`, `"firewall":""}`, false},
		{"metrics", `join; take; cat "$METRICS"`, `promwire_certificate_renew_after_timestamp_seconds{holder="exporter"} `, false},
		{"undo", `join; take; own_certificate host DNS:host; scraper; (web yes admin) 2>/dev/null || true; undo_all; find /etc /var/lib -name '*.pem' -o -name '*.prom' -o -name 'web*'; ls "$STATE" 2>&1 || true`,
			"ls: cannot access '/var/lib/promwire': No such file or directory", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := check(t, WithConstants(Undo)+fleet+c.text, c.said, c.fails)
			if strings.Contains(said, "PRIVATE") {
				t.Error("its output has a key")
			}
		})
	}
}

// TestReceive sends certificates to a host, as anybody may.
func TestReceive(t *testing.T) {
	t.Parallel()
	const library = `mkdir -p /usr/local/lib/promwire && mount -t tmpfs none /usr/local/lib/promwire && cat >/usr/local/lib/promwire/lib.sh <<'LIBRARY'
`
	receive := func() string {
		return "receive() { bash -s 3>&- <<'RECEIVE'\n" + strings.Replace(Receive, "\nmain\n", "\nmain <\"$BROUGHT\"\n", 1) + "RECEIVE\n}\n"
	}
	for _, c := range []struct{ name, text, said string }{
		{"renewed", `rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; own >/mnt/brought`, "installed\n"},
		{"the same again", `own >/mnt/brought`, "refused: it is not newer than the present one"},
		{"with more after it", `rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; { own; head -c 100000 /dev/zero | tr '\0' x; } >/mnt/brought`, "installed\n"},
		{"garbage", `head -c 100000 /dev/zero | tr '\0' x >/mnt/brought`, "refused: "},
		{"nothing", `: >/mnt/brought`, "refused: "},
		{"another host's", `REQUEST=$(other_host b); join; own >/mnt/brought`, "refused: it is for another key"},
		{"another authority's", `rm -r "$AUTHORITY"; authority 999999 60 1; join; own >/mnt/brought`, "refused: no authority that it trusts signed it"},
		{"an older one", `own >/mnt/brought; rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; take; before=$(serial $CERTIFICATES/certificate.pem)`, "refused: it is not newer"},
		{"a shorter one", `sleep 1.1; authority 7200 60 1; join; own >/mnt/brought`, "installed\n"},
		{"without a newline at the end", `rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; own | head -c -1 >/mnt/brought`, "installed\n"},
		{"an authority's own", `cp "$AUTHORITY/1/certificate.pem" /mnt/brought`, "refused: it is for another key"},
		{"a key", `cp "$AUTHORITY/1/key.pem" /mnt/brought`, "refused: "},
		{"of another name", `certify_host host 10.98.0.2:1 "$REQUEST" DNS:node-9; own >/mnt/brought`, "refused: it is not for host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, _ := run(t, library+Functions().text+"LIBRARY\n"+fleet+"join; take; echo host >$STATE/host; before=$(serial $CERTIFICATES/certificate.pem)\n"+
				c.text+"\n"+receive()+`exec 9>&-; export BROUGHT=/mnt/brought; receive 2>/dev/null || true; `+
				`[ "$(serial $CERTIFICATES/certificate.pem)" = "$before" ] && echo "it stays" || echo "it is another"; ls "$CERTIFICATES"`)
			if !strings.Contains(said, c.said) {
				t.Errorf("said:\n%s\nwant %q", said, c.said)
			}
			if installed := strings.HasPrefix(c.said, "installed"); strings.Contains(said, "it is another") != installed {
				t.Errorf("installed: not %v:\n%s", installed, said)
			}
		})
	}
}

// TestTurn: Prometheus scrapes as before until the target answers elsewhere.
func TestTurn(t *testing.T) {
	t.Parallel()
	const files = `
curl() { [ -e /mnt/up ]; }
plain='[{"targets": ["10.98.0.2:9100"], "labels": {"name": "a"}}]'
tls=$(printf '[{\n"targets": [\n"10.98.0.2:19100"\n],\n"labels": {\n"__scheme__": "https",\n"name": "a"\n}}]')
plain=$(printf '[{\n"targets": [\n"10.98.0.2:9100"\n],\n"labels": {\n"name": "a"\n}}]')
file=/etc/prometheus/targets.d/a.json
show() { tr -d '\n' <$file; echo; }
`
	for _, c := range []struct{ name, text, said string }{
		{"the first is installed at once", `scrape a http://x/ <<<"$plain"; show`, `"10.98.0.2:9100"`},
		{"a label is installed at once", `scrape a http://x/ <<<"$plain"; scrape a http://x/ <<<"${plain/\"a\"/\"b\"}"; show`, `"name": "b"`},
		{"another address waits", `scrape a http://x/ <<<"$plain"; scrape a https://x/ <<<"$tls"; switched a || show; cat /mnt/started`, `"10.98.0.2:9100"`},
		{"a unit waits for it", `scrape a http://x/ <<<"$plain"; scrape a https://x/ <<<"$tls"; cat /mnt/started`, "--unit promwire-turn-a"},
		{"until it answers", `scrape a http://x/ <<<"$plain"; scrape a https://x/ <<<"$tls"; : >/mnt/up; switched a; show; ls $TURNING`, `"__scheme__": "https"`},
		{"and back before that", `scrape a http://x/ <<<"$plain"; scrape a https://x/ <<<"$tls"; scrape a http://x/ <<<"$plain"; : >/mnt/up; switched a; show; ls $TURNING`, `"10.98.0.2:9100"`},
		{"a removed host is not scraped again", `scrape a http://x/ <<<"$plain"; scrape a https://x/ <<<"$tls"; remove_peer a; : >/mnt/up; switched a; ls $TURNING /etc/prometheus/targets.d; echo gone`, "gone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, ok := run(t, fleet+files+c.text)
			if !ok || !strings.Contains(said, c.said) {
				t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, c.said)
			}
		})
	}
}
