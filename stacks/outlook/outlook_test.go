package outlook

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var prices = Prices{Of: map[string]int{"small": 6, "large": 12}, AsOf: "2026-11-28", Owner: "DigitalOcean's"}

const note = " (DigitalOcean's list prices of 2026-11-28, without traffic, backups and taxes)"

// droplet is a host that was there with the last update, and is in the stack file.
func droplet(role string) Machine { return Machine{Role: role, Region: "lon1", Size: "small"} }

// fleet is a monitor and targets that are as they were.
func fleet(targets ...string) Outlook {
	o := Outlook{Hosts: []Host{{"m", droplet("monitor")}}, Had: map[string]Machine{"m": droplet("monitor")}, Prices: prices}
	for _, name := range targets {
		o.Hosts = append(o.Hosts, Host{name, droplet("target")})
		o.Had[name] = droplet("target")
	}
	return o
}

// script is one whose unit has this flag, of a version of promwire's functions.
func script(version, flag string) string {
	return "#!\n\napply() {\nuse lon converge " + version + "\nput /etc/systemd/system/node_exporter.service 644 <<'END'\n" +
		flag + "\nEND\nlink_release node_exporter 1 node_exporter\nservice node_exporter.service /usr/local/bin/node_exporter\n}\n"
}

// converge is a step with another script, over the same connection.
func converge(host, before, after string) Step {
	return Step{Host: host, What: Converge, Before: Values{Script: before, At: "a"}, After: Values{Script: after, At: "a"}}
}

func TestNothingIsOneLine(t *testing.T) {
	assert.Equal(t, "nothing changes on 4 hosts; 4 droplets: $24 a month"+note, fleet("a", "b", "c").String())
	existing := Outlook{Hosts: []Host{{"m", Machine{Role: "monitor"}}}, Had: map[string]Machine{"m": {Role: "monitor"}}}
	assert.Equal(t, "nothing changes on 1 host", existing.String(), "an existing machine costs what it costs")
}

// Each row is what happens to one host.
func TestRows(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Outlook)
		want   string // a line, or the beginning of one
	}{
		"a flag": {func(o *Outlook) { o.Steps = []Step{converge("lon", script("1", "a"), script("1", "b"))} },
			"restart  lon      restarts node_exporter; files: /etc/systemd/system/node_exporter.service"},
		"another version of promwire": {func(o *Outlook) { o.Steps = []Step{converge("lon", script("1", "a"), script("2", "a"))} },
			"files    lon      may restart node_exporter; also use"},
		"converge again": {func(o *Outlook) { o.Steps = []Step{converge("lon", script("1", "a"), script("1", "a"))} },
			"files    lon      converge runs again"},
		"a plan that waits": {func(o *Outlook) {
			o.Steps = []Step{{Host: "lon", What: Converge, Before: Values{Script: script("1", "a"), At: "a"}, After: Values{Unknown: true, At: "a"}}}
		}, "unknown  lon      its plan is known when bootstrap and enrol have run"},
		"no former plan": {func(o *Outlook) {
			o.Steps = []Step{{Host: "lon", What: Converge, Created: true, After: Values{Script: script("1", "a"), At: "a"}}}
		}, "unknown  lon      it did not converge yet"},
		"a former plan that cannot be read": {func(o *Outlook) { o.Steps = []Step{converge("lon", "exit 0", script("1", "a"))} },
			"unknown  lon      its former plan cannot be read"},
		"another address": {func(o *Outlook) {
			s := converge("lon", script("1", "a"), script("1", "a"))
			s.After.At = "b"
			o.Steps = []Step{s}
		}, "unknown  lon      it is reached in another way: it may be another machine"},
		"bootstrap again": {func(o *Outlook) { o.Steps = []Step{{Host: "lon", What: Bootstrap}} }, "files    lon      bootstrap runs again"},
		"another region":  {func(o *Outlook) { o.Hosts[1].Region = "fra1" }, "replace  lon      another droplet: region lon1 → fra1"},
		"asked for": {func(o *Outlook) {
			o.Steps = []Step{{Host: "lon", What: Droplet, Created: true, Before: Values{Size: "small"}, After: Values{Size: "small"}}}
		}, "replace  lon      another droplet"},
		"another size": {func(o *Outlook) {
			o.Hosts[1].Size = "large"
			o.Steps = []Step{{Host: "lon", What: Droplet, Before: Values{Size: "small"}, After: Values{Size: "large"}}}
		}, "restart  lon      the droplet is off meanwhile: size small → large"},
		"a tag": {func(o *Outlook) {
			o.Steps = []Step{{Host: "lon", What: Droplet, Before: Values{Size: "small"}, After: Values{Size: "small"}}}
		}, "cloud    lon      only what the cloud keeps of the droplet, such as tags"},
		"a droplet becomes an existing machine": {func(o *Outlook) { o.Hosts[1].Machine = Machine{Role: "target"} },
			"replace  lon      a droplet → an existing machine"},
		"an existing machine becomes a droplet": {func(o *Outlook) { o.Had["lon"] = Machine{Role: "target"} },
			"replace  lon      an existing machine → a droplet"},
		"a new droplet":  {func(o *Outlook) { o.Hosts = append(o.Hosts, Host{"ams", droplet("target")}) }, "new      ams      a droplet, small"},
		"a new machine":  {func(o *Outlook) { o.Hosts = append(o.Hosts, Host{"db", Machine{Role: "target"}}) }, "new      db       an existing machine"},
		"a droplet less": {func(o *Outlook) { o.Hosts = o.Hosts[:1]; o.Leaving = 1 }, "removed  lon     its droplet is deleted"},
		"a machine less": {func(o *Outlook) { o.Had["db"] = Machine{Role: "target"} }, "removed  db       what promwire made there is undone"},
		"what others make the monitor do": {func(o *Outlook) {
			o.Leaving = 2
			o.Steps = []Step{{Host: "lon", What: Enrol}, {Host: "end-of-a-cluster", What: Enrol}}
		}, "files    m       enrols 2; withdraws 2"},
		"what others make the hub do": {func(o *Outlook) {
			o.Hub = "lon"
			o.Steps = []Step{{Host: "m", What: Peer}, {Host: "new", What: Peer, Created: true}}
		}, "files    lon     peers: 2"},
		"secrets of alerting":       {func(o *Outlook) { o.Steps = []Step{{Host: "m", What: Alerting}} }, "files    m       secrets of alerting, or their test"},
		"secrets of remote writing": {func(o *Outlook) { o.Steps = []Step{{Host: "m", What: RemoteWrite}} }, "files    m       secrets of remote writing"},
		"a droplet takes another part": {func(o *Outlook) {
			o.Had["lon"] = droplet("monitor")
			o.Steps = []Step{{Host: "lon", What: Converge, Created: true}}
		}, "replace  lon      another droplet: monitor → target"},
		"a machine takes another part": {func(o *Outlook) {
			o.Had["lon"], o.Hosts[1].Machine = Machine{Role: "monitor"}, Machine{Role: "target"}
			o.Steps = []Step{{Host: "lon", What: Converge, Created: true}}
		}, "restart  lon      monitor → target"},
	} {
		t.Run(name, func(t *testing.T) {
			o := fleet("lon")
			c.change(&o)
			squeezed := strings.Join(strings.Fields(o.String()), " ")
			assert.Contains(t, squeezed, strings.Join(strings.Fields(c.want), " "))
			assert.Contains(t, o.String(), "what this update does to each host:\n")
		})
	}
}

// The whole table: in the order of what hurts most, with what it costs.
func TestTable(t *testing.T) {
	o := fleet("lon", "sfo", "sgp")
	o.Hosts = append(o.Hosts[:2], o.Hosts[3:]...) // without sfo
	o.Hosts = append(o.Hosts, Host{"ams", Machine{Role: "target", Region: "ams3", Size: "huge"}})
	o.Leaving = 1
	o.Steps = []Step{converge("lon", script("1", "a"), script("1", "b")), {Host: "ams", What: Enrol, Created: true}, {Host: "ams", What: Converge, Created: true}}
	assert.Equal(t, `what this update does to each host:
  removed  sfo     its droplet is deleted
  new      ams     a droplet, huge
  restart  lon     restarts node_exporter; files: /etc/systemd/system/node_exporter.service
  files    m       enrols 1; withdraws 1
  nothing  1 host
4 droplets: $18 a month and what 1 of them cost, no price known (huge); before, 4 droplets: $24 a month`+note+`
With --target, only what it names is removed.`, o.String())
}

// A thousand hosts stay on a screen, whatever happens to them.
func TestAThousandHosts(t *testing.T) {
	var names []string
	for i := range 999 {
		names = append(names, fmt.Sprintf("node-%d", i))
	}
	o := fleet(names...)
	o.Steps = []Step{converge("node-7", script("1", "a"), script("1", "b")), converge("node-8", script("1", "a"), script("1", "b"))}
	assert.Equal(t, `what this update does to each host:
  restart  node-7, node-8  restarts node_exporter; files: /etc/systemd/system/node_exporter.service
  nothing  998 hosts
1000 droplets: $6000 a month`+note, o.String())

	o.Steps = nil
	for i, name := range names { // each has another reason
		o.Steps = append(o.Steps, converge(name, script("1", "a"), strings.ReplaceAll(script("1", "b"), "node_exporter", fmt.Sprintf("x%d", i))))
	}
	assert.Less(t, strings.Count(o.String(), "\n"), 10)
	assert.Contains(t, o.String(), "995 hosts: ")
	assert.Contains(t, o.String(), "for different reasons: see pulumi preview --diff")

	o.Steps = nil
	for _, name := range names {
		o.Steps = append(o.Steps, converge(name, script("1", "a"), script("2", "b")))
	}
	assert.Contains(t, o.String(), "restart  999 hosts: node-0, node-1, node-10, …  restarts node_exporter; files: ")
}

func TestPrices(t *testing.T) {
	o := Outlook{Hosts: []Host{{"m", Machine{Role: "monitor", Size: "huge"}}}, Had: map[string]Machine{}, Prices: prices}
	assert.Contains(t, o.String(), "\n1 droplet: no price known (huge)"+note)
	o.Prices = Prices{} // none at all is no reason to stop
	assert.Contains(t, o.String(), "\n1 droplet: no price known (huge)")
}
