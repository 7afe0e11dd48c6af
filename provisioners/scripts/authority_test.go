package scripts

import (
	"strings"
	"testing"
)

// TestAuthoritiesInUse: the certificate that a host shows, not the last one signed for it, decides whether an authority may be removed.
func TestAuthoritiesInUse(t *testing.T) {
	t.Parallel()
	// served is what exporters show when renew.sh or authority ask them.
	const served = `serves() { openssl x509 -in "/mnt/served-$1" -noout -serial 2>/dev/null || true; }
showing() { own >/mnt/served-10.98.0.2:19100; }
`
	for _, c := range []struct {
		name, text string
		said       string
		fails      bool
	}{
		{"a host without its new one", `join; take; showing; authority 86400 3600 1 2; join; authority 86400 3600 2`,
			"authority 1 signed what these hosts still have: host; list both", true},
		{"a host with its new one", `join; take; showing; authority 86400 3600 1 2; join; showing; authority 86400 3600 2; ls "$AUTHORITY"`, "2\nbundle.pem", false},
		{"a host that does not answer", `join; take; authority 86400 3600 1 2; join; authority 86400 3600 2`, "authority 1 signed what these hosts still have: host", true},
		{"its former one has expired", `authority 2 1 1; join; authority 86400 3600 1 2; join; until ! openssl x509 -in "$AUTHORITY/hosts/host/former-1.pem" -noout -checkend 0 >/dev/null; do sleep 0.2; done; ` +
			`authority 86400 3600 2; ls "$AUTHORITY"`, "2\nbundle.pem", false},
		{"the error names the authority that is in use", `join; take; showing; authority 86400 3600 1 2; certify_host z 10.98.0.9:19099 "$REQUEST" DNS:z; authority 86400 3600 2`,
			"authority 1 signed what these hosts still have: host; list both in tls.authorities (1 first", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, fleet+served+c.text, c.said, c.fails)
		})
	}
}

// TestPrometheusFirst: the monitor's exporter never requires, or shows, a certificate that Prometheus does not have or trust yet.
func TestPrometheusFirst(t *testing.T) {
	t.Parallel()
	const text = `trust <"$AUTHORITY/bundle.pem"; own_certificate host DNS:host
trust() { signed_by $PAIR/certificate.pem "$(first)" && cmp "$AUTHORITY/bundle.pem" $PAIR/authorities.pem && echo first; cat >/dev/null; }
certify() { cat >/dev/null; }
for names in "1 2" 2; do authority 86400 3600 $names; own_certificate host DNS:host; done`
	if said, ok := run(t, fleet+text); !ok || said != "first\nfirst\n" {
		t.Errorf("succeeded: %v, said:\n%s", ok, said)
	}
}

// TestHalfDone: the next run repairs what was interrupted or lost.
func TestHalfDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, said string }{
		{"names were written, the certificate was not", `join; (mv() { [[ $1 != *certificate.new ]] || exit 1; command mv "$@"; }; certify_host host 10.98.0.3:1 "$REQUEST" DNS:host IP:10.98.0.3) || true
certify_host host 10.98.0.3:1 "$REQUEST" DNS:host IP:10.98.0.3; names <(own)`, "10.98.0.3"},
		{"an authority was removed in part", `authority 86400 3600 1 2; rm "$AUTHORITY/2/certificate.pem"; authority 86400 3600 1 2; grep -c BEGIN "$AUTHORITY/bundle.pem"`, "2\n"},
		{"the scraper's key was lost", `join; take; own_certificate host DNS:host; scraper; rm $PAIR/key.pem; scraper
[ "$(openssl x509 -in $PAIR/certificate.pem -noout -pubkey)" = "$(openssl pkey -in $PAIR/key.pem -pubout)" ] && echo pair`, "pair\n"},
		{"the host's key was lost, its request not", `cp /etc/promwire/tls/request.pem /mnt; rm /etc/promwire/tls/key.pem; identity host; cp /mnt/request.pem /etc/promwire/tls; identity host
join; take; echo taken`, "taken\n"},
		{"a withdrawn host is not renewed", `put "$PARTS/peer-host.conf" 600 <<<"PublicKey = k"; join; remove_conflicts other k 10.98.0.2/32; ls "$AUTHORITY/hosts"; echo none`, "removed\nnone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if said, ok := run(t, fleet+c.text); !ok || !strings.Contains(said, c.said) {
				t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, c.said)
			}
		})
	}
}

// TestSystemAuthorities: the system's authorities are not the fleet's.
func TestSystemAuthorities(t *testing.T) {
	t.Parallel()
	const text = `join; trust < <(base64 --decode <<<"$AUTHORITIES"); mkdir -p /etc/ssl/certs; rm -r "$AUTHORITY"; authority 86400 3600 9
cp "$AUTHORITY/9/certificate.pem" "/etc/ssl/certs/$(openssl x509 -in "$AUTHORITY/9/certificate.pem" -noout -subject_hash).0"
join; certificate_error host <(own) || true`
	said, ok := run(t, fleet+strings.Replace(text, "certificate_error host <(own)", "own >/mnt/own; certificate_error host /mnt/own", 1))
	if !ok || !strings.Contains(said, "no authority that it trusts signed it") {
		t.Errorf("succeeded: %v, said:\n%s", ok, said)
	}
}

// TestRetire: the former exporter ends later, unless the settings go back meanwhile.
func TestRetire(t *testing.T) {
	t.Parallel()
	const units = `printf '#!/bin/sh\necho "$@" >>/mnt/systemctl\n' >/mnt/bin/systemctl; mkdir -p /etc/systemd/system
put /etc/systemd/system/a.service 644 <<<'[Unit]'
`
	for _, c := range []struct{ name, text, said string }{
		{"later", `stop_later a.service; cat /mnt/started`, "--on-active 120s"},
		{"a unit that does not exist", `stop_later b.service; ls /mnt/started 2>&1 || true`, "cannot access"},
		{"wanted again", `stop_later a.service; : >/mnt/systemctl; service a.service; grep -n 'promwire-retire\|restart\|is-active' /mnt/systemctl | head -n 1`, "1:stop promwire-retire.timer"},
		{"another unit is started", `stop_later a.service; : >/mnt/systemctl; service b.service; grep -c promwire-retire /mnt/systemctl || true`, "0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if said, ok := run(t, fleet+units+c.text); !ok || !strings.Contains(said, c.said) {
				t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, c.said)
			}
		})
	}
}
