package scripts

import (
	"strings"
	"testing"
)

// pushing is a monitor with a Pushgateway for two jobs, a promtool that accepts any web configuration except an empty one, and a systemd
// where everything succeeds.
const pushing = `
PATH=/mnt/bin:$PATH
mkdir -p /mnt/bin /etc/sysusers.d /etc/systemd/system
printf '#!/bin/sh\ntest -s "$3"\n' >/mnt/bin/promtool
printf '#!/bin/sh\nexit 0\n' >/mnt/bin/systemctl
chmod 755 /mnt/bin/*
bcrypt() { printf '$2b$12$'; sha256sum | cut -c 1-53; } # at once; TestHash tries the real one
userdel() { sed -i "/^$1:/d" /etc/passwd; }
echo 'pushgateway:x:992:992::/:/bin/false' >>/etc/passwd
echo 'pushgateway:x:992:' >>/etc/group
put /etc/sysusers.d/pushgateway.conf 644 <<<u
record user pushgateway
pushers backup report
put /etc/systemd/system/pushgateway.service 644 <<<unit
`

// TestPushgateway makes the Pushgateway's users, in some of the ways in which a fleet's settings change.
func TestPushgateway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		said       string // part of what it says
	}{
		{"who reads what", `cd /etc/pushgateway; stat -c '%a %U:%G %n' . *.password backup.* web.yml /etc/prometheus/tls/pushgateway.password $PUSHED`,
			"755 root:root .\n600 root:root backup.password\n600 root:root prometheus.password\n600 root:root report.password\n" +
				"600 root:root backup.password\n600 root:root backup.password.bcrypt\n600 root:root backup.password.sum\n" +
				"640 root:pushgateway web.yml\n400 prometheus:prometheus /etc/prometheus/tls/pushgateway.password\n" +
				"750 pushgateway:pushgateway /var/lib/pushgateway\n"},
		{"the hashes of all users", `sed 's/\$2b\$12.*"/HASH"/' $PUSH/web.yml; cmp $PUSH/prometheus.password /etc/prometheus/tls/pushgateway.password && echo same`,
			"basic_auth_users:\n  \"prometheus\": \"HASH\"\n  \"backup\": \"HASH\"\n  \"report\": \"HASH\"\nsame\n"},
		{"everybody has another password", `cat $PUSH/*.password | sort -u | grep -cE '^[A-Za-z0-9]{32}$'`, "3\n"},
		{"a second run changes nothing", `CHANGED=(); pushers backup report; echo "changed: ${CHANGED[*]}"`, "changed: \n"},
		{"one more", `cp $PUSH/web.yml /mnt/a; CHANGED=(); pushers backup more report; echo "${CHANGED[*]}" | xargs -n 1; diff /mnt/a $PUSH/web.yml | grep -c '^<' || true`,
			"/etc/pushgateway/more.password\n/etc/pushgateway/more.password.bcrypt\n/etc/pushgateway/more.password.sum\n/etc/pushgateway/web.yml\n0\n"},
		{"one less", `CHANGED=(); pushers report; echo "${CHANGED[*]}" | xargs -n 1; grep -c backup $PUSH/web.yml $STATE/manifest || true`,
			"/etc/pushgateway/backup.password\n/etc/pushgateway/backup.password.sum\n/etc/pushgateway/backup.password.bcrypt\n/etc/pushgateway/web.yml\n" +
				"/etc/pushgateway/web.yml:0\n/var/lib/promwire/manifest:0\n"},
		{"another password for Prometheus", `echo new >$PUSH/prometheus.password; CHANGED=(); pushers backup report; echo "${CHANGED[*]}" | xargs -n 1; cat $WEB/pushgateway.password`,
			"/etc/pushgateway/prometheus.password.bcrypt\n/etc/pushgateway/prometheus.password.sum\n/etc/pushgateway/web.yml\n" +
				"/etc/prometheus/tls/pushgateway.password\nnew\n"},
		{"curl's configuration", `printf '%s\n' 'a "b\' >$PUSH/backup.password; login_as backup $PUSH/backup.password`, `user = "backup:a \"b\\"` + "\n"},
		{"a configuration that promtool refuses", `a=$(<$PUSH/web.yml); printf '#!/bin/sh\nexit 1\n' >/mnt/bin/promtool; (pushers other) || true
[ "$(<$PUSH/web.yml)" = "$a" ] && echo kept`, "promtool refuses its new text (see its reason above); the old one stays\nkept\n"},
		{"without it, nothing is left", `echo m >$PUSHED/metrics; chown pushgateway $PUSHED/metrics; CHANGED=(); remove_pushgateway; [ ${#CHANGED[@]} -gt 0 ]; echo begin
ls -d $PUSH $PUSHED $WEB/pushgateway.password /etc/sysusers.d/pushgateway.conf /etc/systemd/system/pushgateway.service 2>/dev/null || true
getent passwd pushgateway || true; grep push $STATE/manifest || true; echo end`, "begin\nend\n"},
		{"without it twice", "remove_pushgateway; CHANGED=(); remove_pushgateway; echo \"${#CHANGED[@]}\"", "0\n"},
		{"and with it again", "remove_pushgateway; echo 'pushgateway:x:992:992::/:/bin/false' >>/etc/passwd; pushers backup; ls $PUSH | xargs",
			"backup.password backup.password.bcrypt backup.password.sum prometheus.password prometheus.password.bcrypt prometheus.password.sum web.yml\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said, ok := run(t, pushing+c.text)
			if !ok || !strings.Contains(said, c.said) {
				t.Errorf("it succeeded: %v, said:\n%s\nwant in it:\n%s", ok, said, c.said)
			}
		})
	}
}

// TestForeignPushgateway: promwire does not change what it did not make.
func TestForeignPushgateway(t *testing.T) {
	t.Parallel()
	said, ok := run(t, `mkdir -p /etc/pushgateway /var/lib/pushgateway; echo theirs | tee /etc/pushgateway/{web.yml,a} /var/lib/pushgateway/metrics >/dev/null
echo 'pushgateway:x:992:992::/:/bin/false' >>/etc/passwd
remove_pushgateway; echo "${#CHANGED[@]}"; cat /etc/pushgateway/* /var/lib/pushgateway/*; getent passwd pushgateway`)
	if want := "0\ntheirs\ntheirs\ntheirs\npushgateway:x:992:"; !ok || !strings.Contains(said, want) {
		t.Errorf("it succeeded: %v, said:\n%s\nwant in it:\n%s", ok, said, want)
	}
}

// TestLetsIn: a Pushgateway or an Alertmanager that answers without a password is refused.
func TestLetsIn(t *testing.T) {
	t.Parallel()
	const server = `
ip link set lo up
journalctl() { :; }
server() { # STATUS USER FILE: what it answers to those without the password in FILE
  timeout 50 perl -MIO::Socket::INET -MMIME::Base64 -e '
    my $want = "Basic " . encode_base64("$ARGV[1]:$ARGV[2]", "");
    my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:PORT", Listen => 5, ReuseAddr => 1) or die;
    open(my $ready, ">", "/mnt/ready"); close $ready;
    while (my $c = $s->accept) {
      my $status = $ARGV[0];
      while (<$c>) { $status = 200 if /^Authorization: \Q$want\E\r$/; last if /^\r$/ }
      print $c "HTTP/1.0 $status x\r\nContent-Length: 0\r\n\r\n"; close $c;
    }' "$1" "$2" "$(<"$3")" </dev/null >/dev/null 2>&1 9>&- 3>&- &
  until [ -e /mnt/ready ]; do sleep 0.1; done
}
`
	for what, c := range map[string]struct{ port, command string }{
		"Pushgateway":  {"9091", `server STATUS prometheus $PUSH/prometheus.password; (pushgateway_answers 127.0.0.1:9091`},
		"Alertmanager": {"9093", `mkdir -p $ALERTMANAGER_FOLDER; echo pass >$ALERTMANAGER_PASSWORD; server STATUS admin $ALERTMANAGER_PASSWORD; (alertmanager_answers`},
	} {
		for status, want := range map[string]string{
			"401": "\nwell\n", "200": "answers 200 without a password, and not 401", "500": "answers 500 without a password, and not 401",
		} {
			said, _ := run(t, pushing+strings.Replace(server, "PORT", c.port, 1)+strings.Replace(c.command, "STATUS", status, 1)+` && echo && echo well) || true; kill %1`)
			if !strings.Contains(said, want) {
				t.Errorf("%s, %s: it said:\n%s\nwant in it:\n%s", what, status, said, want)
			}
		}
	}
}
