package scripts

import "testing"

// alerting is a monitor whose Alertmanager has sent before, and a curl that takes alerts; /mnt/metrics is what Alertmanager counts, and /mnt/then
// after the alert was taken.
const alerting = `
PATH=/mnt/bin:$PATH
mkdir -p /mnt/bin /etc/sysusers.d /etc/systemd/system
echo 'alertmanager:x:993:993::/:/bin/false' >>/etc/passwd
echo 'alertmanager:x:993:' >>/etc/group
cat >/mnt/metrics <<'END'
# HELP alertmanager_notification_requests_total The total number of attempted notification requests.
alertmanager_notification_requests_total{integration="webhook",receiver_name="ops"} 5
alertmanager_notification_requests_failed_total{integration="webhook",receiver_name="ops"} 2
alertmanager_notification_requests_total{integration="email",receiver_name="ops"} 1
alertmanager_notification_requests_failed_total{integration="email",receiver_name="ops"} 1
alertmanager_notification_requests_total{integration="webhook",receiver_name="ops2"} 70
END
counts() { sed -E "s/(requests_$1total.integration=\"$2\",receiver_name=\"ops\".) .*/\1 $3/" -i "${4:-/mnt/then}"; }
cp /mnt/metrics /mnt/then
mkdir -p $ALERTMANAGER_FOLDER; echo password >$ALERTMANAGER_PASSWORD
curl() {
  local before='' word
  [ "$(cat)" = 'user = "admin:password"' ] || return 22
  case "${*: -1}" in
    */api/v2/alerts)
      for word; do [ "$before" != --data ] || echo "$word" >/mnt/alert; before=$word; done
      echo "${*: -1}" >>/mnt/asked; cp /mnt/then /mnt/metrics ;;
    */api/v2/alerts*) cat /mnt/held ;;
    */metrics) cat /mnt/metrics ;;
  esac
}
journalctl() { cat /mnt/journal; }
sleep() { :; }
touch /mnt/journal /mnt/held
`

// TestAlertArrives: a receiver has accepted an alert when each of its integrations has, as often as it has one.
func TestAlertArrives(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, said string
		fails            bool
	}{
		{"it does", `counts '' webhook 6; counts '' email 2; alert_arrives ops email=1 webhook=1; grep -o '"alertname":"[^"]*"' /mnt/alert; grep -o '"name":"host"' /mnt/alert; cat /mnt/asked`,
			"\"alertname\":\"PromwireTest\"\n\"name\":\"host\"\nhttp://127.0.0.1:9093/api/v2/alerts\n", false},
		{"it was sent, and failed", `counts '' webhook 6; counts failed_ webhook 3; counts '' email 2; alert_arrives ops email=1 webhook=1`,
			"promwire: host: verb: the receiver ops has not accepted a test alert within 45 s: no answer; does the monitor reach it? See journalctl -u alertmanager.service\n", true},
		{"only one of two", `counts '' webhook 6; counts '' email 2; alert_arrives ops email=1 webhook=2`, "has not accepted", true},
		{"only one kind", `counts '' webhook 6; alert_arrives ops email=1 webhook=1`, "has not accepted", true},
		{"another receiver did", `sed -i 's/70/71/' /mnt/then; alert_arrives ops webhook=1`, "has not accepted", true},
		{"the first of all", `counts '' webhook 5; : >/mnt/metrics; alert_arrives ops webhook=1; echo arrived`, "arrived\n", false},
		{"what it answered", `journalctl() { local run; run=$(grep -o '"run":"[^"]*"' /mnt/alert | cut -d '"' -f 4)
echo 'level=WARN msg="Notify attempt failed" aggrGroup="{}:{alertname=\"Other\"}" err="unexpected status code 500"'
echo "level=WARN msg=\"Notify attempt failed\" aggrGroup=\"{}:{alertname=PromwireTest, run=$run}\" attempts=1 err=\"ops/webhook[0]: unexpected status code 403: no\""; }
alert_arrives ops webhook=1`, "within 45 s: ops/webhook[0]: unexpected status code 403: no\n", true},
		{"what it answered has the secret", `secret $ALERT_SECRETS alertmanager hook <<<'https://hook.example.net/a/T0KEN'; secret $ALERT_SECRETS alertmanager mail <<<'Pa55'
journalctl() { echo "run=$(grep -o '"run":"[^"]*"' /mnt/alert | cut -d '"' -f 4) err=\"404: Cannot POST /a/T0KEN, Post https://api.example.net/botT0KEN2/send: Pa55\""; }
alert_arrives ops webhook=1`, "within 45 s: 404: Cannot POST /<secret>, Post https://api.example.net/… <secret>\n", true},
		{"held back", `cp() { command cp "$@"; grep -o '"run":"[^"]*"' /mnt/alert >/mnt/held; }; alert_arrives ops webhook=1`,
			"within 45 s: a silence or an inhibition of yours holds it back\n", true},
		{"another password", `echo other >$ALERTMANAGER_PASSWORD; alert_arrives ops webhook=1`, "alertmanager.service does not answer at 127.0.0.1:9093", true},
		{"it is valid JSON", `counts '' webhook 6; alert_arrives ops webhook=1; python3 -m json.tool </mnt/alert | grep -c '"endsAt"'`, "1\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check(t, alerting+c.text, c.said, c.fails)
		})
	}
}

// TestAlertSecrets: only Alertmanager reads them, and those that are not named any more go.
func TestAlertSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, said string }{
		{"who reads what", `secret $ALERT_SECRETS alertmanager pager <<<'https://hook/$x'; stat -c '%a %U %n' $ALERT_SECRETS $ALERT_SECRETS/pager; cat $ALERT_SECRETS/pager`,
			"755 root /etc/alertmanager/secrets\n400 alertmanager /etc/alertmanager/secrets/pager\nhttps://hook/$x\n"},
		{"Prometheus has its own", `echo 'prometheus:x:994:994::/:/bin/false' >>/etc/passwd; echo 'prometheus:x:994:' >>/etc/group; secret $PROMETHEUS_SECRETS prometheus store <<<x
secret $ALERT_SECRETS alertmanager store <<<y; secrets_only $ALERT_SECRETS; stat -c '%a %U %n' $PROMETHEUS_SECRETS/*; ls $ALERT_SECRETS | wc -l; secrets_only $PROMETHEUS_SECRETS; ls $PROMETHEUS_SECRETS | wc -l`,
			"400 prometheus /etc/prometheus/secrets/store\n0\n0\n"},
		{"one less", `for name in a b pager; do secret $ALERT_SECRETS alertmanager $name <<<x; done; secrets_only $ALERT_SECRETS b; ls $ALERT_SECRETS; grep -c secrets/ $STATE/manifest`, "b\n1\n"},
		{"none", `secret $ALERT_SECRETS alertmanager a <<<x; secrets_only $ALERT_SECRETS; ls $ALERT_SECRETS | wc -l`, "0\n"},
		{"without it, nothing is left", `systemctl() { :; }; userdel() { :; }; rm -r $ALERTMANAGER_FOLDER; dir $ALERTMANAGER_FOLDER 755; dir $ALERTMANAGER_DATA 750 alertmanager; secret $ALERT_SECRETS alertmanager a <<<x
for file in $ALERTMANAGER_CONFIG $ALERTMANAGER_WEB $AMTOOL_CONFIG $ALERTMANAGER_PASSWORD{,.sum,.bcrypt}; do put $file 640 <<<x; done; for file in nflog silences; do echo x >$ALERTMANAGER_DATA/$file; chown alertmanager $ALERTMANAGER_DATA/$file; done
remove_alertmanager; ls -d $ALERTMANAGER_FOLDER $ALERTMANAGER_DATA 2>/dev/null || true; grep alertmanager $STATE/manifest || true; CHANGED=(); remove_alertmanager; echo "end ${#CHANGED[@]}"`,
			"end 0\n"},
		{"the owner's files stay", `systemctl() { :; }; echo x >$ALERTMANAGER_FOLDER/theirs.tmpl; rm $ALERTMANAGER_PASSWORD; remove_alertmanager; ls $ALERTMANAGER_FOLDER`, "theirs.tmpl\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := check(t, alerting+c.text, c.said, false)
			if c.said == "end 0\n" && said != c.said {
				t.Errorf("left: %s", said)
			}
		})
	}
}
