package golden

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/config"
	_ "github.com/prometheus/prometheus/discovery/file" // the loader knows the service discoveries that are linked
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/authority"
	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/watch"
	"github.com/promwire/promwire/tests/lab/folder"
	"github.com/promwire/promwire/tests/lab/setup"
)

// bin is where the lab builds promtool.
var bin = folder.Default(filepath.Join("..", "..")).Bin()

func TestMain(m *testing.M) {
	if err := setup.Ensure(context.Background(), folder.Default(filepath.Join("..", "..")), os.Stderr, setup.Packages, setup.Tools); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// judges are the real tools, by what they check.
var judges = map[string]func(t *testing.T, text string) error{
	"firewall":             nft,
	"tunnel":               wireguard,
	"prometheus.yml":       promtool("config", "--syntax-only"), // its certificates are only on the host
	"agent's":              promtool("config", "--agent", "--syntax-only"),
	"rules":                promtool("rules"),
	"web configuration":    webConfig,
	"prometheus loader":    load,
	"targets":              targets,
	"exporter unit":        unit("node_exporter.service"),
	"drop-in of a package": dropIn,
	"probes":               probeModules,
	"receiver":             unit("promwire-certificate@.service"),
	"receiver's socket":    unit("promwire-certificate.socket"),
	"relay":                stunnel,
	"relay unit":           unit("promwire-relay-18080@.service"),
	"relay's socket":       unit("promwire-relay-18080.socket"),
	"renewal":              unit("promwire-renew.service"),
	"renewal's timer":      unit("promwire-renew.timer"),
	"prometheus unit":      unit("prometheus.service"),
	"pushgateway unit":     unit("pushgateway.service"),
	"alertmanager.yml":     amtool,
	"alertmanager unit":    unit("alertmanager.service"),
	"fence unit":           unit("promwire-fence.service"),
	"fence timer":          unit("promwire-fence.timer"),
	"fence asked":          unit("promwire-fence-asked@.service"),
	"fence's socket":       unit("promwire-fence-asked.socket"),
	"watch unit":           unit("promwire-watch.service"),
	"watch timer":          unit("promwire-watch.timer"),
	"firewall unit":        unit("promwire-firewall.service"),
	"user":                 sysusers,
	"group":                sysusers,
	"script":               shellcheck,
}

// texts are what each judge checks of a fleet.
func (f fleet) texts(t *testing.T) map[string][]string {
	scripts := f.scripts(t)
	monitor, target, enrol := files(t, scripts["monitor.sh"]), files(t, scripts["target.sh"]), files(t, scripts["enrol.sh"])
	withPeer := map[string]string{}
	for _, host := range []map[string]string{monitor, enrol} {
		maps.Copy(withPeer, host)
	}
	const units = "/etc/systemd/system/"
	texts := map[string][]string{
		"firewall":          {monitor["/etc/promwire/firewall.nft"], target["/etc/promwire/firewall.nft"]},
		"tunnel":            {tunnel(monitor), tunnel(withPeer), tunnel(target)},
		"prometheus.yml":    {monitor["/etc/prometheus/prometheus.yml"]},
		"rules":             {prometheus.Heartbeat("Watchdog", 15*time.Second), prometheus.RulesFile()},
		"prometheus loader": {monitor["/etc/prometheus/prometheus.yml"]},
		"targets":           {monitor["/etc/prometheus/targets.d/_monitor.node.json"], enrol["/etc/prometheus/targets.d/node-1.node.json"]},
		"exporter unit":     {monitor[units+f.exporter()], target[units+f.exporter()]},
		"prometheus unit":   {monitor[units+"prometheus.service"]},
		"fence unit":        {target[units+"promwire-fence.service"]},
		"fence timer":       {target[units+"promwire-fence.timer"]},
		"fence asked":       {target[units+fence.Asked]},
		"fence's socket":    {target[units+fence.Socket]},
		"watch unit":        {monitor[units+watch.Service], target[units+watch.Service]},
		"watch timer":       {monitor[units+watch.Timer], target[units+watch.Timer]},
		"firewall unit":     {monitor[units+"promwire-firewall.service"]},
		"user":              {monitor["/etc/sysusers.d/prometheus.conf"], monitor["/etc/sysusers.d/node_exporter.conf"]},
	}
	if f.agent {
		texts["agent's"] = texts["prometheus.yml"]
	}
	for _, e := range f.exporters[1:] {
		texts["drop-in of a package"] = append(texts["drop-in of a package"], target[units+e.Unit+".service.d/promwire.conf"])
	}
	if len(f.probes) > 0 {
		texts["probes"] = []string{monitor[exporter.BlackboxConfig]}
		texts["exporter unit"] = append(texts["exporter unit"], monitor[units+"blackbox_exporter.service"])
	}
	if len(f.jobs) > 0 {
		texts["pushgateway unit"] = []string{monitor[units+"pushgateway.service"]}
		texts["user"] = append(texts["user"], monitor["/etc/sysusers.d/pushgateway.conf"])
	}
	if f.alerts {
		texts["alertmanager.yml"] = []string{monitor[alertmanager.Config]}
		texts["alertmanager unit"] = []string{monitor[units+alertmanager.Service]}
	}
	if f.tls.Enabled() {
		direct := files(t, scripts["direct.sh"])
		texts["firewall"] = append(texts["firewall"], direct["/etc/promwire/firewall.nft"])
		texts["targets"] = append(texts["targets"], files(t, scripts["enrol-direct.sh"])["/etc/prometheus/targets.d/node-1.node.json"])
		texts["exporter unit"] = append(texts["exporter unit"], direct[units+f.exporter()])
		texts["web configuration"] = []string{target[certificate.WebPath]}
		texts["group"] = []string{target["/etc/sysusers.d/"+certificate.Group+".conf"]}
		texts["receiver"] = []string{target[units+certificate.ReceiveService]}
		texts["receiver's socket"] = []string{target[units+certificate.ReceiveSocket], direct[units+certificate.ReceiveSocket]}
		for _, host := range []map[string]string{target, direct} {
			texts["relay"] = append(texts["relay"], host["/etc/promwire/relay-18080.conf"])
			texts["relay unit"] = append(texts["relay unit"], host[units+"promwire-relay-18080@.service"])
			texts["relay's socket"] = append(texts["relay's socket"], host[units+"promwire-relay-18080.socket"])
		}
		texts["renewal"] = []string{monitor[units+authority.RenewService]}
		texts["renewal's timer"] = []string{monitor[units+authority.RenewTimer]}
	}
	for _, script := range scripts {
		texts["script"] = append(texts["script"], readable(script))
	}
	return texts
}

// exporter is the unit of the node exporter.
func (f fleet) exporter() string {
	return exporter.Endpoints(f.exporters, nil, f.tls.Enabled())[0].Unit + ".service"
}

func TestToolsAccept(t *testing.T) {
	for name, f := range fleets {
		for what, texts := range f.texts(t) {
			t.Run(name+"/"+what, func(t *testing.T) {
				for _, text := range texts {
					if text == "" {
						t.Fatal("there is no such file")
					}
					if err := judges[what](t, text); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// broken are faults that each judge must refuse: a judge that accepts everything proves nothing.
var broken = map[string][2]string{ // old, new
	"firewall":             {"policy drop", "policy maybe"},
	"tunnel":               {"AllowedIPs", "AlowedIPs"},
	"prometheus.yml":       {"scrape_interval", "scrape_intervall"},
	"agent's":              {"scrape_config_files:", "rule_files:"},
	"rules":                {"== 0", "== == 0"},
	"prometheus loader":    {"scrape_timeout: 10s", "scrape_timeout: 10m"},
	"targets":              {`"targets"`, `"target"`},
	"exporter unit":        {"Restart=always", "Restart=allways"},
	"drop-in of a package": {"ExecStart=/usr/bin/", "ExecStart=usr/bin/"},
	"probes":               {"prober: icmp", "probber: icmp"},
	"prometheus unit":      {"/usr/local/bin/", "local/bin/"},
	"pushgateway unit":     {"StateDirectory=", "StateDirectory=/"},
	"alertmanager.yml":     {"receiver: ops", "receiver: nobody"},
	"alertmanager unit":    {"StateDirectory=", "StateDirectory=/"},
	"fence unit":           {"Type=oneshot", "Type=onceshot"},
	"fence timer":          {"OnUnitActiveSec=15s", "OnUnitActiveSec=15q"},
	"fence asked":          {"StandardInput=socket", "StandardInput=sockets"},
	"fence's socket":       {"Accept=yes", "Accept=maybe"},
	"watch unit":           {"RuntimeDirectory=", "RuntimeDirectory=/run/"},
	"watch timer":          {"OnUnitActiveSec=20s", "OnUnitActiveSec=20q"},
	"firewall unit":        {"ExecStart=", "ExecBegin="},
	"web configuration":    {"TLS13", "TLS14"},
	"receiver":             {"StandardInput=socket", "StandardInput=sockets"},
	"receiver's socket":    {"Accept=yes", "Accept=maybe"},
	"relay":                {"verifyChain", "verifyChains"},
	"relay unit":           {"StandardInput=socket", "StandardInput=sockets"},
	"relay's socket":       {"Accept=yes", "Accept=maybe"},
	"renewal":              {"Type=oneshot", "Type=onceshot"},
	"renewal's timer":      {"AccuracySec=10s", "AccuracySec=10q"},
	"user":                 {"u ", "uu "},
	"group":                {"g ", "gg "},
	"script":               {"case ${1-} in\n", "case ${1-} on\n"},
}

func TestToolsRefuse(t *testing.T) {
	all := fleets["tls"].texts(t)
	maps.Copy(all, fleets["v6"].texts(t))
	all["agent's"] = fleets["agent"].texts(t)["agent's"]
	for what, texts := range all {
		t.Run(what, func(t *testing.T) {
			fault := broken[what]
			text := strings.Replace(texts[len(texts)-1], fault[0], fault[1], 1)
			if text == texts[len(texts)-1] {
				t.Fatalf("there is no %q to break", fault[0])
			}
			if judges[what](t, text) == nil {
				t.Errorf("accepted with %q", fault[1])
			}
		})
	}
}

// nft checks rules with nftables, in a network namespace of its own, where loading them has no effect on the host.
func nft(t *testing.T, text string) error {
	_, err := run(t, "unshare", "--map-root-user", "--net", "nft", "--check", "--file", write(t, "firewall.nft", text))
	return err
}

// wireguard asks wg-quick to strip the file and wg to parse the rest. wg-quick wants to be root, if only in a namespace of its own. wg
// parses before it looks for the interface, which is not there, so this needs no WireGuard.
func wireguard(t *testing.T, text string) error {
	stripped, err := run(t, "unshare", "--map-root-user", "wg-quick", "strip", write(t, "promwire0.conf", text))
	if err != nil {
		return err
	}
	said, err := run(t, "wg", "setconf", "promwire-none", write(t, "stripped", stripped))
	if err == nil {
		return fmt.Errorf("wg configured an interface that should not be there")
	}
	if !strings.HasPrefix(said, "Unable to modify interface") {
		return err
	}
	return nil
}

func promtool(what ...string) func(t *testing.T, text string) error {
	return func(t *testing.T, text string) error {
		_, err := run(t, slices.Concat([]string{filepath.Join(bin, "promtool"), "check"}, what, []string{write(t, "file.yml", text)})...)
		return err
	}
}

func amtool(t *testing.T, text string) error {
	_, err := run(t, filepath.Join(bin, "amtool"), "check-config", write(t, "alertmanager.yml", text))
	return err
}

// webConfig checks an exporter's web configuration with promtool, with a certificate and a key where it looks for them.
func webConfig(t *testing.T, text string) error {
	folder := t.TempDir()
	key, pem := filepath.Join(folder, "key.pem"), filepath.Join(folder, "certificate.pem")
	if _, err := run(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-days", "1", "-subj", "/CN=a", "-keyout", key, "-out", pem); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "authorities.pem"), nil, 0o600); err != nil {
		return err
	}
	_, err := run(t, filepath.Join(bin, "promtool"), "check", "web-config",
		write(t, "web.yml", strings.NewReplacer(certificate.Folder, folder, pushgateway.Certificate, pem, pushgateway.Key, key).Replace(text)))
	return err
}

// stunnel reads a relay's configuration, with a certificate and a key where it looks for them, and says that it can be used.
func stunnel(t *testing.T, text string) error {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	if _, err := run(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-days", "1", "-subj", "/CN=a", "-keyout", at("key.pem"), "-out", at("certificate.pem")); err != nil {
		return err
	}
	if err := os.Symlink("certificate.pem", at("authorities.pem")); err != nil {
		return err
	}
	text = strings.NewReplacer(certificate.Folder, folder, "debug = warning", "debug = notice").Replace(text)
	// It has no connection to serve, and ends after it has read the file.
	if said, err := run(t, "stunnel4", write(t, "relay.conf", text)); !strings.Contains(said, "Configuration successful") {
		return fmt.Errorf("stunnel: %s (%w)", said, err)
	}
	return nil
}

// load is what Prometheus itself does with its configuration.
func load(_ *testing.T, text string) error {
	_, err := config.Load(text, slog.New(slog.DiscardHandler))
	return err
}

// targets reads a file as Prometheus's file discovery does.
func targets(_ *testing.T, text string) error {
	var groups []*targetgroup.Group
	decoder := json.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&groups); err != nil {
		return err
	}
	for _, group := range groups {
		if len(group.Targets) == 0 || len(group.Labels) == 0 {
			return fmt.Errorf("no targets or no labels: %v", group)
		}
	}
	return nil
}

// unit checks a unit with systemd, below a root folder that has what the unit needs: the host's own units and the commands to start.
func unit(name string) func(t *testing.T, text string) error {
	return func(t *testing.T, text string) error {
		root := t.TempDir()
		put := func(path, text string, mode os.FileMode) {
			t.Helper()
			path = filepath.Join(root, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.CopyFS(filepath.Join(root, "usr/lib/systemd/system"), os.DirFS("/usr/lib/systemd/system")); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{
			"usr/local/bin/node_exporter", "usr/local/bin/prometheus", "usr/local/lib/promwire/fence", "usr/sbin/nft", "bin/kill",
			"usr/local/bin/pushgateway", "usr/local/bin/alertmanager", "usr/local/bin/blackbox_exporter", "usr/bin/prometheus-postgres-exporter",
			"usr/bin/prometheus-redis-exporter", "usr/bin/stunnel4", "bin/rm", "bin/mv", authority.RenewPath, certificate.ReceivePath, watch.Path,
		} {
			put(command, "#!/bin/sh\n", 0o755)
		}
		put("etc/systemd/system/promwire-fence.service", "[Service]\nExecStart=/usr/local/lib/promwire/fence\n", 0o644)
		put("etc/systemd/system/"+fence.Asked, "[Service]\nExecStart="+fence.Path+"\n", 0o644)
		put("etc/systemd/system/"+watch.Service, "[Service]\nExecStart="+watch.Path+"\n", 0o644)
		put("etc/systemd/system/promwire-renew.service", "[Service]\nExecStart=/usr/local/lib/promwire/renew\n", 0o644)
		put("etc/systemd/system/promwire-certificate@.service", "[Service]\nExecStart=/usr/local/lib/promwire/receive\n", 0o644)
		put("etc/systemd/system/promwire-relay-18080@.service", "[Service]\nExecStart=/usr/bin/stunnel4\n", 0o644)
		put("etc/systemd/system/"+name, text, 0o644)
		said, err := run(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "--root="+root, name)
		if err == nil && strings.Contains(said, name) { // it only warns about a line that it does not know
			err = fmt.Errorf("systemd-analyze: %s", said)
		}
		return err
	}
}

// dropIn checks the unit of a package together with our drop-in, as one file.
func dropIn(t *testing.T, text string) error {
	const packages = "[Service]\nExecStart=/usr/bin/prometheus-postgres-exporter $ARGS\nEnvironmentFile=/etc/default/prometheus-postgres-exporter\n"
	return unit("prometheus-postgres-exporter.service")(t, packages+text)
}

// probeModules checks the configuration with the blackbox exporter.
func probeModules(t *testing.T, text string) error {
	_, err := run(t, filepath.Join(bin, "blackbox_exporter"), "--config.check", "--config.file="+write(t, "blackbox.yml", text))
	return err
}

func sysusers(t *testing.T, text string) error {
	_, err := run(t, "systemd-sysusers", "--dry-run", "--root="+t.TempDir(), write(t, "user.conf", text))
	return err
}

func shellcheck(t *testing.T, text string) error {
	path := write(t, "script.sh", text)
	if _, err := run(t, "bash", "-n", path); err != nil {
		return err
	}
	_, err := run(t, "shellcheck", path)
	return err
}

// run runs a tool, and returns its output; the error has the output too.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return string(said), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said)
	}
	return string(said), nil
}

// write makes a file that only its owner can read, as wg-quick wants it.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
