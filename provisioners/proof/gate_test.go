package proof

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/promwire/promwire/provisioners/exporter"
	fences "github.com/promwire/promwire/provisioners/fence"
)

// ask runs commands below the gate's functions, with files in folder instead of the monitor's.
func ask(t *testing.T, folder, commands string) string {
	t.Helper()
	return askOf(t, gate, folder, commands)
}

// askOf is ask with another gate.
func askOf(t *testing.T, gate GateValues, folder, commands string) string {
	t.Helper()
	return askOfScript(t, Gate(gate), folder, commands)
}

// askOfScript is ask with another script.
func askOfScript(t *testing.T, whole, folder, commands string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	script := strings.TrimSuffix(whole, "main </dev/null\n")
	if script == whole {
		t.Fatal("the gate's last line has changed")
	}
	for _, path := range []string{"/etc/prometheus", "/var/lib/promwire", "/var/lib/node_exporter", "/etc/wireguard", "/etc/promwire"} {
		script = strings.ReplaceAll(script, path, folder)
	}
	cmd := exec.CommandContext(ctx, "bash", "-s")
	cmd.Stdin = strings.NewReader(script + commands + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s(%v)", out, err)
	}
	return string(out)
}

// pair is a certificate by an authority, for an address, usable by servers and clients.
type pair struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

func sign(t *testing.T, by *pair, address string, from, to time.Time) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "x"}, NotBefore: from, NotAfter: to,
		IsCA: by == nil, BasicConstraintsValid: true, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent := &pair{template, key}
	if by != nil {
		parent, template.IPAddresses = by, []net.IP{net.ParseIP(address)}
	} else {
		template.Subject.CommonName = "authority " + template.SerialNumber.String()
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Certificate, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{certificate, key}
}

func (p *pair) save(t *testing.T, certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: p.Raw}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// server serves as an exporter does: TLS 1.3, only for clients with a certificate by the authority. It returns its port.
func server(t *testing.T, own, clients *pair, now func() time.Time) int {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(clients.Certificate)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{own.Raw}, PrivateKey: own.key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS13, Time: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	s.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

// TestCauses lets a real curl find out what is wrong with an exporter.
func TestCauses(t *testing.T) {
	now := time.Now()
	day := 24 * time.Hour
	authority := sign(t, nil, "", now.Add(-99*day), now.Add(99*day))
	stranger := sign(t, nil, "", now.Add(-99*day), now.Add(99*day))
	good := sign(t, authority, "127.0.0.1", now.Add(-day), now.Add(day))
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "tls"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(folder, "tls", name) }
	authority.save(t, file("authorities.pem"), file("none"))
	good.save(t, file("certificate.pem"), file("key.pem"))

	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = http.Serve(plain, http.NotFoundHandler()) }()
	defer plain.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	portOf := func(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

	for _, c := range []struct {
		name, scheme string
		port         int
		want         string
	}{
		{"all is well", "https", server(t, good, authority, nil), "nothing\n"},
		{"nothing listens", "https", portOf(gone), "exporter: connection refused; "},
		{"plain http is there", "https", portOf(plain), "certificate: no TLS with the host; "},
		{"there are no metrics", "http", portOf(plain), "exporter: curl: (22) The requested URL returned error: 404"},
		{"the host's has expired", "https", server(t, sign(t, authority, "127.0.0.1", now.Add(-2*day), now.Add(-day)), authority, nil),
			"certificate: the host's has expired by the monitor's clock, "},
		{"the host's is not valid yet", "https", server(t, sign(t, authority, "127.0.0.1", now.Add(day), now.Add(2*day)), authority, nil),
			"certificate: the host's is not valid yet by the monitor's clock, "},
		{"an unknown authority signed the host's", "https", server(t, sign(t, stranger, "127.0.0.1", now.Add(-day), now.Add(day)), authority, nil),
			"certificate: no authority that the monitor trusts signed the host's; "},
		{"another host is there", "https", server(t, sign(t, authority, "127.0.0.2", now.Add(-day), now.Add(day)), authority, nil),
			"certificate: the host's is not for 127.0.0.1; "},
		{"the host trusts another authority", "https", server(t, good, stranger, nil), "certificate: the host does not trust the authority of the monitor's; "},
		{"the host's clock is behind", "https", server(t, good, authority, func() time.Time { return now.Add(-2 * day) }),
			"certificate: to the host's clock, the monitor's has expired or is not valid yet; compare date on both, timedatectl set-ntp true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			said := ask(t, folder, fmt.Sprintf("exporter_cause c/node 127.0.0.1 %s://127.0.0.1:%d/metrics || echo nothing", c.scheme, c.port))
			if !strings.HasPrefix(said, c.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("it says:\n%s\nwant one line: %s", said, c.want)
			}
		})
	}
}

// TestCauseOfSilence: what curl tells of an endpoint that does not answer in time, and one that answers only what is small.
func TestCauseOfSilence(t *testing.T) {
	small, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { small.Close() }) // the tests below run when this function has ended
	go func() {
		_ = http.Serve(small, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodHead {
				<-r.Context().Done()
			}
		}))
	}()
	for name, c := range map[string]struct{ curl, want string }{
		"large answers are lost":     {"", "MTU: small answers arrive, and large ones do not within 10 s; set mtu: 1280 for this host"},
		"a small error is an answer": {`curl() { [[ $* != *--head* ]] || echo 405 0.1; return 28; }`, "MTU: "},
		"it hangs": {`curl() { [[ $* != *--head* ]] || echo 000 0.000102; return 28; }`,
			"exporter: it accepts the connection and does not answer; does the service run, and listen there?"},
		"nothing is there": {`curl() { [[ $* != *--head* ]] || echo 000 0.000000; return 28; }`, "exporter: no answer; if the host is up, see nft"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := ask(t, t.TempDir(), fmt.Sprintf("fleet_targets='c node 127.0.0.1 1 http /metrics tunnel - key= d -'\n%s\nexporter_cause c/node 127.0.0.1 http://%s/metrics",
				c.curl, small.Addr()))
			if !strings.HasPrefix(said, c.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("it says:\n%s\nwant one line: %s", said, c.want)
			}
		})
	}
}

// TestAttempts: what is refused, and what only does not answer.
func TestAttempts(t *testing.T) {
	for _, c := range []struct {
		status, code, want string
	}{
		{"0", "200", "accepted"},
		{"0", "400", "refused"}, // plain HTTP, says Go's TLS server
		{"0", "403", "refused"},
		{"35", "000", "refused"},
		{"52", "000", "refused"},
		{"56", "000", "refused"},
		{"7", "000", "silent"},
		{"28", "000", "silent"},
		{"60", "000", "silent"}, // the host's own is bad: that does not say which clients it accepts
		{"58", "000", "silent"}, // curl can't read its own certificate
	} {
		said := ask(t, t.TempDir(), `name=a address=b port=1; curl() { printf `+c.code+`; return `+c.status+`; }; attempt what refused url`)
		if want := "monitor, what\ta\tb\t1\trefused\t" + c.want + "\n"; said != want {
			t.Errorf("curl says %s, %s: got %q, want %q", c.status, c.code, said, want)
		}
	}
}

// TestTwins: a host may have several endpoints, and direct targets have no key.
func TestTwins(t *testing.T) {
	node := []exporter.Endpoint{{Job: "node", Port: 9100}, {Job: "shop", Port: 8080}}
	target := func(name, key string) Target {
		return Target{Name: name, Address: "10.98.0.2", Endpoints: node, Tunnel: true, PublicKey: key}
	}
	gate := GateValues{Monitor: "monitor", Targets: []Target{target("a", "1="), target("b", "2="), target("c", ""), target("d", "-")}}
	if seen := askOf(t, gate, t.TempDir(), "twins"); strings.TrimSpace(seen) != "" {
		t.Errorf("no two have one key, but: %q", seen)
	}
	gate.Targets = append(gate.Targets, target("e", "2="))
	if seen := askOf(t, gate, t.TempDir(), "twins"); seen != "b and e\n" {
		t.Errorf("b and e have one key, but: %q", seen)
	}
	if seen := askOf(t, gate, t.TempDir(), "(main) 2>&1"); !strings.Contains(seen, "promwire: monitor: verify: b and e have the same WireGuard key; ") {
		t.Errorf("the gate goes on: %q", seen)
	}
}

// TestDown: which endpoints are not scraped where they must be. b and c have certificates.
func TestDown(t *testing.T) {
	const (
		up = `{job="node", name="a"} => 1 @[1]\n{job="shop", name="a"} => 1 @[1]\n{job="node", name="b"} => 1 @[1]\n` +
			`{job="node", name="c"} => 1 @[1]\n{job="other", name="c"} => 0 @[1]\n`
		shop  = `"scrapeUrl":"http://10.98.0.2:8080/internal/metrics"`
		urls  = shop + `"scrapeUrl":"http://10.98.0.2:9100/metrics"x"scrapeUrl":"https://10.98.0.3:19100/metrics"x"scrapeUrl":"https://c.example.com:19100/metrics"`
		plain = shop + `"scrapeUrl":"http://10.98.0.2:9100/metrics"x"scrapeUrl":"http://10.98.0.3:9100/metrics"x"scrapeUrl":"https://c.example.com:19100/metrics"`
	)
	for _, c := range []struct{ name, promtool, curl, more, want string }{
		{"all is well", up, urls, "", ""},
		{"one is down", strings.Replace(up, `b"} => 1`, `b"} => 0`, 1), urls, "", "b/node"},
		{"a service is down", strings.Replace(up, `shop", name="a"} => 1`, `shop", name="a"} => 0`, 1), urls, "", "a/shop"},
		{"a service is scraped elsewhere", up, strings.Replace(urls, shop, "", 1), "", "a/shop"},
		{"Prometheus has no targets", "", "", "", "a/node a/shop b/node c/node"},
		{"Prometheus scrapes one as before", up, plain, "", "b/node"},
		{"Prometheus is to change to one", up, urls, "c.node", "c/node"},
		{"Prometheus is to change to another one", up, urls, "z.node", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.MkdirAll(filepath.Join(folder, "turning"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "turning", c.more+".json"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			said := ask(t, folder, "promtool() { printf '"+c.promtool+"'; }; curl() { echo '"+c.curl+"'; }; down | xargs")
			if strings.TrimSpace(said) != c.want {
				t.Errorf("got %q, want %q", said, c.want)
			}
		})
	}
}

// TestSkewed: only certificates depend on the clock.
func TestSkewed(t *testing.T) {
	const clocks = `{name="a"} => 9999 @[1]\n{name="xb"} => 9999 @[1]\n{name="b"} => -301 @[1]\n{name="c"} => 301 @[1]\n`
	const promtool = `promtool() { printf '%s'; }; skewed`
	said := ask(t, t.TempDir(), strings.Replace(promtool, "%s", clocks, 1))
	want := "  b: clock: it is 301 s behind the monitor's; timedatectl set-ntp true\n  c: clock: it is 301 s ahead of the monitor's; timedatectl set-ntp true\n"
	if said != want {
		t.Errorf("got:\n%swant:\n%s", said, want)
	}
	if said := ask(t, t.TempDir(), strings.Replace(promtool, "%s", strings.ReplaceAll(clocks, "301", "300"), 1)); said != "" {
		t.Errorf("300 s are too much: %s", said)
	}
}

// TestFenced: only targets in the tunnel probe it.
func TestFenced(t *testing.T) {
	if said := ask(t, t.TempDir(), "fenced | xargs"); said != "a b\n" {
		t.Errorf("got %q", said)
	}
}

// TestFenceRows: what the fleet's targets in the tunnel saw.
func TestFenceRows(t *testing.T) {
	const answers = `probes=$'\nb|9090|monitor\t1\n\na|9100|monitor\t0\na|9100|targets\t2'`
	said := ask(t, t.TempDir(), `ip() { echo "1: promwire0 inet 10.98.0.1/24"; }; `+answers+`; fence_rows`)
	want := "a\tmonitor\t10.98.0.1\t9100\tclosed\tclosed\na\tother hosts\ttunnel\t9100\tclosed\topen\n" +
		"b\tmonitor\t10.98.0.1\t9090\tclosed\topen\n"
	if said != want {
		t.Errorf("got:\n%swant:\n%s", said, want)
	}
}

// fence answers each connection to FENCE_PORT of an address in loopback, until the test ends.
func fence(t *testing.T, address, answer string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(fences.Port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(connection, answer)
			connection.Close()
		}
	}()
}

// TestAskFences asks real sockets. What a target says is taken only if it is whole, and only what a fence says.
func TestAskFences(t *testing.T) {
	const (
		open = "# HELP promwire_fence_open_addresses Addresses\n" + `promwire_fence_open_addresses{to="monitor",port="9090"} 0` + "\n" +
			`promwire_fence_open_addresses{to="targets",port="9100"} 1` + "\n"
		end = "promwire_fence_last_run_timestamp_seconds 1700000000\n"
		lie = `promwire_fence_open_addresses{to="targets",port="9100",name="b"} 0` + "\n" + `x|9100|targets	0` + "\n" +
			`promwire_fence_open_addresses{to="targets",port="9100"} 0|` + "\n"
		// Targets a, at 127.98.0.2, and b, at 127.98.0.3; c is outside the tunnel.
		asks = `fleet_targets=$(sed 's/10\.98\./127.98./' <<<"$fleet_targets"); fleet_seconds=2; unset SECONDS; SECONDS=0
sleep() { SECONDS=$((SECONDS + 1)); }; dark() { :; }; status=0; ask_fences || status=$?; sed '/^$/d' <<<"$probes" | sort -u; echo "$status, silent: $left"`
		a = "a|9090|monitor\t0\na|9100|targets\t1\n"
		b = "b|9090|monitor\t0\nb|9100|targets\t1\n"
	)
	for _, c := range []struct{ name, ofA, ofB, want string }{
		{"both answer", open + end, open + end, a + b + "0, silent: \n"},
		{"one does not listen", open + end, "", a + "1, silent: b\n"},
		{"one answers half", open, open + end, b + "1, silent: a\n"},
		{"one says more than a fence does", open + lie + end, open + end, a + b + "0, silent: \n"},
		{"one says nothing of it", end, "\n" + end, "1, silent: a\nb\n"},
		{"one does not end", open + strings.Repeat("x", 70000) + "\n" + end, open + end, b + "1, silent: a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fence(t, "127.98.0.2", c.ofA)
			if c.ofB != "" {
				fence(t, "127.98.0.3", c.ofB)
			}
			if said := ask(t, t.TempDir(), asks); said != c.want {
				t.Errorf("got:\n%swant:\n%s", said, c.want)
			}
		})
	}
}

// TestAskFencesNotForLong: what does not answer 45 s after all are scraped will not, and the others have answered.
func TestAskFencesNotForLong(t *testing.T) {
	const asks = `answer_of() { [ "$1" = b ] || printf 'a|9090|monitor\t0\n'; }; fleet_seconds=165; unset SECONDS; SECONDS=0
sleep() { SECONDS=$((SECONDS + 5)); }; dark() { :; }; ask_fences || echo "silent: $left after $SECONDS"`
	if said := ask(t, t.TempDir(), asks); said != "silent: b after 45\n" {
		t.Errorf("got %q", said)
	}
}

// TestOneFenceHangs: a target that does not answer holds up none of the others, however many there are.
func TestOneFenceHangs(t *testing.T) {
	const asks = `fleet_targets=$(for n in {1..250}; do echo "t$n node 10.98.0.$n 9100 http /metrics tunnel - key$n= d -"; done)
answer_of() { [ "$1" != t1 ] || sleep 2; echo "$1"; }; fenced | answers_of | tail -n 1`
	if said := ask(t, t.TempDir(), asks); said != "t1\n" {
		t.Errorf("the last one that answered is %q", said)
	}
}

// TestCauseOfSilentFence: a fence that does not answer is told apart from one whose port is dropped, and from others who have the port.
func TestCauseOfSilentFence(t *testing.T) {
	const whole = "# of a fence\npromwire_fence_last_run_timestamp_seconds 1700000000\n"
	for _, c := range []struct{ name, asks, answer, want string }{
		{"nothing listens", "", "-", "nothing listens at port 19098; run systemctl start promwire-fence-asked.socket on the host\n"},
		{"dropped", `ask_fence() { return 124; }; `, "-", "no answer of port 19098 within 15 s; see nft list ruleset on the host, "},
		{"no answer", "", "", "it ends the connection; see journalctl -u promwire-fence-asked.socket -u 'promwire-fence-asked@*' on the host\n"},
		{"no fence", "", "HTTP/1.1 200 OK\n\x1b[2J\n", "what answers at port 19098 is no fence, or says only half; "},
		{"no way", `ask_fence() { printf 'ask: connect: No \033[2Jroute\n' >&2; return 1; }; `, "-", "ask: connect: No [2Jroute; see systemctl status"},
		{"by now", "", whole, "it answers now; run pulumi up again\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.answer != "-" {
				fence(t, "127.98.0.2", c.answer)
			}
			asks := `fleet_targets=$(sed 's/10\.98\./127.98./' <<<"$fleet_targets"); left=a; ` + c.asks + "fail_silent"
			want := "verify: no answer of these hosts' fences:\n  a: fence: " + c.want
			if said := ask(t, t.TempDir(), asks); !strings.Contains(said, want) {
				t.Errorf("got:\n%swant:\n%s", said, want)
			}
		})
	}
}

// TestTold: what the gate proved, and when, is there whole for the exporter, with a word on what it is not, and not at all on a monitor that has none.
func TestTold(t *testing.T) {
	const tell = `TOLD=${TEXTFILES%/*}; matrix=$'m\ta\t1\t9\topen\topen\nm\tb\t2\t9\tclosed\tclosed\na\tb\t2\t9\tclosed\tclosed'; began=$((EPOCHSECONDS - 4)); told; `
	if said := ask(t, t.TempDir(), tell+`ls -A "$TOLD"`); said != "" {
		t.Errorf("without the exporter's folder: %s", said)
	}
	said := ask(t, t.TempDir(), `mkdir -p "$TEXTFILES"; `+tell+`ls "$TEXTFILES"; stat -c %a "$TEXTFILES"/*; grep -v '^#' "$TEXTFILES"/* | sort | sed 's/ 1[0-9]\{9\}$/ now/'; grep -c '^# HELP.* from outside' "$TEXTFILES"/*`)
	const want = `promwire_proof.prom
644
promwire_proof_duration_seconds 4
promwire_proof_last_timestamp_seconds now
promwire_proof_probes{seen="closed"} 2
promwire_proof_probes{seen="open"} 1
2
`
	if said != want {
		t.Errorf("got:\n%swant:\n%s", said, want)
	}
}

// TestCauseOfTunnel: the tunnel comes first, and only where there is one.
func TestCauseOfTunnel(t *testing.T) {
	const wg = `wg() { [ "$3" = transfer ] && echo "keyA= 5 6" || echo "keyA= %s"; }; curl() { return 7; }; transfer=$(wg show x transfer); cause %s`
	for _, c := range []struct{ handshake, name, want string }{
		{"0", "a/node", "tunnel: it never completed a handshake; "},
		{"1", "a/shop", "tunnel: silent, its last handshake was "},
		{"1", "b/node", "tunnel: the monitor does not know its key; "},
		{"1", "c/node", "exporter: connection refused; see systemctl status node_exporter-tls on the host"},
	} {
		if said := ask(t, t.TempDir(), fmt.Sprintf(wg, c.handshake, c.name)); !strings.HasPrefix(said, c.want) {
			t.Errorf("%+v: %s", c, said)
		}
	}
}

// TestWaitsForNoDefiniteCause: the gate ends early only if everything that is left has a definite cause, twice in a row.
func TestWaitsForNoDefiniteCause(t *testing.T) {
	const begin = `
sleep() { SECONDS=$((SECONDS + 5)); }
worth_waiting() { [ "$SECONDS" -lt 165 ]; }
unset SECONDS; SECONDS=0
down() { [ "$SECONDS" -ge "${UNTIL:-999}" ] || printf '%s\n' $LEFT; }
cause() { case $1 in
  refused/*) echo "exporter: connection refused; see systemctl status node_exporter on the host" ;;
  other/*) echo "certificate: the host's is not for 10.98.0.3" ;;
  relayed/*) [ "$SECONDS" -lt "${MENDED:-999}" ] && echo "relay: the host's relay ends the connection" || echo "Prometheus: it answers" ;;
  *) echo "exporter: no answer; if the host is up" ;;
esac; }
`
	for name, c := range map[string]struct{ text, want string }{
		"all refuse":              {"LEFT='other/node refused/node refused/shop relayed/db'", "1 after 30"},
		"one does not answer":     {"LEFT='refused/node silent/node'", "1 after 165"},
		"one is mended meanwhile": {"LEFT=relayed/db MENDED=25 UNTIL=40", "0 after 40"},
		"it comes soon":           {"LEFT=refused/node UNTIL=20", "0 after 20"},
		"too many to ask":         {"LEFT=$(seq -f 'refused/%03g' 9)", "1 after 165"},
	} {
		if said := ask(t, t.TempDir(), begin+c.text+"\nLEFT=$(sort <<<\"${LEFT// /$'\\n'}\"); status=0; scrapes || status=$?; echo \"$status after $SECONDS\""); said != c.want+"\n" {
			t.Errorf("%s: got %q, want %q", name, said, c.want)
		}
	}
}

// TestWaitsForNoDarkTarget: the gate waits no longer for targets that were dark before it and stay so, but for all others.
func TestWaitsForNoDarkTarget(t *testing.T) {
	// a and b are in the tunnel. Each wait takes ten seconds.
	const begin = `
sleep() { SECONDS=$((SECONDS + 10)); }
wg() { case $3 in
  transfer) printf 'keyA=\t%s\t6\nkeyB=\t5\t6\n' "$((SECONDS < 20 ? 5 : LATER))" ;;
  latest-handshakes) printf 'keyA=\t%s\nkeyB=\t%s\n' "$STAMP" "${NEW:-1}" ;;
esac; }
unset SECONDS; SECONDS=0 fleet_seconds=165 LATER=5 STAMP=1
transfer=$(wg show x transfer)
left() { [ "$SECONDS" -ge "${UNTIL:-999}" ] || echo "$LEFT"; }
`
	for name, c := range map[string]struct{ text, want string }{
		"all that is left is dark":     {"LEFT=$'a/node\na/shop\nb/node'", "1 after 50"},
		"their fences do not answer":   {"LEFT=$'a\nb'", "1 after 50"},
		"one is outside the tunnel":    {"LEFT=$'a/node\nc/node'", "1 after 170"},
		"one sends something":          {"LEFT=a/node LATER=7", "1 after 170"},
		"one had a handshake just now": {"LEFT=a/node STAMP=$(date +%s)", "1 after 170"},
		"one is new":                   {"LEFT=b/node NEW=0", "1 after 170"},
		"one comes back soon":          {"LEFT=a/node UNTIL=30", "0 after 30"},
	} {
		if said := ask(t, t.TempDir(), begin+c.text+"\nstatus=0; until_none left || status=$?; echo \"$status after $SECONDS\""); said != c.want+"\n" {
			t.Errorf("%s: got %q, want %q", name, said, c.want)
		}
	}
}
