package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promwire/promwire/tests/lab/operator"
)

// direct is the target of the stack "tls" that is in no tunnel.
const direct = "node-3"

// TestTLS is the life of a fleet with certificates, on top of the tunnel and instead of it.
func TestTLS(t *testing.T) {
	s := newStory(t, "tls")
	s.step("from nothing to all up, by certificates", certificatesFromNothing)
	s.step("few connections, few resources", fewConnections)
	s.step("a second up changes nothing", secondUp)
	s.step("services have no privileges", noPrivileges)
	s.step("who may scrape", whoMayScrape)
	s.step("outside the tunnel nobody else gets in", outsideTheTunnel)
	s.step("Prometheus's own endpoint", ownEndpoint)
	s.step("keys stay on their hosts", keysStay)
	s.step("after a reboot", afterReboot)
	s.step("why a target is down, by certificates", causesByCertificates)
	s.step("a certificate is renewed by itself", renewedByItself)
	s.step("a certificate is renewed by up", renewedByUp)
	s.step("another authority, with overlap", anotherAuthority)
	s.step("a clock that is wrong is named", wrongClock)
	s.step("a removed host is forgotten", removedHost)
	s.step("what has no certificates is relayed", relayed)
	s.step("without certificates, and with them again", offAndOn)
	s.step("relays go with what they led to", relaysGo)
	s.step("a lost monitor", lostMonitor)
	s.step("destroy leaves nothing", leavesNothing)
}

// at is the URL of a host's exporter as Prometheus has it.
func (s *story) at(host string) string { return "https://" + s.scraped()[host] + ":19100/metrics" }

func certificatesFromNothing(s *story) {
	s.up()
	s.allUp(s.scraped())
	scrapes, err := s.lab.Scrapes(s.t.Context(), s.machine("monitor-1"))
	require.NoError(s.t, err)
	for _, scrape := range scrapes {
		assert.Equal(s.t, "https", scrape.Scheme, scrape.Address)
	}
	table := s.output("verification").(string)
	for _, host := range []string{"node-1", "node-2", direct} {
		for _, from := range []string{"plain http", "no certificate", "another authority", "another target", "expired", "own"} {
			assert.Regexp(s.t, fmt.Sprintf(`(?m)^monitor-1, .*%s.* %s `, from, host), table)
		}
	}
	for _, row := range s.output("matrix").([]any) {
		row := row.(map[string]any)
		assert.Equal(s.t, row["expected"], row["seen"], row)
	}
}

// noPrivileges: the kernel holds services to what their units say: no capability, none to gain, filtered system calls. What runs regularly
// has run well so.
func noPrivileges(s *story) {
	const status = `for unit in $(systemctl list-units --plain --no-legend --state=running 'prometheus*.service' 'node_exporter*.service' | cut -d ' ' -f 1); do
  echo "$unit" $(awk '/^(CapBnd|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$(systemctl show --property MainPID --value "$unit")/status")
done`
	for _, host := range []string{"monitor-1", "node-1", direct} {
		services := strings.Split(s.mustOn(host, status), "\n")
		assert.NotEmpty(s.t, services, host)
		for _, service := range services {
			assert.Regexp(s.t, `^\S+\.service 0+ 1 2$`, service, host)
		}
		assert.Empty(s.t, s.mustOn(host, "systemctl list-units --failed --plain --no-legend 'promwire*'"), host)
	}
	user := s.mustOn("node-1", "systemctl show --property DynamicUser --value promwire-fence.service")
	assert.Equal(s.t, "yes", user)
}

// asScraper are curl's arguments that make it Prometheus, on the monitor.
const asScraper = "--cacert /etc/prometheus/tls/authorities.pem --cert /etc/prometheus/tls/certificate.pem --key /etc/prometheus/tls/key.pem"

// code is the HTTP status that curl gets on a host; "000" if it gets none.
func (s *story) code(host, url string, args ...string) string {
	s.t.Helper()
	command := "curl -s -o /dev/null -w '%%{http_code}' --connect-timeout 3 --max-time 6 %s %s || true"
	return s.mustOn(host, fmt.Sprintf(command, strings.Join(args, " "), url))
}

// impostor is a client that must not be admitted: curl's arguments, and what a server that wants nothing says of it.
type impostor struct{ what, args, shown string }

const (
	trusting       = "--cacert /etc/prometheus/tls/authorities.pem"
	impostorFolder = "/run/e2e-tls"
	stranger       = impostorFolder + "/stranger"
)

// impostors are made on the monitor, from where the firewall admits them. What they show is well-formed: a server that wants nothing of it
// takes it.
func (s *story) impostors() []impostor {
	s.t.Helper()
	folder := impostorFolder
	s.mustOn("monitor-1", "install -d -m 700 "+folder)
	s.t.Cleanup(func() {
		_, _ = s.lab.Machines.Exec(context.WithoutCancel(s.t.Context()), s.machine("monitor-1"), "rm", "-rf", folder)
	})
	s.mustOn("monitor-1", fmt.Sprintf(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=scraper `+
		`-addext subjectAltName=DNS:scraper.promwire.internal -addext extendedKeyUsage=clientAuth -keyout %[1]s.key -out %[1]s.pem 2>/dev/null`, stranger))
	// The test may carry a host's key about; the program never does.
	for _, file := range []string{"key", "certificate"} {
		text := s.mustOn(direct, "cat /etc/promwire/tls/"+file+".pem")
		s.mustOn("monitor-1", fmt.Sprintf("cat >%s/target-%s.pem <<'END'\n%s\nEND\n", folder, file, text))
	}
	all := []impostor{
		{"no certificate", "", "no client certificate available"},
		{"another authority", fmt.Sprintf("--cert %[1]s.pem --key %[1]s.key", stranger), `Subject: CN ?= ?scraper\n`},
		{"another target's certificate", fmt.Sprintf("--cert %[1]s/target-certificate.pem --key %[1]s/target-key.pem", folder), `Subject: CN ?= ?` + direct + `\n`},
		{"the monitor's, as TLS 1.2 at most", asScraper + " --tls-max 1.2", `Protocol *: TLSv1\.2\n`},
	}
	open := s.openServer()
	for _, one := range all {
		said := s.mustOn("monitor-1", "curl -s --insecure "+one.args+" "+open+" | grep -E '(Protocol|Subject|certificate).*'")
		assert.Regexp(s.t, one.shown, said+"\n", one.what)
	}
	return all
}

// refuses sees that a URL is open to the monitor, and that no impostor is admitted there.
func (s *story) refuses(url string, impostors []impostor) {
	s.t.Helper()
	assert.Equal(s.t, "200", s.code("monitor-1", url, asScraper), "the monitor to %s", url)
	for _, one := range impostors {
		status := s.curlOn("monitor-1", url, "--http1.1", trusting, one.args)
		assert.Contains(s.t, []int{35, 55, 56}, status, "%s to %s is not refused by an alert or a reset: curl says %d", one.what, url, status)
	}
}

// whoMayScrape tries each exporter with a real curl, from where the firewall admits it, with what must not be enough. The exporter
// answers the monitor at the same place.
func whoMayScrape(s *story) {
	impostors := s.impostors()
	for host := range s.scraped() {
		url := s.at(host)
		s.refuses(url, impostors)
		assert.Equal(s.t, "400", s.code("monitor-1", strings.Replace(url, "https", "http", 1)), "plain http to %s", host)
		// And the exporter proves itself to Prometheus: by another name or authority it is not trusted.
		status := s.curlOn("monitor-1", url, "--cacert "+stranger+".pem")
		assert.Equal(s.t, 60, status, "%s is trusted by another authority than the fleet's", host)
		wrong := strings.Replace(url, s.scraped()[host], "node-9", 1)
		status = s.curlOn("monitor-1", wrong, asScraper, "--connect-to", "node-9:19100:"+s.scraped()[host]+":19100")
		assert.Equal(s.t, 60, status, "%s is accepted as node-9", host)
	}
	assert.Equal(s.t, "440 root promwire", s.mustOn("node-1", "stat -c '%a %U %G' /etc/promwire/tls/key.pem"))
}

// openServer is the URL, on the monitor, of a server that asks for a certificate, takes any or none, and tells what it was shown.
func (s *story) openServer() string {
	s.t.Helper()
	const unit, at = "e2e-open-server", "127.0.0.1:7443"
	s.mustOn("monitor-1", "systemd-run --quiet --collect --unit "+unit+" openssl s_server -accept "+at+" -www -verify 1 "+
		"-cert /etc/prometheus/tls/certificate.pem -key /etc/prometheus/tls/key.pem")
	s.t.Cleanup(func() {
		_, err := s.lab.Machines.Exec(context.WithoutCancel(s.t.Context()), s.machine("monitor-1"), "systemctl", "stop", unit)
		assert.NoError(s.t, err)
	})
	s.reaches("the monitor", s.host("monitor-1"), []end{"tcp/127.0.0.1/7443"}, []end{"tcp/127.0.0.1/7443"})
	return "https://" + at + "/"
}

// outsideTheTunnel: the target without a tunnel is open to only the monitor's address, on the host and in the cloud.
func outsideTheTunnel(s *story) {
	ports := append([]int{19100, 19099}, closedPorts...)
	var monitors []end
	for host, address := range s.scraped() {
		if host != "monitor-1" {
			monitors = append(monitors, tcp(address, 19100), tcp(address, 19099))
		}
	}
	s.firewall(fleetHosts, ports, map[string][]end{"monitor-1": monitors})
	assert.NotContains(s.t, s.mustOn(direct, "ip -o link"), "promwire0", "it has a tunnel")
	assert.Contains(s.t, s.mustOn(direct, "nft list table inet promwire"), "ip saddr "+s.address("monitor-1")+" tcp dport @scraped_ports accept")
	assert.Contains(s.t, s.mustOn(direct, "nft list set inet promwire scraped_ports"), "elements = { 19099, 19100 }")
}

func ownEndpoint(s *story) {
	const url = "https://127.0.0.1:9090/-/healthy"
	assert.Equal(s.t, "401", s.code("monitor-1", url, trusting))
	assert.Equal(s.t, "401", s.code("monitor-1", url, trusting, "-u", "admin:wrong"))
	assert.Equal(s.t, "200", s.mustOn("monitor-1", `printf 'user = "admin:%s"\n' "$(cat /etc/prometheus/web.password)" | `+
		`curl -s -o /dev/null -w '%{http_code}' --config - `+trusting+" "+url))
	assert.NotEqual(s.t, "200", s.code("monitor-1", "http://127.0.0.1:9090/-/healthy"))
	assert.Equal(s.t, "640 root:prometheus", s.mustOn("monitor-1", "stat -c '%a %U:%G' /etc/prometheus/web.yml"))
	assert.Equal(s.t, "600 root", s.mustOn("monitor-1", "stat -c '%a %U' /etc/prometheus/web.password"))
	password, err := output(s.printed(s.t.Context(), s.output("password").(string)))
	require.NoError(s.t, err)
	assert.Equal(s.t, s.mustOn("monitor-1", "cat /etc/prometheus/web.password"), strings.TrimSpace(string(password)))
	assert.Equal(s.t, "https://127.0.0.1:9090", s.output("url"))
	assert.Equal(s.t, "https://127.0.0.1:9090/user/", s.output("page"))
	assert.Equal(s.t, "401", s.code("monitor-1", "https://127.0.0.1:9090/user/", trusting))
}

func keysStay(s *story) {
	secrets := map[string]string{"the web password": s.mustOn("monitor-1", "cat /etc/prometheus/web.password")}
	key := func(host, path string) {
		secrets[path+" of "+host] = strings.Split(s.mustOn(host, "cat "+path), "\n")[1]
	}
	for host := range s.scraped() {
		key(host, "/etc/promwire/tls/key.pem")
	}
	key("monitor-1", "/etc/prometheus/tls/key.pem")
	for path := range strings.FieldsSeq(s.mustOn("monitor-1", "ls /etc/promwire/authority/*/key.pem")) {
		key("monitor-1", path)
		assert.Equal(s.t, "600 root", s.mustOn("monitor-1", "stat -c '%a %U' "+path))
	}
	state := s.state()
	for what, secret := range secrets {
		require.Greater(s.t, len(secret), 20, what)
		assert.NotContains(s.t, state, secret, "%s is in the state", what)
		for host := range s.scraped() {
			journal := s.mustOn(host, "journalctl --no-pager --output=cat | tail -c 4000000")
			assert.NotContains(s.t, journal, secret, "%s is in the journal of %s", what, host)
		}
	}
}

// serial is that of the certificate which a host's exporter serves.
func (s *story) serial(host string) string { return s.serialAt(s.scraped()[host], 19100) }

func (s *story) serialAt(address string, port int) string {
	s.t.Helper()
	return s.mustOn("monitor-1", fmt.Sprintf("echo | openssl s_client -connect %s:%d -cert /etc/prometheus/tls/certificate.pem "+
		"-key /etc/prometheus/tls/key.pem 2>/dev/null | openssl x509 -noout -serial", address, port))
}

// issuer is who signed it.
func (s *story) issuer(host string) string {
	s.t.Helper()
	return s.mustOn("monitor-1", fmt.Sprintf("echo | openssl s_client -connect %s:19100 -cert /etc/prometheus/tls/certificate.pem "+
		"-key /etc/prometheus/tls/key.pem 2>/dev/null | openssl x509 -noout -issuer", s.scraped()[host]))
}

// life is what must not change when a certificate does: the process and its key.
func (s *story) life(host string) string {
	s.t.Helper()
	return s.mustOn(host, "systemctl show --property MainPID --value node_exporter-tls.service; sha256sum /etc/promwire/tls/key.pem")
}

// afterReboot: what lies in memory is gone, and nobody runs an update. All is scraped again, and every service of promwire's ends well,
// also those that wait for their time; the next step sees that certificates are renewed. Whoever has a login on a host, and a job at its boot,
// does not get the port of the node exporter.
func afterReboot(s *story) {
	hosts := []string{"monitor-1", "node-1", direct}
	s.mustOn("node-1", fmt.Sprintf(squatter, s.tunnels()["node-1"]))
	s.fault("power lost on the monitor and two targets", "a boot", healed, func() {
		for _, host := range hosts {
			require.NoError(s.t, s.lab.Machines.PowerOff(s.t.Context(), s.machine(host)))
		}
	}, func() {
		for _, host := range hosts {
			require.NoError(s.t, s.lab.Machines.PowerOn(s.t.Context(), s.machine(host)))
		}
		s.allUp(s.scraped())
	})
	s.unitsEndWell(hosts)
	assert.Contains(s.t, s.mustOn("monitor-1", "ls /etc/systemd/system"), "promwire-renew.service")
	s.eventually(func() error {
		said := s.mustOn("node-1", "journalctl --boot --unit squatter --output cat")
		if !strings.Contains(said, "Address already in use") {
			return fmt.Errorf("who wanted the exporter's port says: %s", said)
		}
		return nil
	})
	s.mustOn("node-1", "systemctl disable --quiet --now squatter && rm /etc/systemd/system/squatter.service /usr/local/squat && systemctl daemon-reload")
}

// squatter is a job at boot, as early as a job of a person's can be, that listens at the port of the node exporter.
const squatter = `cat >/usr/local/squat <<'END'
use Socket;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
setsockopt($s, 0, 15, 1) or die $!; # IP_FREEBIND: the tunnel's address may not be there yet
$| = 1;
print bind($s, pack_sockaddr_in(19100, inet_aton("%s"))) ? "it has the port\n" : "$!\n";
sleep;
END
cat >/etc/systemd/system/squatter.service <<'END'
[Service]
ExecStart=/usr/bin/setpriv --reuid 4242 --clear-groups /usr/bin/perl /usr/local/squat
[Install]
WantedBy=multi-user.target
END
systemctl enable --quiet squatter`

// unitsEndWell starts every service of promwire's that waits for its time, or for what happens.
func (s *story) unitsEndWell(hosts []string) {
	s.t.Helper()
	for _, host := range hosts {
		units := strings.Fields(s.mustOn(host, "cd /etc/systemd/system && ls promwire-*.service | grep -v @"))
		assert.Contains(s.t, units, "promwire-firewall.service", host)
		for _, unit := range units {
			said, err := s.on(host, "systemctl start "+unit+" || { systemctl status --lines 20 "+unit+"; false; }")
			assert.NoError(s.t, err, "%s on %s: %s", unit, host, said)
		}
		assert.Empty(s.t, s.mustOn(host, "systemctl list-units --failed --plain --no-legend"), host)
	}
}

func tls(values map[string]any) operator.Edit {
	return func(fleet map[string]any) { maps.Copy(fleet["tls"].(map[string]any), values) }
}

// renewedByItself: certificates that are due a few seconds after they were signed; nobody but the monitor's timer does anything.
func renewedByItself(s *story) {
	s.edit(tls(map[string]any{"validity": "2h", "renewBefore": "1h59m50s"}))
	s.noMissedScrape(func() { s.up() })
	lives, serials := map[string]string{}, map[string]string{}
	for host := range s.scraped() {
		lives[host], serials[host] = s.life(host), s.serial(host)
	}
	s.noMissedScrape(func() {
		s.eventually(func() error {
			for host, before := range serials {
				if s.serial(host) == before {
					return fmt.Errorf("%s still serves %s", host, before)
				}
			}
			return nil
		})
	})
	for host, before := range lives {
		assert.Equal(s.t, before, s.life(host), "%s: renewing restarts nothing and keeps the key", host)
	}
	s.edit(tls(map[string]any{"validity": "90d", "renewBefore": "30d"}))
	s.noMissedScrape(func() { s.up() })
}

// renewedByUp: an update that looks at certificates renews them, here because they are to be valid for another time.
func renewedByUp(s *story) {
	s.edit(tls(map[string]any{"validity": "60d"}))
	before := s.serial("node-1")
	life := s.life("node-1")
	s.noMissedScrape(func() { s.up() })
	assert.NotEqual(s.t, before, s.serial("node-1"))
	assert.Equal(s.t, life, s.life("node-1"))
	assertUnchanged(s.t, s.up(func(o *operator.Options) { o.ExpectNoChanges = true }))
	s.nothingDrifts()
}

// anotherAuthority: ["1"], ["1","2"], ["2"], an update each, and no scrape is missed. In one step it is refused.
func anotherAuthority(s *story) {
	s.edit(tls(map[string]any{"authorities": []any{"2"}}))
	printed := s.upFails()
	assert.Contains(s.t, printed, "monitor-1")
	assert.Contains(s.t, printed, "both")
	s.edits = s.edits[:len(s.edits)-1]
	s.allUp(s.scraped())

	s.edit(tls(map[string]any{"authorities": []any{"1", "2"}}))
	s.noMissedScrape(func() { s.up() })
	for host := range s.scraped() {
		assert.Contains(s.t, s.issuer(host), "2", host)
	}
	s.edit(tls(map[string]any{"authorities": []any{"2"}}))
	s.noMissedScrape(func() { s.up() })
	assert.NotContains(s.t, s.mustOn("monitor-1", "ls /etc/promwire/authority"), "1\n")
	for host := range s.scraped() {
		assert.Equal(s.t, "1", s.mustOn(host, "grep -c BEGIN /etc/promwire/tls/authorities.pem"), host)
	}
}

// wrongClock: a host whose clock is three hours behind is told so by name. A container shares its machine's clock, so the test
// gives the host another date(1).
func wrongClock(s *story) {
	s.fault("a clock that is three hours behind", "an update", mended, func() {
		s.mustOn("node-1", `printf '#!/bin/sh\nexec /bin/date --date="3 hours ago" "$@"\n' >/usr/local/sbin/date && chmod 755 /usr/local/sbin/date`)
	}, func() {
		s.edit(tls(map[string]any{"validity": "61d"}))
		printed := s.upFails(func(o *operator.Options) { o.ContinueOnError = true })
		assert.Contains(s.t, printed, "node-1")
		assert.Contains(s.t, printed, "clock")
		assert.Contains(s.t, printed, "timedatectl")
		s.allUp(s.scraped()) // with its former certificate it goes on
		s.mustOn("node-1", "rm /usr/local/sbin/date")
		s.up()
		s.allUp(s.scraped())
	})
}

func removedHost(s *story) {
	address := s.scraped()["node-2"]
	s.edit(without("node-2"))
	s.noMissedScrape(func() { s.up() })
	assert.NotContains(s.t, s.scraped(), "node-2")
	assert.NotContains(s.t, s.mustOn("monitor-1", "ls /etc/promwire/authority/hosts /etc/prometheus/targets.d"), "node-2")
	assert.NotContains(s.t, s.mustOn("monitor-1", "cat /etc/prometheus/targets.d/*.json"), address)
}

// offAndOn: when certificates come, the exporter that has them is scraped before the former one goes. When they go, Prometheus forgets its own
// first, so a scrape or two may be missed, as docs/certificates.md says. A certificate for Prometheus's own endpoint, or a target outside the
// tunnel, make Prometheus start again: these go before, and come later.
func offAndOn(s *story) {
	s.edit(func(fleet map[string]any) {
		delete(fleet["monitor"].(map[string]any)["prometheus"].(map[string]any), "web")
	})
	s.edit(without(direct))
	s.edit(set("tls", map[string]any{"enabled": false}))
	s.up()
	s.allUp(s.scraped())
	s.relayedJobsUp("http")
	assert.Equal(s.t, 0, s.curlOn("monitor-1", "http://"+s.tunnels()["node-1"]+":9100/metrics"))
	s.edits = s.edits[:len(s.edits)-1]
	s.noMissedScrape(func() { s.up() })
	s.relayedJobsUp("https")
	assert.Equal(s.t, "200", s.code("monitor-1", s.at("node-1"), asScraper))
	s.edits = s.edits[:len(s.edits)-2]
	s.up()
	s.allUp(s.scraped())
}

// lostMonitor: another one takes its place, with an authority of its own, and all hosts follow. What the lost one had recorded and somebody saved
// is there again, once it is restored.
func lostMonitor(s *story) {
	before := s.mustOn("node-1", "sha256sum </etc/promwire/tls/authorities.pem")
	recorded := fmt.Sprintf(`count_over_time(up{job="node",name="node-1"}[1m] @ %d)`, time.Now().Unix())
	archive := filepath.Join(s.t.TempDir(), "history.tar")
	s.finds(recorded)
	s.history("save", archive)
	s.fault("the monitor deleted in the cloud", "at rest", "well after up --refresh", func() { s.deleteDroplet("monitor-1") }, func() {
		options, progress := s.options()
		_, err := s.lab.Operator.Preview(s.t.Context(), s.stack, options)
		require.NoError(s.t, err, progress.String())
		assert.Contains(s.t, progress.String(), "which the stack's state has: monitor-1. Run pulumi up --refresh")
		s.up(func(o *operator.Options) { o.Refresh = true })
		s.allUp(s.scraped())
	})
	assert.NotEqual(s.t, before, s.mustOn("node-1", "sha256sum </etc/promwire/tls/authorities.pem"))
	assert.Equal(s.t, "1", s.mustOn("node-1", "grep -c BEGIN /etc/promwire/tls/authorities.pem"))
	s.finds("absent(" + recorded + ")")
	s.history("restore", archive)
	s.finds(recorded)
	s.allUp(s.scraped())
}

// deleteDroplet does what an operator may do by accident in the cloud's console.
func (s *story) deleteDroplet(host string) {
	s.t.Helper()
	var list struct {
		Droplets []struct {
			ID   int
			Name string
		}
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.cloud("droplets?per_page=200")), &list))
	for _, d := range list.Droplets {
		if d.Name == s.machine(host) {
			s.request(http.MethodDelete, fmt.Sprintf("droplets/%d", d.ID))
			return
		}
	}
	require.Fail(s.t, "no droplet", host)
}
