package golden

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/promwire/promwire/provisioners/authority"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/scripts"
	"github.com/promwire/promwire/provisioners/systemd"
	wg "github.com/promwire/promwire/provisioners/wireguard"
)

// mostExposed is what `systemd-analyze security` may say of each service of a fleet, from 0 to 10.
const mostExposed = 1.5

// moreExposed are services that can't do with mostExposed what they are for:
//
//   - Where the kernel has no WireGuard, wg-quick starts wireguard-go, which exchanges packets with peers anywhere, as root.
//   - Targets outside the tunnel may be anywhere, and have names. What sends certificates to them, or waits until one answers at another
//     port, has no list of networks.
var moreExposed = map[string]float64{
	"userspace/target/wg-quick@promwire0.service": 2.2,
	"outside/monitor/promwire-renew.service":      1.6,
	"scripts/promwire-turn-named.service":         1.6,
}

// packaged are the services that come with packages, as Debian 12 and 13 have them: what matters here of their [Service].
var packaged = map[string]string{
	"prometheus-postgres-exporter.service": "User=prometheus\nExecStart=/usr/bin/prometheus-postgres-exporter $ARGS\n",
	"prometheus-redis-exporter.service":    "User=prometheus\nExecStart=/usr/bin/prometheus-redis-exporter $ARGS\n",
	"wg-quick@.service":                    "Type=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/wg-quick up %i\n",
}

// TestExposure: every service that a fleet installs, and every transient one, gives up what it does not need.
func TestExposure(t *testing.T) {
	services := transient(t)
	for name, f := range fleets {
		for script, text := range f.scripts(t) {
			if !slices.Contains([]string{"monitor.sh", "target.sh", "direct.sh"}, script) {
				continue
			}
			for file, text := range files(t, text) {
				if service := serviceOf(file); service != "" {
					services[name+"/"+strings.TrimSuffix(script, ".sh")+"/"+service] = text
				}
			}
		}
	}
	services["userspace/target/"+wg.Unit] = wg.Interface{}.DropIn() + "[Service]\n" + strings.Join(wg.Userspace(), "\n") + "\n"
	services["outside/monitor/"+authority.RenewService] = authority.Service(nil, []string{"1"})
	services["named/target/"+wg.Lookup] = wg.LookupUnit("monitor.example.com") // where the monitor's endpoint is a name
	maps.Copy(services, rows(t))
	var table strings.Builder
	scores := exposures(t, services)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		limit := mostExposed
		if more, is := moreExposed[name]; is {
			limit = more
		}
		mark := ""
		if scores[name] > limit {
			mark = "  <- above"
			t.Fail()
		}
		fmt.Fprintf(&table, "%-60s %.1f of %.1f%s\n", name, scores[name], limit, mark)
	}
	if len(services) < 30 {
		t.Errorf("only %d services were judged", len(services))
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("exposure by systemd-analyze security; one that needs more has its reason beside moreExposed:\n%s", table.String())
	}
}

// TestExposureOfNothing: a service without a sandbox is above every limit.
func TestExposureOfNothing(t *testing.T) {
	const open = "[Service]\nExecStart=/bin/true\n"
	if score := exposures(t, map[string]string{"a/open.service": open})["a/open.service"]; score < 9 {
		t.Errorf("a service without a sandbox has %.1f", score)
	}
}

// rows are the exporters that come with packages, of the whole table.
func rows(t *testing.T) map[string]string {
	t.Helper()
	services := map[string]string{}
	for _, row := range exporter.All() {
		own := []netip.Addr{netip.MustParseAddr("10.98.0.2")}
		i := exporter.Instance{Choice: exporter.Choice{Exporter: row}, Own: own, Monitor: own, Tunnel: true, TLS: true}
		if row.Pinned() {
			continue
		}
		services["table/target/"+i.Service()] = strings.Replace(i.Text(), "[Service]\n", "[Service]\nUser="+row.User+"\n", 1)
	}
	return services
}

// serviceOf is the service whose unit or drop-in a file is; "" of another file. The distribution's nftables.service is the owner's: ours
// are only two commands.
func serviceOf(file string) string {
	folder, name := path.Split(file)
	if name == systemd.DropIn {
		name = strings.TrimSuffix(path.Base(folder), ".d")
	}
	if !strings.HasPrefix(file, systemd.Units+"/") || !strings.HasSuffix(name, ".service") || name == "nftables.service" {
		return ""
	}
	return name
}

// exposures are what systemd says of services, by the names that they have in the map: FLEET/HOST/UNIT.
func exposures(t *testing.T, services map[string]string) map[string]float64 {
	t.Helper()
	score := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	scores := map[string]float64{}
	for name, text := range services {
		service := path.Base(name)
		root := t.TempDir()
		at := filepath.Join(root, systemd.Units, service)
		template := regexp.MustCompile(`@.*\.`).ReplaceAllString(service, "@.")
		if base, is := packaged[template]; is {
			put(t, filepath.Join(root, "usr/lib/systemd/system", template), "[Service]\n"+base)
			at = filepath.Join(root, systemd.DropInFolder(service), systemd.DropIn)
		}
		put(t, at, text)
		said, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--root="+root, service).CombinedOutput()
		found := score.FindSubmatch(said)
		if found == nil {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		if scores[name], err = strconv.ParseFloat(string(found[1]), 64); err != nil {
			t.Fatal(err)
		}
	}
	return scores
}

// transient are the services that scripts make themselves: those that they start with systemd-run, and the relays without TLS.
func transient(t *testing.T) map[string]string {
	t.Helper()
	const text = `
UNIT_FOLDER=. STATE=. HOST=host TURNING=turning
ours() { :; }
disarm() { :; }
cancel_stop() { :; }
systemd-run() { # prints a unit
  local name=promwire-trial
  while [[ $1 == --* ]]; do
    case $1 in
    --unit) name=$2; shift ;;
    --property) lines+="$2"$'\n'; shift ;;
    --*-property | --on-*) shift ;;
    esac
    shift
  done
  printf '%s\n[Service]\nExecStart=%s\n%s\0' "$name" "$1" "$lines"
  lines=
}
put() { # prints a service's unit as if it were a file that is put
  case $1 in *.service) printf '%s\n%s\0' "$(basename "$1" .service)" "$(cat)" ;; *) cat >/dev/null ;; esac
}
service() { :; }
touch a.service
relay 8080 127.0.0.1 10.98.0.2
mkdir turning
echo https://10.98.0.2:19100/metrics >turning/x.url
turn x
echo https://db.example.com:19100/metrics >turning/named.url
turn named
stop_later a.service
arm
`
	cmd := exec.Command("bash", "-c", "set -euo pipefail\n"+scripts.Functions().Text()+text)
	cmd.Dir = t.TempDir()
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	services := map[string]string{}
	for unit := range strings.SplitSeq(strings.TrimSuffix(string(said), "\x00"), "\x00") {
		name, text, _ := strings.Cut(unit, "\n")
		services["scripts/"+strings.TrimSuffix(name, "-x")+".service"] = text
	}
	if len(services) != 6 {
		t.Fatalf("%d services of scripts: %v", len(services), slices.Sorted(maps.Keys(services)))
	}
	return services
}

// put writes a file below a folder that is made for it.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
