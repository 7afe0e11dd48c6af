package scripts

import (
	"strings"
	"testing"
)

// installed puts Library where hosts have it.
const installed = "mkdir -p /usr/local/lib/promwire && mount -t tmpfs none /usr/local/lib/promwire && cat >/usr/local/lib/promwire/lib.sh <<'LIBRARY'\n"

// another is a monitor whose one target, b, serves its certificate with a real TLS server, and takes another one from TCP as $ANSWER says.
const another = fleet + `
ip link set lo up; ip address add 10.98.0.2/32 dev lo
trust <"$AUTHORITY/bundle.pem"; own_certificate host DNS:host; scraper
REQUEST_B=$(other_host b)
certify_host b 10.98.0.2:19099 "$REQUEST_B" DNS:b IP:10.98.0.2
echo host >$STATE/host
cp "$AUTHORITY/hosts/b/certificate.pem" /mnt/b.pem
b() { serial "$AUTHORITY/hosts/b/certificate.pem"; }
before=$(b)
due() { sed -i 's/^renew .*/renew 90000/' "$AUTHORITY/settings"; }
timeout 50 openssl s_server -accept 10.98.0.2:19100 -cert /mnt/b.pem -key /mnt/b.key -CAfile "$AUTHORITY/bundle.pem" -Verify 1 -tls1_3 -www \
  </dev/null >/dev/null 2>&1 9>&- 3>&- &
receiver() { # ANSWER: takes one certificate
  timeout 50 perl -MIO::Socket::INET -e '
    my $s = IO::Socket::INET->new(LocalAddr => "10.98.0.2:19099", Listen => 1, ReuseAddr => 1) or die;
    open(my $ready, ">", "/mnt/ready"); close $ready;
    my $c = $s->accept; open(my $f, ">", "/mnt/received");
    while (<$c>) { print $f $_; last if /END/ } close $f; print $c "$ARGV[0]\n"' "$1" </dev/null >/dev/null 2>&1 9>&- 3>&- &
  until [ -e /mnt/ready ]; do sleep 0.1; done
}
until [ -n "$(serves 10.98.0.2:19100 5)" ]; do sleep 0.1; done
exec 9>&-
`

// staged is a turn to b's port with certificates that waits for an answer.
const staged = `receiver installed; mkdir -p $TURNING; echo new >$TURNING/b.json; echo https://10.98.0.2:19100/ >$TURNING/b.url`

// TestRenew lets a monitor renew over real TLS and TCP.
func TestRenew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, before, after, said string }{
		{"nothing is due", "receiver installed", `[ "$(b)" = "$before" ] && [ ! -e /mnt/received ] && echo nothing`, "status 0\nnothing\n"},
		{"due, and sent", "receiver installed; due", `[ "$(b)" != "$before" ] && cmp /mnt/received "$AUTHORITY/hosts/b/certificate.pem" && echo brought`, "status 0\nbrought\n"},
		{"not served yet, and sent again", `receiver installed; rm "$AUTHORITY/hosts/b/certificate.pem"; certify_host b 10.98.0.2:19099 "$REQUEST_B" DNS:b IP:10.98.0.2`,
			`cmp /mnt/received "$AUTHORITY/hosts/b/certificate.pem" && echo brought`, "status 0\nbrought\n"},
		{"a former one is kept until the new one is shown", `receiver installed; due`, `ls "$AUTHORITY/hosts/b"`, "former-1.pem"},
		{"and removed then", `receiver installed; cp "$AUTHORITY/hosts/b/certificate.pem" "$AUTHORITY/hosts/b/former-1.pem"`, `ls "$AUTHORITY/hosts/b" | xargs`,
			"by certificate.pem names"},
		{"refused", `receiver "refused: no"; due`, ":", "b: refused: no\npromwire: host: renew: these hosts do not have their renewed certificates yet: b;"},
		{"no answer", "receiver ''; due", ":", "b: it ended the connection without an answer\n"},
		{"nobody listens", "due", ":", "b: no answer at 10.98.0.2:19099\n"},
		{"one host's request is broken, the other host is served", `receiver installed; cp -r "$AUTHORITY/hosts/b" "$AUTHORITY/hosts/a"; echo x >"$AUTHORITY/hosts/a/request.pem"
echo 10.98.0.9:1 >"$AUTHORITY/hosts/a/receiver"; due`, `cmp /mnt/received "$AUTHORITY/hosts/b/certificate.pem" && echo brought`, "status 1\nbrought\n"},
		{"the scraper's and the monitor's own, too", `receiver installed; due; s=$(serial $PAIR/certificate.pem); o=$(serial $CERTIFICATES/certificate.pem)`,
			`[ "$(serial $PAIR/certificate.pem)" != "$s" ] && [ "$(serial $CERTIFICATES/certificate.pem)" != "$o" ] && grep -c ^promwire "$METRICS"`, "status 0\n6\n"},
		{"an update is at work", `due; exec 9>$RUN/lock; flock 9`, `[ "$(b)" = "$before" ] && echo untouched`, "status 0\nuntouched\n"},
		{"a turn", staged, `switched b; cat /etc/prometheus/targets.d/b.json; ls $TURNING`, "status 0\nnew\n"},
		{"with the key from systemd", staged, `CREDENTIALS_DIRECTORY=/mnt/key; cp -r $PAIR /mnt/key; rm -r $PAIR; switched b; cat /etc/prometheus/targets.d/b.json`, "status 0\nnew\n"},
		{"a target with a certificate of another authority is not scraped yet", staged + `
rm -r "$AUTHORITY"; authority 86400 3600 1; own_certificate host DNS:host; scraper`, `switched b; cat /etc/prometheus/targets.d/b.json`, "b.json: No such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, _ := run(t, installed+Functions().text+"LIBRARY\n"+another+c.before+
				"\ncat >/mnt/renew <<'RENEW'\n"+Renew+"RENEW\nstatus=0; bash /mnt/renew sign 3>&-; bash /mnt/renew deliver 3>&- || status=$?\n"+
				"exec 9>&-\necho status $status\n( "+c.after+" ) || true\nkill $(jobs -p) || true\n")
			if !strings.Contains(said, c.said) {
				t.Errorf("said:\n%s\nwant %q", said, c.said)
			}
			if strings.Contains(said, "PRIVATE") {
				t.Error("its output has a key")
			}
		})
	}
}

// TestReceiveWaits: a sender of nothing, or without end, is disconnected, and others need not wait meanwhile.
func TestReceiveWaits(t *testing.T) {
	t.Parallel()
	quick := strings.NewReplacer("WAIT=10 ", "WAIT=2 ", "BUSY=10 ", "BUSY=1 ").Replace(Receive)
	if strings.Contains(quick, "=10 ") || len(quick) != len(Receive)-2 {
		t.Fatal("receive.sh does not wait for 10 s, twice")
	}
	const begin = "join; take; echo host >$STATE/host; exec 9>&-\nmkfifo /mnt/fifo; exec 8<>/mnt/fifo\n"
	for _, c := range []struct{ name, text, said string }{
		{"it ends", `(bash /mnt/receive </mnt/fifo 2>/dev/null 3>&- || true)`, "refused: "},
		{"line by line", `(while sleep 0.2; do echo x; done >/mnt/fifo & bash /mnt/receive </mnt/fifo 2>/dev/null 3>&- || true; kill %1)`, "refused: "},
		{"others go on", `bash /mnt/receive </mnt/fifo >/dev/null 2>&1 3>&- & sleep 0.5; flock --nonblock $RUN/lock echo free; wait || true`, "free\n"},
		{"an update is at work", `own >/mnt/own; exec 9>$RUN/lock; flock 9; bash /mnt/receive </mnt/own 3>&- 9>&-`, "an update is at work there\n"},
		{"at most 16 KiB", `rm "$AUTHORITY/hosts/host/certificate.pem"; sleep 1.1; join; { head -c 20000 /dev/zero | tr '\0' '\n'; own; } >/mnt/much; (bash /mnt/receive </mnt/much 2>/dev/null 3>&- || true)`, "refused: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, ok := run(t, installed+Functions().text+"LIBRARY\n"+fleet+begin+"cat >/mnt/receive <<'RECEIVE'\n"+quick+"RECEIVE\n"+c.text)
			if !ok || !strings.Contains(said, c.said) {
				t.Errorf("succeeded: %v, said:\n%s\nwant %q", ok, said, c.said)
			}
		})
	}
}
