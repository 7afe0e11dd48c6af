package scripts

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// guarded is a monitor with certificates, and a promtool that accepts any web configuration except an empty one.
const guarded = fleet + `
printf '#!/bin/sh\ntest -s "$3"\n' >/mnt/bin/promtool
chmod 755 /mnt/bin/promtool
join; take
web yes admin
`

// TestWeb makes Prometheus's own endpoint, in some of the ways in which a fleet's settings change.
func TestWeb(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
	}{
		{"who reads what", `cd /etc/prometheus; stat -c '%a %U:%G %n' web.yml web.password web.password.bcrypt promtool.yml curl.conf tls/web.*`,
			"640 root:prometheus web.yml\n600 root:root web.password\n600 root:root web.password.bcrypt\n600 root:root promtool.yml\n" +
				"600 root:root curl.conf\n400 prometheus:prometheus tls/web.key\n400 prometheus:prometheus tls/web.password\n" +
				"400 prometheus:prometheus tls/web.pem\n"},
		{"a second run changes nothing", `CHANGED=(); web yes admin; echo "changed: ${CHANGED[*]}"`, "changed: \n"},
		{"a password is kept", `a=$(<"$WEB_PASSWORD"); web yes admin; [ "$(<"$WEB_PASSWORD")" = "$a" ] && echo "${#a}"`, "32\n"},
		{"another password is another hash, for everybody", `printf 'a "b\\c\n' >"$WEB_PASSWORD"; a=$(<"$WEB_PASSWORD.bcrypt"); CHANGED=(); web yes admin
[ "$(<"$WEB_PASSWORD.bcrypt")" = "$a" ] || echo "${CHANGED[*]}" | tr ' ' '\n' | sort | xargs; grep user /etc/prometheus/curl.conf`,
			"/etc/prometheus/curl.conf /etc/prometheus/tls/web.password /etc/prometheus/web.password.bcrypt " +
				"/etc/prometheus/web.password.sum /etc/prometheus/web.yml\n" + `user = "admin:a \"b\\c"` + "\n"},
		{"a hash that was not finished is made again", `rm "$WEB_PASSWORD.sum"; CHANGED=(); web yes admin; wc -l <"$WEB_PASSWORD.sum"`, "1\n"},
		{"a renewed certificate is copied", `authority 90000 3600 1; join; take; CHANGED=(); web_certificate; echo "${CHANGED[*]}"
cmp $CERTIFICATES/certificate.pem $WEB/web.pem && echo same`, "/etc/prometheus/tls/web.pem\nsame\n"},
		{"a password without certificates", `web no admin; ls $WEB; grep -c tls /etc/prometheus/{web,promtool}.yml || true; grep -c cacert /etc/prometheus/curl.conf || true`,
			"web.password\n/etc/prometheus/web.yml:0\n/etc/prometheus/promtool.yml:0\n0\n"},
		{"certificates without a password", `web yes ""; ls $WEB | xargs; cat /etc/prometheus/{web,promtool}.yml /etc/prometheus/curl.conf`,
			"web.key web.pem\ntls_server_config:\n  cert_file: /etc/prometheus/tls/web.pem\n  key_file: /etc/prometheus/tls/web.key\n" +
				"  min_version: TLS12\ntls_config:\n  ca_file: /etc/promwire/tls/authorities.pem\ncacert = \"/etc/promwire/tls/authorities.pem\"\n"},
		{"neither keeps the password", `web no ""; find /etc/prometheus -type f | sort | xargs`,
			"/etc/prometheus/web.password /etc/prometheus/web.password.bcrypt /etc/prometheus/web.password.sum\n"},
		{"a configuration that promtool refuses", `a=$(</etc/prometheus/web.yml); printf '#!/bin/sh\nexit 1\n' >/mnt/bin/promtool; (web yes other) || true
[ "$(</etc/prometheus/web.yml)" = "$a" ] && echo kept`, "promtool refuses its new text (see its reason above); the old one stays\nkept\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, ok := run(t, guarded+c.text)
			if !ok || !strings.Contains(said, c.said) {
				t.Errorf("it succeeded: %v, said:\n%s\nwant in it:\n%s", ok, said, c.said)
			}
		})
	}
}

// TestHash checks hashes of the host's crypt(3) with the library that Prometheus uses.
func TestHash(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"x", " with space around\n", "zweiundsiebzig Zeichen sind das Längste, was bcrypt liest; so viele"} {
		said, ok := run(t, "echo -n '"+password+"' | bcrypt; echo -n '"+password+"' | bcrypt")
		hashes := strings.Fields(said)
		if !ok || len(hashes) != 2 || hashes[0] == hashes[1] {
			t.Fatalf("%q: want two hashes, with a salt each: %s", password, said)
		}
		for _, hash := range hashes {
			if cost, err := bcrypt.Cost([]byte(hash)); err != nil || cost != 12 {
				t.Errorf("%s: cost %d, %v", hash, cost, err)
			}
			if err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(strings.TrimSpace(password))); err != nil {
				t.Errorf("%q: %v", password, err)
			}
			if bcrypt.CompareHashAndPassword([]byte(hash), []byte("y")) == nil {
				t.Errorf("%s is a hash of any password", hash)
			}
		}
	}
}
