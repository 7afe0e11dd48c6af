package golden

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// pod stands for a pod, its loopback and its files: a real Pushgateway, in one of its two forms. Its users' passwords are their names backwards.
type pod struct {
	*site
	port    int // where it is to be reached
	gateway int // where the Pushgateway listens
	ready   int // for probes
}

func newPod(t *testing.T) *pod {
	t.Helper()
	p := &pod{site: &site{T: t, folder: t.TempDir()}, port: port(t), gateway: port(t), ready: port(t)}
	p.bash(`mkdir -p nginx/tls pushgateway/tls run
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x -addext subjectAltName=IP:127.0.0.1 \
  -keyout nginx/tls/tls.key -out nginx/tls/tls.crt 2>said
cp nginx/tls/* pushgateway/tls`)
	return p
}

// user has a password, hashed with bcrypt's lowest cost.
func (p *pod) user(name string) pushgateway.User {
	p.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password(name)), bcrypt.MinCost)
	if err != nil {
		p.Fatal(err)
	}
	return pushgateway.User{Name: name, Hash: string(hash)}
}

func password(name string) string {
	letters := []byte(name)
	for i, j := 0, len(letters)-1; i < j; i, j = i+1, j-1 {
		letters[i], letters[j] = letters[j], letters[i]
	}
	return string(letters)
}

// here replaces a pod's paths and ports in a text by those of the test.
func (p *pod) here(text string) string {
	return strings.NewReplacer(
		"/etc/", p.folder+"/", "/run/nginx", p.folder+"/run", "listen 8443", "listen 127.0.0.1:"+strconv.Itoa(p.port),
		strconv.Itoa(pushgateway.ReadyPort), strconv.Itoa(p.ready), strconv.Itoa(pushgateway.Port), strconv.Itoa(p.gateway),
	).Replace(text)
}

// args are the Pushgateway's arguments, on loopback only.
func (p *pod) args(args []string) []string {
	all := make([]string, len(args))
	for i, arg := range args {
		all[i] = strings.Replace(p.here(arg), "=:", "=127.0.0.1:", 1)
	}
	return all
}

// text is what a renderer made.
func (p *pod) text(text string, err error) string {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
	return text
}

// proxied starts both programs of the form proxy. spoil changes the configuration first.
func (p *pod) proxied(form pushgateway.Proxy, spoil ...string) {
	p.Helper()
	conf := strings.NewReplacer(spoil...).Replace(p.text(form.NginxConf()))
	p.write("nginx/nginx.conf", p.here(conf))
	p.write("nginx/htpasswd", p.text(form.Htpasswd()))
	p.start("pushgateway", p.args(form.Args())...)
	p.nginx()
	p.until("the proxy is ready", func() bool { return p.probe() == http.StatusOK })
}

// nginx starts the proxy, which needs a user of its own only if it starts as root.
func (p *pod) nginx() {
	p.Helper()
	program, err := setup.Nginx(p.Context(), folder.Default(filepath.Join("..", "..")), p.Output())
	if err != nil {
		p.Fatal(err)
	}
	directives := "daemon off;"
	if os.Geteuid() == 0 {
		directives += " user root;"
	}
	args := []string{"-e", "stderr", "-c", p.at("nginx/nginx.conf"), "-g", directives}
	ctx, cancel := context.WithTimeout(p.Context(), time.Minute)
	defer cancel()
	if said, err := exec.CommandContext(ctx, program, append([]string{"-t"}, args...)...).CombinedOutput(); err != nil {
		p.Fatalf("nginx -t: %v: %s", err, said)
	}
	p.startAt(program, args...)
}

// probe is the status that probes see.
func (p *pod) probe() int {
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/-/ready", p.ready))
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

// until waits for a condition.
func (s *site) until(what string, is func() bool) {
	s.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("after 30 s it is not so that %s", what)
		}
	}
}

// request is a request as it is sent: no client cleans its path.
type request struct {
	method, target string
	user, password string // "": without credentials
	body           string
}

// by is the same request by somebody with the right password.
func (r request) by(user string) request {
	r.user, r.password = user, password(user)
	return r
}

func (r request) bytes() string {
	head := r.method + " " + r.target + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
	if r.user != "" {
		head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(r.user+":"+r.password)) + "\r\n"
	}
	if r.body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(r.body))
	}
	return head + "\r\n" + r.body
}

// ask sends a request by TLS 1.3, and again if it was rate-limited.
func (p *pod) ask(r request) (status int, body string) {
	p.Helper()
	p.until(r.method+" "+r.target+" is answered", func() bool {
		status, body = p.once(r)
		return status != http.StatusTooManyRequests
	})
	return status, body
}

func (p *pod) once(r request) (status int, body string) {
	p.Helper()
	connection, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), p.trust())
	if err != nil {
		p.Error(err)
		return 0, ""
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, r.bytes()); err != nil {
		p.Error(err)
		return 0, ""
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: r.method})
	if err != nil {
		p.Errorf("%s %q: %v", r.method, r.target, err)
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func (p *pod) trust() *tls.Config {
	certificate, err := os.ReadFile(p.at("nginx/tls/tls.crt"))
	if err != nil {
		p.Error(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
}

// groups are the label sets of what was pushed, read behind the proxy.
func (p *pod) groups() []map[string]string {
	p.Helper()
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/metrics", p.gateway))
	if err != nil {
		p.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Data []struct{ Labels map[string]string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.Fatal(err)
	}
	var all []map[string]string
	for _, group := range answer.Data {
		all = append(all, group.Labels)
	}
	return all
}

const sample = "shop_orders 1\n"

func push(target string) request { return request{method: "PUT", target: target, body: sample} }
func get(target string) request  { return request{method: "GET", target: target} }

func form(p *pod) pushgateway.Proxy {
	return pushgateway.Proxy{
		Pushers:  []pushgateway.User{p.user("backup"), p.user("report.daily")},
		Scrapers: []pushgateway.User{p.user("prometheus")},
	}
}

// TestProxy requests all that users may do, and what they may not, from the real nginx in front of a real Pushgateway.
func TestProxy(t *testing.T) {
	t.Parallel()
	p := newPod(t)
	p.proxied(form(p))
	wrong := push("/metrics/job/backup")
	wrong.user, wrong.password = "backup", "wrong"
	post, remove := push("/metrics/job/backup"), request{method: "DELETE", target: "/metrics/job/backup/instance/a%3A1"}
	post.method = "POST"
	for _, c := range []struct {
		name string
		request
		want int
	}{
		{"nobody pushes", push("/metrics/job/backup"), 401},
		{"nobody scrapes", get("/metrics"), 401},
		{"no credentials", get("/"), 401},
		{"a wrong password", wrong, 401},
		{"a wrong password on another's job", request{method: "PUT", target: "/metrics/job/other", user: "backup", password: "wrong"}, 401},
		{"somebody unknown", push("/metrics/job/backup").by("other"), 401},
		{"the name in capitals", request{method: "PUT", target: "/metrics/job/BACKUP", user: "BACKUP", password: password("backup"), body: sample}, 401},
		{"its job", push("/metrics/job/backup").by("backup"), 200},
		{"its job, added to", post.by("backup"), 200},
		{"its job, grouped", push("/metrics/job/backup/instance/a%3A1/path_/x.y").by("backup"), 200},
		{"its group, deleted", remove.by("backup"), 202},
		{"a name with a dot", push("/metrics/job/report.daily").by("report.daily"), 200},
		{"the scraper", get("/metrics").by("prometheus"), 200},
		{"a pusher scrapes", get("/metrics").by("backup"), 403},
		{"a pusher reads its own", get("/metrics/job/backup").by("backup"), 403},
		{"the scraper pushes", push("/metrics/job/prometheus").by("prometheus"), 403},
		{"the scraper deletes", request{method: "DELETE", target: "/metrics/job/backup"}.by("prometheus"), 403},
		{"the scraper reads more", get("/metrics?x=1").by("prometheus"), 403},
		{"the scraper's status page", get("/status").by("prometheus"), 403},
		{"the scraper in capitals", get("/METRICS").by("prometheus"), 403},
		{"another verb", request{method: "PATCH", target: "/metrics/job/backup", body: sample}.by("backup"), 403},
		{"the API", get("/api/v1/metrics").by("prometheus"), 403},
		{"the admin API", request{method: "PUT", target: "/api/v1/admin/wipe"}.by("backup"), 403},
		{"the end", request{method: "PUT", target: "/-/quit"}.by("backup"), 403},
		{"profiles", get("/debug/pprof/heap").by("prometheus"), 403},
		{"readiness", get("/-/ready").by("prometheus"), 403},
		{"the proxy's internal location", get("/permitted").by("prometheus"), 404},
		{"a similar name", push("/metrics/job/reportXdaily").by("report.daily"), 403},
	} {
		if status, body := p.ask(c.request); status != c.want {
			t.Errorf("%s: %s %s by %q is answered %d, want %d: %s", c.name, c.method, c.target, c.user, status, c.want, body)
		}
	}
	if _, body := p.ask(get("/metrics").by("prometheus")); !strings.Contains(body, `shop_orders{instance="",job="backup"} 1`) {
		t.Errorf("what was pushed is not scraped:\n%s", body)
	}
}

// TestForcedJob: however a pusher writes another job's path, it is refused, and no series of that job exists.
func TestForcedJob(t *testing.T) {
	p := newPod(t)
	p.proxied(form(p))
	for _, target := range []string{
		"/metrics/job/other", "/metrics/job/Backup", "/metrics/job/backup2", "/metrics/job/backu", "/metrics/job/", "/metrics/job", "/metrics",
		"/metrics/job@base64/b3RoZXI", "/metrics/job@base64/YmFja3Vw", "/metrics/job%40base64/b3RoZXI", "/metrics/job/b%61ckup",
		"/metrics/job/backup/", "/metrics/job/backup//", "//metrics/job/backup", "/metrics//job/backup", "/metrics/job//backup",
		"/metrics/job/backup//instance/a", "/metrics/job/backup/instance//a/b", "/metrics/job/backup/instance", "/metrics/job/backup/instance/",
		"/metrics/job/backup/../other", "/metrics/job/other/../backup", "/metrics/./job/backup", "/metrics/job/backup/./x",
		"/metrics/job/backup/instance/..", "/metrics/job/backup/instance/.", "/metrics/job/backup/instance/../../other",
		"/metrics/job/backup%2F..%2Fother", "/metrics/job/backup%2Finstance/a", "/metrics/job/backup/instance/a%2Fjob%2Fother",
		"/metrics/job/backup/instance/%2e%2e", "/metrics/job/backup/instance/%2E", "/metrics/job/backup/instance/a%5Cb", "/metrics/job/backup\\..\\other",
		"/metrics/job/backup/job/other", "/metrics/job/backup/a/b/job/other", "/metrics/job/backup/job@base64/b3RoZXI",
		"/metrics/job/backup/instance@base64/YQ", "/metrics/job/backup/instance@base64/=", "/metrics/job/backup/instance/%FF",
		"/metrics/job/backup/instance/%C3%28", "/metrics/job/backup/instance/%0a", "/metrics/job/backup/instance/%7f", "/metrics/job/backup/instance/%zz",
		"/metrics/job/backup/instance/%", "/metrics/job/backup?job=other", "/metrics/job/backup#", "/metrics/job/backup;x", "/metrics/job/backup%00",
		"/metrics/job/backup%20", "/metrics/job/backup/in-stance/a", "/metrics/job/backup/in%73tance/a", "https://gateway/metrics/job/other",
	} {
		status, _ := p.ask(push(target).by("backup"))
		if status != http.StatusForbidden && status != http.StatusBadRequest && status != http.StatusNotFound {
			t.Errorf("%s is answered %d", target, status)
		}
	}
	if groups := p.groups(); len(groups) > 0 {
		t.Errorf("something was pushed: %v", groups)
	}
}

// TestAnyPath: paths of random parts never reach another job, and never break the scrape.
func TestAnyPath(t *testing.T) {
	t.Parallel()
	p := newPod(t)
	p.proxied(form(p), "limit_req zone=addresses burst=40 nodelay;", "")
	pieces := []string{"/metrics", "/job", "/backup", "/other", "/", "//", "/..", "/.", "@base64", "/instance", "/a", "=", "%2F", "%2e", "%FF", "%41", "?", "+", ":"}
	random := rand.New(rand.NewPCG(1, 2))
	through := 0
	for range 3000 {
		target := "/metrics/job/backup"
		if random.IntN(4) == 0 {
			target = "/metrics"
		}
		for range random.IntN(7) {
			target += pieces[random.IntN(len(pieces))]
		}
		if status, _ := p.ask(push(target).by("backup")); status == http.StatusOK {
			through++
		}
	}
	if through == 0 {
		t.Error("not one of the paths was let through")
	}
	for _, labels := range p.groups() {
		if labels["job"] != "backup" {
			t.Errorf("user backup pushed %v", labels)
		}
	}
	if status, body := p.ask(get("/metrics").by("prometheus")); status != http.StatusOK {
		t.Errorf("a pusher broke the scrape: %d %s", status, body)
	}
}

// TestGuesses: an address that tries many passwords is slowed down.
func TestGuesses(t *testing.T) {
	p := newPod(t)
	p.proxied(form(p))
	statuses := make([]int, 200)
	var guesses sync.WaitGroup
	for i := range statuses {
		guesses.Go(func() {
			statuses[i], _ = p.once(request{method: "GET", target: "/metrics", user: "prometheus", password: strconv.Itoa(i)})
		})
	}
	guesses.Wait()
	seen := map[int]int{}
	for _, status := range statuses {
		seen[status]++
	}
	if seen[http.StatusUnauthorized] == 0 || seen[http.StatusTooManyRequests] == 0 || len(seen) != 2 {
		t.Errorf("answers to 200 guesses at once: %v", seen)
	}
}

// TestProxyCloses: only TLS 1.3 is accepted, a probe sees only readiness, and without a Pushgateway the proxy is not ready.
func TestProxyCloses(t *testing.T) {
	p := newPod(t)
	p.proxied(form(p))
	old := p.trust()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if connection, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), old); err == nil {
		connection.Close()
		t.Error("it speaks TLS 1.2")
	}
	for path, port := range map[string]int{"/metrics": p.ready, "/": p.ready, "/-/ready/": p.ready, "/-/quit": p.ready, "//metrics": p.port} {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", port, path))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusBadRequest {
			t.Errorf("plain HTTP, %s: %d", path, response.StatusCode)
		}
	}
	closed := newPod(t)
	closed.write("nginx/nginx.conf", closed.here(closed.text(form(closed).NginxConf())))
	closed.write("nginx/htpasswd", closed.text(form(closed).Htpasswd()))
	closed.nginx()
	closed.until("a proxy without a Pushgateway is not ready", func() bool { return closed.probe() == http.StatusBadGateway })
}

// TestDirect asks a Pushgateway that checks passwords itself.
func TestDirect(t *testing.T) {
	p := newPod(t)
	p.gateway = p.port
	direct := pushgateway.Direct{Users: []pushgateway.User{p.user("backup"), p.user("prometheus")}}
	p.write("pushgateway/web.yml", p.here(p.text(direct.WebConfig())))
	p.start("pushgateway", p.args(direct.Args())...)
	p.until("it listens", func() bool {
		connection, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	wrong := get("/metrics")
	wrong.user, wrong.password = "backup", "wrong"
	for _, c := range []struct {
		request
		want int
	}{
		{push("/metrics/job/backup"), 401}, {get("/metrics"), 401}, {get("/"), 401}, {get("/-/ready"), 401}, {wrong, 401},
		{get("/metrics").by("other"), 401}, {push("/metrics/job/backup").by("backup"), 200}, {get("/metrics").by("prometheus"), 200},
	} {
		if status, body := p.ask(c.request); status != c.want {
			t.Errorf("%s %s by %q is answered %d, want %d: %s", c.method, c.target, c.user, status, c.want, body)
		}
	}
	old := p.trust()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if connection, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), old); err == nil {
		connection.Close()
		t.Error("it speaks TLS 1.2")
	}
}

// TestPushgatewayFiles compares the files of both forms with the golden ones.
func TestPushgatewayFiles(t *testing.T) {
	hash := "$2b$10$ibcJz62pbbwTlN2qFfMfZuNfqttRga7ul7ozIFWxv8U6oP8VSIoX."
	user := func(name string) pushgateway.User { return pushgateway.User{Name: name, Hash: hash} }
	proxy := pushgateway.Proxy{Pushers: []pushgateway.User{user("report.daily"), user("backup")}, Scrapers: []pushgateway.User{user("prometheus")}}
	direct := pushgateway.Direct{Users: []pushgateway.User{user("prometheus"), user("backup")}}
	for name, render := range map[string]func() (string, error){
		"nginx.conf": proxy.NginxConf, "htpasswd": proxy.Htpasswd, "web.yml": direct.WebConfig,
	} {
		text, err := render()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("pushgateway", name), text)
	}
	text, err := direct.WebConfig()
	if err != nil {
		t.Fatal(err)
	}
	if err := webConfig(t, text); err != nil {
		t.Error(err)
	}
	if webConfig(t, strings.Replace(text, hash, "plain", 1)) == nil {
		t.Error("promtool accepts any text as a password's hash")
	}
}
