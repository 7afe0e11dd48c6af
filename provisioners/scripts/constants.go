package scripts

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/promwire/promwire/provisioners/alertmanager"
	"github.com/promwire/promwire/provisioners/authority"
	"github.com/promwire/promwire/provisioners/cause"
	"github.com/promwire/promwire/provisioners/certificate"
	"github.com/promwire/promwire/provisioners/exporter"
	"github.com/promwire/promwire/provisioners/fence"
	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/nftables"
	"github.com/promwire/promwire/provisioners/prometheus"
	"github.com/promwire/promwire/provisioners/pushgateway"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/watch"
	"github.com/promwire/promwire/provisioners/wireguard"
)

// constant is what both scripts and Go know: the name of a script's variable, and its value, which no setting changes.
type constant struct{ name, value string }

// constants have their values from the packages that they belong to, so that each is written once. Scripts use the names.
var constants = []constant{
	{"CONFIG_FOLDER", folders.Config},
	{"STATE", folders.State},
	{"RUN", folders.Run},
	{"PROGRAMS", folders.Programs},
	{"LIBRARY", LibraryPath},
	{"TEXTFILES", folders.Textfiles},

	{"UNIT_FOLDER", systemd.Units},
	{"USER_FOLDER", systemd.Users},
	{"DROP_IN", systemd.DropIn},
	{"SANDBOX", quoted(systemd.Sandbox())},
	{"LOADS_RULES", quoted(systemd.Firewall())},
	{"BINARIES", release.Binaries},
	{"RELEASES", release.Homes},

	{"INTERFACE", wireguard.Name},
	{"TUNNEL", wireguard.Unit},
	{"TUNNEL_FOLDER", wireguard.Folder},
	{"TUNNEL_CONFIG", wireguard.Config},
	{"TUNNEL_KEY", wireguard.Key},
	{"PARTS", wireguard.Parts},
	{"INTERFACE_PART", wireguard.InterfacePart},
	{"USERSPACE_DROP_IN", systemd.DropInFolder(wireguard.Unit) + "/" + wireguard.UserspaceDropIn},
	{"USERSPACE", quoted(wireguard.Userspace())},
	{"LOOKUP", wireguard.Lookup},
	{"LOOKED_UP", wireguard.LookedUp},

	{"TABLE", nftables.Table},
	{"SCRAPED_SET", nftables.Scraped},
	{"FORMER_SET", nftables.Former},
	{"PASSED_SET", nftables.Passed},
	{"FORMER_PASSED_SET", nftables.FormerPassed},
	{"PERMANENT", nftables.Permanent},
	{"UPLINKS", nftables.BridgesFile},
	{"FIREWALL", nftables.Service},

	{"CERTIFICATES", certificate.Folder},
	{"CERTIFICATE_MODE", certificate.Mode},
	{"SCRAPER", certificate.Scraper},
	{"RECEIVER", certificate.ReceiveSocket},
	{"DELIVERY_SECONDS", strconv.Itoa(certificate.ReceiveSeconds + 10)}, // the monitor's patience: the host's own ends before
	{"AUTHORITY", authority.Folder},
	{"RENEWAL", authority.RenewService},
	{"RENEW_TIMER", authority.RenewTimer},
	{"FENCE_PORT", strconv.Itoa(fence.Port)},
	{"FENCE_SOCKET", fence.Socket},
	{"FENCE_TIMER", fence.Timer},
	{"FENCE_METRICS", fence.Metrics},
	{"WATCH_METRICS", watch.Metrics},
	{"CAUSES_TIMER", cause.Timer},
	{"CAUSES_METRICS", cause.Metrics},
	{"BLACKBOX_CONFIG", exporter.BlackboxConfig},
	{"NODE_TLS_PORT", nodeTLSPort()},

	{"PEOPLE", nftables.People},
	{"PROMETHEUS", prometheus.Name},
	{"PROMETHEUS_UNIT", prometheus.Service},
	{"PROMETHEUS_PORT", strconv.Itoa(prometheus.Port)},
	{"PROMETHEUS_FOLDER", prometheus.Folder},
	{"PROMETHEUS_CONFIG", prometheus.Config},
	{"PROMETHEUS_DATA", prometheus.Data},
	{"PROMETHEUS_TLS", prometheus.TLS},
	{"PROMETHEUS_SECRETS", string(prometheus.Secrets)},
	{"HISTORY", prometheus.HistoryPath},
	{"RULES", prometheus.RulesPath},
	{"OWN_RULES", prometheus.OwnRules},
	{"HEARTBEAT_RULES", prometheus.HeartbeatPath},
	{"TARGETS", prometheus.Targets},
	{"TURNING", prometheus.Turning},
	{"CLUSTERS", prometheus.Clusters},
	{"PAGE", prometheus.Page},
	{"WEB_CONFIG", prometheus.WebConfig},
	{"WEB_PASSWORD", prometheus.RootPassword},
	{"WEB_PASSWORD_COPY", prometheus.WebPassword},
	{"PROMTOOL_CONFIG", prometheus.PromtoolConfig},
	{"CURL_CONFIG", prometheus.CurlConfig},

	{"ALERTMANAGER", alertmanager.Name},
	{"ALERTMANAGER_UNIT", alertmanager.Service},
	{"ALERTMANAGER_AT", alertmanager.At},
	{"ALERTMANAGER_FOLDER", alertmanager.Folder},
	{"ALERTMANAGER_CONFIG", alertmanager.Config},
	{"ALERTMANAGER_DATA", alertmanager.Data},
	{"ALERTMANAGER_WEB", alertmanager.WebConfig},
	{"ALERTMANAGER_USER", prometheus.AlertmanagerUser},
	{"ALERTMANAGER_PASSWORD", alertmanager.Password},
	{"ALERTMANAGER_PASSWORD_COPY", prometheus.AlertmanagerPassword},
	{"AMTOOL_CONFIG", alertmanager.AmtoolConfig},
	{"ALERT_SECRETS", string(alertmanager.Secrets)},
	{"TEST_ALERT", alertmanager.Test},

	{"PUSHGATEWAY", pushgateway.Name},
	{"PUSHGATEWAY_UNIT", pushgateway.Service},
	{"PUSH", pushgateway.Folder},
	{"PUSHED", pushgateway.Data},
	{"PUSH_CONFIG", pushgateway.WebConfig},
	{"PUSH_SCRAPER", pushgateway.Scraper},
	{"PUSH_PASSWORD_COPY", prometheus.PushedPassword},
}

// quoted is a constant of several lines, without single quotes.
func quoted(lines []string) string { return "'" + strings.Join(lines, "\n") + "'" }

// nodeTLSPort is where every host with certificates serves the node exporter.
func nodeTLSPort() string {
	node, err := exporter.Find(exporter.Node)
	if err != nil {
		panic(err) // the table has it
	}
	return strconv.Itoa(node.Port + exporter.TLSOffset)
}

// shebang is the line that says how a file is run.
var shebang = regexp.MustCompile(`^#![^\n]*\n`)

// WithConstants is a script with the constants that it uses in front, below its first line if that is a #!. They are not readonly: a script
// that reads the library gets some of them a second time.
func WithConstants(script string) string {
	first := shebang.FindString(script)
	var b strings.Builder
	for _, c := range constants {
		if c.in(script) {
			fmt.Fprintf(&b, "%s=%s\n", c.name, c.value)
		}
	}
	return first + b.String() + strings.TrimPrefix(script, first)
}

// in says whether a script uses the constant.
func (c constant) in(script string) bool {
	return regexp.MustCompile(`\$\{?` + c.name + `\b`).MatchString(script)
}
