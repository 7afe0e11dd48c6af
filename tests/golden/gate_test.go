package golden

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/proof"
	"github.com/promwire/promwire/provisioners/relay"
	"github.com/promwire/promwire/provisioners/scripts"
	wg "github.com/promwire/promwire/provisioners/wireguard"
	labport "github.com/promwire/promwire/tests/lab/port"
)

// tools is the absolute path of bin, because scripts run in other folders.
func tools(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// site is a fleet on loopback: real exporters, plain and with certificates, a real Prometheus that scrapes both in one job and guards
// its own endpoint, and the gate. Its folder replaces the root of all hosts. Only the tunnel is missing.
type site struct {
	*testing.T
	folder     string
	web        int         // Prometheus's own port
	fence      int         // where all fences answer
	prometheus *os.Process // the monitor's
	targets    []proof.Target
	ahead      atomic.Int64 // seconds by which the clock of target direct is ahead
}

const admin = "admin"

// relayed is which target's exporter knows nothing of certificates: a relay with TLS leads to it.
const relayed = 3

func newSite(t *testing.T) *site {
	return newSiteOf(t, prometheus.Server{Clusters: true})
}

// newSiteOf is a site whose Prometheus differs from the usual one by what server says.
func newSiteOf(t *testing.T, server prometheus.Server) *site {
	s := &site{T: t, folder: t.TempDir(), web: port(t)}
	s.targets = []proof.Target{
		{Name: "plain", Endpoints: serves(t, false), Tunnel: true, PublicKey: "plain="},
		{Name: "secure", Endpoints: serves(t, true), Tunnel: true, PublicKey: "secure="},
		{Name: "direct", Endpoints: serves(t, true)},
		{Name: "relayed", Endpoints: serves(t, true), Tunnel: true, PublicKey: "relayed="},
	}
	s.targets[relayed].Endpoints[0].Behind = port(t)
	s.certificates()
	for i := range s.targets {
		s.targets[i].Address, s.targets[i].Digest = "127.0.0.1", "d"
		s.exporter(s.targets[i])
		s.discover(s.targets[i])
		s.peer(s.targets[i])
	}
	s.fences()
	s.server(server)
	return s
}

// serves is the endpoint of a host of the site: a node exporter at a free port.
func serves(t *testing.T, tls bool) []exporter.Endpoint {
	return []exporter.Endpoint{{Job: exporter.Node, Port: port(t), TLS: tls, Unit: "node_exporter"}}
}

// port is a free one, and no other test's.
func port(t *testing.T) int {
	t.Helper()
	free, err := labport.Free()
	if err != nil {
		t.Fatal(err)
	}
	return free
}

// at is a path of a host, in the folder.
func (s *site) at(path string) string { return filepath.Join(s.folder, path) }

// here replaces a text's paths by those in the folder.
func (s *site) here(text string) string {
	return regexp.MustCompile(`/(etc|var/lib)/(prometheus|pushgateway|promwire|wireguard)`).ReplaceAllString(text, s.folder+"$0")
}

// write makes a file at once, so that no program reads half of it.
func (s *site) write(path, text string) {
	s.Helper()
	path = s.at(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.Fatal(err)
	}
}

// certificates makes an authority, and a certificate by it for the hosts and one for Prometheus.
func (s *site) certificates() {
	s.Helper()
	s.write("etc/promwire/authority/settings", "validity 86400\nrenew 3600\nauthorities 1\n")
	s.bash(`umask 077
mkdir -p etc/promwire/authority/1 etc/promwire/tls etc/prometheus/tls
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1/key.pem"; }
sign() { # FOLDER SAN USAGE
  key "$1"
  openssl req -new -key "$1/key.pem" -subj /CN=x | openssl x509 -req -CA $a/certificate.pem -CAkey $a/key.pem -set_serial "$RANDOM" -days 1 \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$2" "$3") -out "$1/certificate.pem"
  cp $a/certificate.pem "$1/authorities.pem"
}
a=etc/promwire/authority/1
key $a
openssl req -x509 -key $a/key.pem -subj '/CN=authority' -days 1 -out $a/certificate.pem
sign etc/promwire/tls IP:127.0.0.1 serverAuth
sign etc/prometheus/tls DNS:` + certificate.Scraper + ` clientAuth`)
}

// bash runs commands in the folder.
func (s *site) bash(text string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = s.folder
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
}

// start runs a program of the lab until the test ends.
func (s *site) start(program string, args ...string) *os.Process {
	s.Helper()
	return s.startAt(filepath.Join(bin, program), args...)
}

// startAt runs any program until the test ends.
func (s *site) startAt(path string, args ...string) *os.Process {
	s.Helper()
	program := filepath.Base(path)
	cmd := exec.CommandContext(s.Context(), path, args...)
	log, err := os.Create(s.at(program + strconv.Itoa(port(s.T)) + ".log"))
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // nginx has processes of its own, which end with it
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && s.Failed() {
			s.Logf("%s:\n%s", program, text)
		}
	})
	return cmd.Process
}

// exporter starts a target's exporter, with the clock of a host.
func (s *site) exporter(t proof.Target) {
	s.Helper()
	e := t.Endpoints[0]
	args := []string{"--web.listen-address=127.0.0.1:" + strconv.Itoa(cmp.Or(e.Behind, e.Port)), "--collector.disable-defaults", "--collector.textfile",
		"--collector.textfile.directory=" + s.at(t.Name)}
	if e.Behind != 0 {
		s.relay(e)
	} else if e.TLS {
		s.write(t.Name+".web.yml", s.here(certificate.WebConfig()))
		args = append(args, "--web.config.file="+s.at(t.Name+".web.yml"))
	}
	tell := func() {
		now := time.Now().Unix()
		if !t.Tunnel {
			now += s.ahead.Load()
		}
		s.write(t.Name+"/host.prom", "node_time_seconds "+strconv.FormatInt(now, 10)+"\n")
	}
	tell()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.Context().Err() == nil {
			tell()
			time.Sleep(100 * time.Millisecond)
		}
	}()
	s.Cleanup(func() { <-done })
	s.start("node_exporter", args...)
}

// fences answers for the fence of every target: it reaches nothing.
func (s *site) fences() {
	s.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { listener.Close() })
	s.fence = listener.Addr().(*net.TCPAddr).Port
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(connection, "promwire_fence_open_addresses{to=\"monitor\",port=\"9090\"} 0\npromwire_fence_last_run_timestamp_seconds %d\n", time.Now().Unix())
			connection.Close()
		}
	}()
}

// relay starts the relay of an endpoint. As on a host, systemd listens and gives each connection to a process of its own.
func (s *site) relay(e exporter.Endpoint) {
	s.Helper()
	path := s.at(relayConfig)
	s.write(relayConfig, s.here(relayOf(e).Config()))
	s.startAt("/usr/bin/systemd-socket-activate", "--accept", "--inetd", "--listen=127.0.0.1:"+strconv.Itoa(e.Port), "/usr/bin/stunnel4", path)
}

const relayConfig = "relay.conf"

func relayOf(e exporter.Endpoint) relay.Relay {
	r, _ := relay.Of(e, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil)
	return r
}

// discover adds a target to Prometheus.
func (s *site) discover(t proof.Target) {
	s.Helper()
	e := t.Endpoints[0]
	s.write("etc/prometheus/targets.d/"+t.Name+".node.json", prometheus.Target(
		prometheus.Labels{Name: t.Name, Role: prometheus.RoleTarget}, net.JoinHostPort(t.Address, strconv.Itoa(e.Port)), e))
}

// peer makes a target in the tunnel a peer of the monitor.
func (s *site) peer(t proof.Target) {
	s.Helper()
	if t.Tunnel {
		s.write(strings.TrimPrefix(wg.PeerPart(t.Name), "/"), "[Peer]\nPublicKey = "+t.PublicKey+"\nAllowedIPs = 127.0.0.1/32\n")
	}
}

// server starts Prometheus, with its configuration and with what web.sh makes of its endpoint.
func (s *site) server(server prometheus.Server) {
	s.Helper()
	s.bash(`PATH=$PATH:` + tools(s.T) + onHost + s.here(scripts.WithConstants(scripts.Web)) + "\nweb yes " + admin)
	server.Self = prometheus.Labels{Name: "monitor", Role: prometheus.RoleMonitor}
	server.ScrapeInterval, server.TLS, server.Web, server.Jobs = time.Second, true, web, []string{exporter.Node}
	server.Limits = prometheus.Limits{Samples: 2000, Labels: 20, LabelName: 64, LabelValue: 500, BodySize: "1MB"}
	s.write("etc/prometheus/prometheus.yml", strings.Replace(s.here(server.Render()), "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.web), 1))
	data := []string{"--storage.tsdb.path=" + s.at("data")}
	if server.Agent {
		data = []string{"--agent", "--storage.agent.path=" + s.at("data")}
	}
	s.prometheus = s.start("prometheus", append(data, "--config.file="+s.at("etc/prometheus/prometheus.yml"),
		"--web.config.file="+s.at("etc/prometheus/web.yml"), "--web.listen-address=127.0.0.1:"+strconv.Itoa(s.web))...)
}

var web = prometheus.Web{TLS: true, User: admin}

// gate runs the gate, with a simulated tunnel in which packets flow.
func (s *site) gate(wait time.Duration) (printed string, ok bool) {
	s.Helper()
	return s.open(proof.GateValues{Monitor: "monitor", Digest: "d", Targets: s.targets, Wait: wait, Web: web})
}

// open runs a gate, with these texts of its script (old, new) replaced.
func (s *site) open(values proof.GateValues, replace ...string) (printed string, ok bool) {
	s.Helper()
	script := strings.NewReplacer(replace...).Replace(s.here(proof.Gate(values)))
	script = strings.Replace(script, "127.0.0.1:9090", "127.0.0.1:"+strconv.Itoa(s.web), 1)
	script = strings.Replace(script, "FENCE_PORT="+strconv.Itoa(fence.Port), "FENCE_PORT="+strconv.Itoa(s.fence), 1)
	script = strings.Replace(script, "export PATH=", "export PATH="+tools(s.T)+":", 1)
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-s")
	cmd.Env = append(os.Environ(), "TMPDIR="+s.at("tmp"))
	cmd.Stdin = strings.NewReader(`wg() {
  local key
  for key in key plain secure relayed; do
    case $3 in
      transfer) echo "$key= $RANDOM 0" ;;
      allowed-ips) sed -n 's/^PublicKey = //p' "$PARTS"/peer-*.conf 2>/dev/null || true; return ;;
      *) echo "$key= $(date +%s)" ;;
    esac
  done
}
nft() { :; }
timeout() { [ "$2" = unshare ] && echo closed || command timeout "$@"; } # what the monitor forwards; package proof tries it
ip() { echo "9: promwire0 inet 10.98.0.1/32 scope global promwire0"; }
` + script)
	if err := os.MkdirAll(s.at("tmp"), 0o700); err != nil {
		s.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if left, _ := os.ReadDir(s.at("tmp")); len(left) > 0 {
		s.Errorf("the gate ended with %v", left)
	}
	return string(out), err == nil
}

// passes waits until the gate succeeds.
func (s *site) passes() []proof.Row {
	s.Helper()
	printed, ok := s.gate(40 * time.Second)
	if !ok {
		s.Fatalf("the gate still fails: %s", printed)
	}
	rows, err := proof.Matrix(printed)
	if err != nil {
		s.Fatal(err)
	}
	return rows
}

// scrapesItself waits until Prometheus can scrape its own endpoint.
func (s *site) scrapesItself() {
	s.Helper()
	var said string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		said, _ = run(s.T, filepath.Join(bin, "promtool"), "query", "instant", "--http.config.file="+s.at("etc/prometheus/promtool.yml"),
			"https://127.0.0.1:"+strconv.Itoa(s.web), `up{job="prometheus",name="monitor"} == 1`)
		if strings.Contains(said, "=> 1 @") {
			return
		}
	}
	s.Errorf("Prometheus does not scrape itself: %s", said)
}

// relays changes the relay's configuration, for its next connections, and ends those that there are.
func (s *site) relays(what, by string) {
	s.Helper()
	text := s.here(relayOf(s.targets[relayed].Endpoints[0]).Config())
	if what != "" {
		text = regexp.MustCompile(what).ReplaceAllString(text, by)
	}
	s.write(relayConfig, text)
	s.bash(`for pid in $(pgrep -f "^/usr/bin/stunnel4 $PWD/` + relayConfig + `$" || true); do kill "$pid" 2>/dev/null || true; done`)
}

// many is a text of metrics with so many samples.
func many(samples int) string {
	var text strings.Builder
	for i := range samples {
		fmt.Fprintf(&text, "many{n=\"%d\"} 1\n", i)
	}
	return text.String()
}

// TestGate runs the gate on a fleet that works, and then with one fault after another.
func TestGate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	seen := map[string]int{}
	for _, row := range s.passes() {
		seen[row.From+" to "+row.To+": "+row.Seen]++
	}
	for _, name := range []string{"secure", "direct", "relayed"} {
		for _, what := range []string{
			"plain http to %s: refused", "no certificate to %s: refused", "another authority's certificate to %s: refused",
			"another target's certificate to %s: refused", "another client's certificate to %s: refused",
			"expired certificate to %s: refused", "its own certificate to %s: accepted",
		} {
			if what = "monitor, " + fmt.Sprintf(what, name); seen[what] != 1 {
				t.Errorf("%d rows say %q of %v", seen[what], what, seen)
			}
		}
	}
	if len(seen) != 4+3*7+1+3 { // scraped; certificates; across; fences
		t.Errorf("rows: %v", seen)
	}
	if files, _ := os.ReadDir(s.at("etc/promwire/authority/1")); len(files) != 2 {
		t.Errorf("the gate's certificates are in the authority's records: %v", files)
	}
	s.scrapesItself()
	url := func(i int) string { return fmt.Sprintf("https://127.0.0.1:%d/metrics", s.targets[i].Endpoints[0].Port) }
	direct := "direct.web.yml"
	for _, c := range []struct {
		name        string
		spoil, mend func()
		want, hasnt string // regular expressions of what it must print, and of what it must not
	}{
		{
			"an exporter that asks for no certificate",
			func() {
				s.write(direct, regexp.MustCompile(`(?m)^  (client_.*\n(    - .*\n)?)`).ReplaceAllString(s.here(certificate.WebConfig()), ""))
			},
			func() { s.write(direct, s.here(certificate.WebConfig())) },
			`monitor, no certificate\tdirect\t127.0.0.1\t\d+\trefused\taccepted`, `plain http|secure`,
		},
		{
			"an exporter that accepts certificates of any name",
			func() {
				s.write(direct, regexp.MustCompile(`  client_allowed_sans:\n.*\n`).ReplaceAllString(
					strings.Replace(s.here(certificate.WebConfig()), "RequireAndVerifyClientCert", "RequireAnyClientCert", 1), ""))
			},
			func() { s.write(direct, s.here(certificate.WebConfig())) },
			`another target's certificate\tdirect\t127.0.0.1\t\d+\trefused\taccepted`, `no certificate|secure`,
		},
		{
			"a relay that asks for no certificate",
			func() { s.relays(`(?m)^(verifyChain|checkHost) = .*$`, "") },
			func() { s.relays("", "") },
			`monitor, no certificate\trelayed\t127.0.0.1\t\d+\trefused\taccepted`, `plain http|secure`,
		},
		{
			"a relay that accepts certificates of any name",
			func() { s.relays(`(?m)^checkHost = .*$`, "") },
			func() { s.relays("", "") },
			`another client's certificate\trelayed\t127.0.0.1\t\d+\trefused\taccepted`, `no certificate|secure`,
		},
		{
			"a relay that leads nowhere",
			func() { s.relays(`(?m)^connect = .*$`, "connect = 127.0.0.1:1") },
			func() { s.relays("", "") },
			`  relayed/node: relay: the host's relay ends the connection: nothing answers at the host's own port \d+, or it refuses`, `secure|direct`,
		},
		{
			"more samples than the limit",
			func() { s.write("plain/many.prom", many(2001)) },
			func() { s.bash("rm plain/many.prom") },
			`  plain/node: Prometheus: the exporter answers at http://127.0.0.1:\d+/metrics, but is not scraped: sample limit exceeded; see journalctl`,
			`secure|direct`,
		},
		{
			"a change that waits",
			func() { s.write("var/lib/promwire/turning/secure.node.json", "[]") },
			func() { s.bash("rm var/lib/promwire/turning/secure.node.json") },
			`not scraped after 2 s:\n  secure/node: Prometheus: the exporter answers at ` + url(1) + `, but it is scraped as before until Prometheus changes`,
			`direct|plain`,
		},
		{
			"a target that is still scraped over http",
			func() {
				s.write("etc/prometheus/targets.d/secure.node.json", prometheus.Target(prometheus.Labels{Name: "secure", Role: prometheus.RoleTarget},
					"127.0.0.1:"+strconv.Itoa(s.targets[0].Endpoints[0].Port), exporter.Endpoint{Job: exporter.Node}))
			},
			func() { s.discover(s.targets[1]) },
			`  secure/node: Prometheus: the exporter answers at ` + url(1) + `, but is scraped elsewhere`, `direct|plain/`,
		},
		{
			"a clock that is ahead", func() { s.ahead.Store(3600) }, func() { s.ahead.Store(0) },
			`  direct: clock: it is (3599|3600|3601) s ahead of the monitor's; timedatectl set-ntp true`, `secure|plain`,
		},
		{
			"a clock that is behind", func() { s.ahead.Store(-301 - 10) }, func() { s.ahead.Store(-280) },
			`  direct: clock: it is 31\d s behind the monitor's`, `secure|plain`,
		},
		{
			"a peer and what is scraped of a host whose name begins as another's",
			func() {
				s.peer(proof.Target{Name: "plain-old", Tunnel: true, PublicKey: "old="})
				s.discover(proof.Target{Name: "plain-old", Address: "127.0.0.1", Endpoints: s.targets[0].Endpoints})
				s.write("etc/prometheus/targets.d/mine.json", `[{"targets": ["127.0.0.1:1"]}]`) // the owner's own
			},
			func() {
				s.bash("rm etc/wireguard/promwire0.d/peer-plain-old.conf etc/prometheus/targets.d/{plain-old.node,mine}.json")
			},
			`the monitor has what is of no host and no cluster of this stack:\n  plain-old: peer at 127.0.0.1/32\n  plain-old: scraped by ` +
				s.at("etc/prometheus/targets.d/plain-old.node.json") + `\nWhoever`, `mine|secure|direct|plain:`,
		},
		{
			"a Prometheus that admits nobody",
			func() { s.bash("mv etc/prometheus/promtool.yml etc/prometheus/away") },
			func() { s.bash("mv etc/prometheus/away etc/prometheus/promtool.yml") },
			fmt.Sprintf(`Prometheus does not answer at https://127.0.0.1:%d`, s.web), `not scraped`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.spoil()
			defer c.mend()
			deadline := time.Now().Add(40 * time.Second)
			for { // until Prometheus has noticed
				printed, ok := s.gate(2 * time.Second)
				if !ok && regexp.MustCompile(c.want).MatchString(printed) && !regexp.MustCompile(c.hasnt).MatchString(printed) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("it passed: %v, and printed:\n%s\nwant %s", ok, printed, c.want)
				}
			}
		})
	}
	s.passes()
}
