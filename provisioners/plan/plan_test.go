package plan

import (
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/facts"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/scripts"
)

func monitorValues() MonitorValues {
	sums := map[string]string{"amd64": strings.Repeat("0f", 32)}
	return MonitorValues{
		Host: "watcher", Region: "tor1", ScrapeInterval: 15 * time.Second,
		Tunnel: tunnelAt("10.98.0.1"), SSH: SSH{Port: 22, From: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		Releases: Releases{
			Prometheus: release.Release{Name: "prometheus", Version: "3.2.1", SHA256: sums},
		},
		Exporters: []exporter.Choice{choose("node")},
	}
}

// choose is an exporter of the table, with a release of no program that is there.
func choose(name string) exporter.Choice {
	row, err := exporter.Find(name)
	if err != nil {
		panic(err)
	}
	sums := map[string]string{"amd64": strings.Repeat("0f", 32)}
	return exporter.Choice{Exporter: row, Release: release.Release{Name: row.Release, Version: "1.2.3", SHA256: sums}}
}

func targetValues() TargetValues {
	m := monitorValues()
	return TargetValues{
		TargetSpec: TargetSpec{
			Host: "node-1", Tunnel: tunnelAt("10.98.0.2"), SSH: m.SSH, Releases: m.Releases,
			Exporters: []exporter.Choice{choose("node")},
		},
		Monitor: Peer{PublicKey: wgtypes.Key{1}, Endpoint: "198.51.100.9:51820", Addresses: m.Tunnel.Addresses},
	}
}

func tunnelAt(address string) Tunnel {
	return Tunnel{
		Addresses: []netip.Addr{netip.MustParseAddr(address)},
		Networks:  []netip.Prefix{netip.MustParsePrefix("10.98.0.0/24")},
		Port:      51820, MTU: 1420,
	}
}

// TestPortsDiffer: no exporter has a port that something else of promwire listens on.
func TestPortsDiffer(t *testing.T) {
	taken := map[int]string{
		prometheus.Port: "Prometheus", pushgateway.Port: "the Pushgateway", certificate.ReceivePort: "the renewal of certificates",
		fence.Port: "the fence",
	}
	for _, e := range exporter.All() {
		for _, port := range []int{e.Port, e.Port + exporter.TLSOffset} {
			if by, is := taken[port]; is {
				t.Errorf("the exporter %s has the port %d of %s", e.Name, port, by)
			}
			taken[port] = "the exporter " + e.Name
		}
	}
}

func TestTargetRefuses(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*TargetValues)
	}{
		{`"../x" is not a valid host name`, func(v *TargetValues) { v.Host = "../x" }},
		{`"Node" is not a valid host name`, func(v *TargetValues) { v.Host = "Node" }},
		{`"" is not a valid host name`, func(v *TargetValues) { v.Host = "" }},
		{"1 addresses in 0 networks", func(v *TargetValues) { v.Tunnel.Networks = nil }},
		{"0 addresses in 1 networks", func(v *TargetValues) { v.Tunnel.Addresses = nil }},
		{"address 10.99.0.2 is not in network", func(v *TargetValues) { v.Tunnel = tunnelAt("10.99.0.2") }},
		{"IPv4 first", func(v *TargetValues) {
			v.Tunnel.Addresses = []netip.Addr{netip.MustParseAddr("fd98::2")}
			v.Tunnel.Networks = []netip.Prefix{netip.MustParsePrefix("fd98::/64")}
		}},
		{"tunnel: 0 is not a port", func(v *TargetValues) { v.Tunnel.Port = 0 }},
		{"MTU 575", func(v *TargetValues) { v.Tunnel.MTU = 575 }},
		{"MTU 1279", func(v *TargetValues) {
			v.Tunnel.Addresses = append(v.Tunnel.Addresses, netip.MustParseAddr("fd98::2"))
			v.Tunnel.Networks = append(v.Tunnel.Networks, netip.MustParsePrefix("fd98::/64"))
			v.Tunnel.MTU = 1279
		}},
		{"ssh: 65536 is not a port", func(v *TargetValues) { v.SSH.Port = 65536 }},
		{"nobody may log in", func(v *TargetValues) { v.SSH.From = nil }},
		{"no public key", func(v *TargetValues) { v.Monitor.PublicKey = wgtypes.Key{} }},
		{`endpoint "198.51.100.9" is not host:port`, func(v *TargetValues) { v.Monitor.Endpoint = "198.51.100.9" }},
		{"monitor: 0 addresses", func(v *TargetValues) { v.Monitor.Addresses = nil }},
		{"exporters: node is not in the list", func(v *TargetValues) { v.Exporters = nil }},
		{"no sha256", func(v *TargetValues) { v.Exporters[0].Release.SHA256 = nil }},
	} {
		t.Run(c.want, func(t *testing.T) {
			v := targetValues()
			c.change(&v)
			if _, err := Target(v); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMonitorRefusesAllAtOnce(t *testing.T) {
	v := monitorValues()
	v.Host, v.Tunnel.MTU, v.Releases.Prometheus.Version = "a b", 0, "latest"
	_, err := Monitor(v)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{`plan of monitor "a b"`, "not a valid host name", "MTU 0", `version "latest"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
}

func TestEmptyPlan(t *testing.T) {
	if _, err := (Plan{}).Script(); err == nil {
		t.Error("an empty plan was rendered")
	}
}

// TestDigestOfRules: a target's digest depends only on the rules.
func TestDigestOfRules(t *testing.T) {
	digest := func(change func(*TargetValues)) string {
		v := targetValues()
		change(&v)
		p, err := Target(v)
		if err != nil {
			t.Fatal(err)
		}
		return p.rules.Digest()
	}
	same := digest(func(*TargetValues) {})
	if digest(func(v *TargetValues) { v.Host = "node-2" }) != same {
		t.Error("another host has another digest")
	}
	if digest(func(v *TargetValues) { v.SSH.Port = 2222 }) == same {
		t.Error("another rule has the same digest")
	}
}

// TestText: whatever a text contains, the host gets it byte for byte.
func TestText(t *testing.T) {
	for _, text := range []string{
		"a\n", "$HOME `id` $(id) \\ ' \" {{ x }}\n", "END\n", "END\nEND_\n", "no newline", "tab\tä\n\n", "<<'END'\nx\n",
	} {
		out, err := exec.Command("bash", "-c", call{words: []string{"cat"}, input: text}.String()).Output()
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if want := strings.TrimSuffix(text, "\n") + "\n"; string(out) != want {
			t.Errorf("%q became %q", text, out)
		}
	}
}

// TestNothingInRunIsNeeded: what lies in /run is gone after a boot, and a unit that names it does not start then (226/NAMESPACE), unless
// systemd makes it.
func TestNothingInRunIsNeeded(t *testing.T) {
	m, v := monitorValues(), targetValues()
	m.TLS = TLS{Validity: 90 * 24 * time.Hour, RenewBefore: 30 * 24 * time.Hour, Authorities: []string{"1"}}
	v.TLS, v.Certificate = m.TLS, facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
	needs := regexp.MustCompile(`(?m)^(ReadWritePaths|ReadOnlyPaths|BindPaths|BindReadOnlyPaths|WorkingDirectory)=(.* )?/run\b.*$`)
	for host, plan := range map[string]func() (Plan, error){
		"monitor": func() (Plan, error) { return Monitor(m) },
		"target":  func() (Plan, error) { return Target(v) },
	} {
		p, err := plan()
		if err != nil {
			t.Fatal(err)
		}
		script, err := p.Script()
		if err != nil {
			t.Fatal(err)
		}
		if found := needs.FindAllString(script, -1); found != nil {
			t.Errorf("%s: %q", host, found)
		}
		if !strings.Contains(script, "\nRuntimeDirectory=promwire\nRuntimeDirectoryMode=0700\nRuntimeDirectoryPreserve=yes\n") {
			t.Errorf("%s: no unit has its folder below /run made", host)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, word := range []string{"", "a", "it's", "$HOME", "a b", "*", "a;id", "\\", "key=+/", "!", "~", "#x", "ä"} {
		out, err := exec.Command("bash", "-c", "printf %s "+quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q (%v)", word, out, err)
		}
	}
}

// TestCallsAreDefined: a script calls only functions that it has.
func TestCallsAreDefined(t *testing.T) {
	monitor, err := Monitor(monitorValues())
	if err != nil {
		t.Fatal(err)
	}
	target, err := Target(targetValues())
	if err != nil {
		t.Fatal(err)
	}
	withTLS := monitorValues()
	withTLS.TLS, withTLS.Web = TLS{Validity: time.Hour, RenewBefore: time.Minute, Authorities: []string{"1"}}, prometheus.Web{TLS: true}
	certified, err := Monitor(withTLS)
	if err != nil {
		t.Fatal(err)
	}
	outside := targetValues()
	outside.TLS, outside.Certificate = withTLS.TLS, facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
	outside.Direct = &Direct{Listen: netip.MustParseAddr("198.51.100.2"), Monitor: netip.MustParseAddr("198.51.100.1")}
	outside.Exporters, outside.Scrape = append(outside.Exporters, choose("redis")), []exporter.Service{{Job: "shop", Port: 8080}}
	direct, err := Target(outside)
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^([a-z_]+)\(\) \{`).FindAllStringSubmatch(library.Text(), -1) {
		defined[match[1]] = true
	}
	texts := map[string]bool{}
	for _, p := range []Plan{monitor, target, certified, direct} {
		for _, step := range p.steps {
			if !defined[step.words[0]] {
				t.Errorf("%s %s: %s is defined nowhere", p.role, p.host, step.words[0])
			}
			if step.words[0] != "from_library" {
				continue
			}
			if texts[step.words[1]] = true; !defined["text_"+step.words[1]] || !defined[step.words[2]] {
				t.Errorf("%s %s: the library has no text or no function of %q", p.role, p.host, step.words[1:3])
			}
		}
	}
	if want := strings.Count(library.Text(), "\ntext_"); len(texts) != want {
		t.Errorf("of the library's %d texts %d are used: %v", want, len(texts), texts)
	}
}

// TestOneLibrary: scripts name the version of the library that they need, except an undo, whose host may have got another one since.
func TestOneLibrary(t *testing.T) {
	p, err := Target(targetValues())
	if err != nil {
		t.Fatal(err)
	}
	converge, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	address := netip.MustParseAddr("10.98.0.2")
	enrol := Enrol(EnrolValues{Host: "node-1", Addresses: []netip.Addr{address}})
	cluster := EnrolCluster(EnrolClusterValues{Name: "node-1", Address: address})
	for _, c := range []struct{ script, verb, version string }{
		{converge, "converge", " " + library.Version()},
		{converge, "confirm", " " + library.Version()},
		{enrol, "enrol", " " + library.Version()},
		{enrol, "withdraw", ""},
		{cluster, "enrol", " " + library.Version()},
		{cluster, "withdraw", ""},
	} {
		if use := "() {\nuse node-1 " + c.verb + c.version + "\n"; !strings.Contains(c.script, use) {
			t.Errorf("%s: it does not say %q", c.verb, use)
		}
	}
	if strings.Contains(converge, library.Text()) || !strings.Contains(Library(), library.Text()) {
		t.Error("the library is in the script, or not in what goes in front of it")
	}
}

// TestApplyAndConfirm: the library and the script are one script when they are applied, and the script alone confirms.
func TestApplyAndConfirm(t *testing.T) {
	p, err := Target(targetValues())
	if err != nil {
		t.Fatal(err)
	}
	script, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "promwire", "lib.sh")
	here := func(text string) string {
		text = strings.ReplaceAll(text, scripts.LibraryPath, file)
		return strings.ReplaceAll(text, path.Dir(scripts.LibraryPath), filepath.Dir(file))
	}
	run := func(verb, text string) string {
		cmd := exec.Command("bash", "-s", "--", verb)
		// The first of the library's functions that a script calls ends it.
		cmd.Stdin = strings.NewReader(strings.Replace(here(text), "\n  begin \"$1\" \"$2\"\n", "\n  echo \"$2 with $SCRIPTS\"; exit\n", 1))
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if said := run("confirm", script); !strings.Contains(said, "promwire: node-1: confirm: this machine has not converged yet") {
		t.Errorf("confirm before apply: %s", said)
	}
	if said, want := run("apply", Library()+script), "converge with "+library.Version()+"\n"; said != want {
		t.Errorf("apply: %q, want %q", said, want)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != here(library.Text()) {
		t.Errorf("apply wrote another library (%v)", err)
	}
	for verb, said := range map[string]string{"confirm": "confirm", "apply": "converge"} { // once more, by hand, it needs no library
		if got, want := run(verb, script), said+" with "+library.Version()+"\n"; got != want {
			t.Errorf("%s: %q, want %q", verb, got, want)
		}
	}
}

// TestTruncated: half a script does nothing.
func TestTruncated(t *testing.T) {
	p, err := Target(targetValues())
	if err != nil {
		t.Fatal(err)
	}
	script, err := p.Script()
	if err != nil {
		t.Fatal(err)
	}
	script = Library() + strings.Replace(script, "\napply() {\n", "\napply() {\necho ran\nexit\n", 1)
	for _, part := range []int{len(script) / 4, len(script) / 2, len(script) - 100, len(script) - 6} {
		cmd := exec.Command("bash", "-s", "--", "apply")
		cmd.Stdin = strings.NewReader(script[:part])
		if out, _ := cmd.CombinedOutput(); strings.Contains(string(out), "ran") {
			t.Errorf("%d of %d bytes: it ran", part, len(script))
		}
	}
}

// TestPeriod: two updates within a moment are in one period, and half a renewal window later there is another one.
func TestPeriod(t *testing.T) {
	tls := TLS{Validity: 90 * 24 * time.Hour, RenewBefore: 30 * 24 * time.Hour, Authorities: []string{"1"}}
	begin := time.Unix(tls.Period(time.Unix(2e9, 0))*15*24*3600, 0)
	if tls.Period(begin) != tls.Period(begin.Add(15*24*time.Hour-time.Second)) {
		t.Error("half a window has two periods")
	}
	if tls.Period(begin)+1 != tls.Period(begin.Add(15*24*time.Hour)) {
		t.Error("after half a window there is no other period")
	}
	if (TLS{}).Period(begin) != 0 {
		t.Error("without certificates there are periods")
	}
	enrol := EnrolValues{Host: "a", PublicKey: wgtypes.Key{1}, Addresses: tunnelAt("10.98.0.2").Addresses, TLS: tls, Period: 1}
	later := enrol
	later.Period = 2
	if Enrol(enrol) == Enrol(later) {
		t.Error("in another period enrol does not run again")
	}
}

// TestTLSRefuses: what certificates need.
func TestTLSRefuses(t *testing.T) {
	good := func() TargetValues {
		v := targetValues()
		v.TLS = TLS{Validity: time.Hour, RenewBefore: time.Minute, Authorities: []string{"1"}}
		v.Certificate = facts.Certificate{PEM: "a", Authorities: "b", Signed: 1}
		v.Direct = &Direct{Listen: netip.MustParseAddr("198.51.100.2"), Monitor: netip.MustParseAddr("198.51.100.1")}
		return v
	}
	if _, err := Target(good()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want   string
		change func(*TargetValues)
	}{
		{"the monitor gave it no certificate", func(v *TargetValues) { v.Certificate = facts.Certificate{} }},
		{"renewal 1h0m0s before the end of 1h0m0s", func(v *TargetValues) { v.TLS.RenewBefore = time.Hour }},
		{"renewal 0s before", func(v *TargetValues) { v.TLS.RenewBefore = 0 }},
		{"in clear text; enable tls", func(v *TargetValues) { v.TLS = TLS{} }},
		{"where the exporter listens or", func(v *TargetValues) { v.Direct.Listen = netip.Addr{} }},
		{"where the exporter listens or", func(v *TargetValues) { v.Direct.Monitor = netip.Addr{} }},
		{"both have to be IPv4, or both IPv6", func(v *TargetValues) { v.Direct.Monitor = netip.MustParseAddr("2001:db8::1") }},
	} {
		v := good()
		c.change(&v)
		if _, err := Target(v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
