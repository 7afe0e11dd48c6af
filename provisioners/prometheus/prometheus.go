// Package prometheus renders what runs Prometheus on the monitor: its configuration, rules, unit and targets.
package prometheus

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/promwire/promwire/provisioners/folders"
	"github.com/promwire/promwire/provisioners/release"
	"github.com/promwire/promwire/provisioners/secrets"
	"github.com/promwire/promwire/provisioners/systemd"
	"github.com/promwire/promwire/provisioners/wireguard"
)

const (
	// Name is the user and the binary.
	Name = "prometheus"
	// Port is TCP: https://github.com/prometheus/prometheus/wiki/Default-port-allocations.
	Port = 9090
	// Service is its unit.
	Service = Name + ".service"
	// Folder has Prometheus's files: its configuration, the fleet's rules, a file for each target's job and one for each cluster.
	Folder    = "/etc/prometheus"
	Config    = Folder + "/prometheus.yml"
	Rules     = Folder + "/rules.d"
	RulesPath = Rules + "/promwire.yml"
	// HeartbeatPath has the rule of a heartbeat, where there is one.
	HeartbeatPath = Rules + "/promwire-heartbeat.yml"
	// OwnRules begins the paths of the operator's own rules.
	OwnRules = Rules + "/own-"
	Targets  = Folder + "/targets.d"
	Clusters = Folder + "/clusters.d"
	// Page has the files that it serves to browsers, as they are.
	Page = Folder + "/page"
	// Turning has the files that replace those of Targets as soon as a target answers there.
	Turning = folders.State + "/turning"
	// Data is its database.
	Data = "/var/lib/prometheus"
	// AgentData is what an agent has not sent yet.
	AgentData = Data + "/agent"
	// HistoryPath is the program that saves and restores Data.
	HistoryPath = folders.Programs + "/history"
	// TLS has Prometheus's certificate and key; WebConfig and WebPassword are its own endpoint's. WebPassword is Prometheus's copy of
	// the password; root's is RootPassword.
	TLS          = Folder + "/tls"
	WebConfig    = Folder + "/web.yml"
	WebPassword  = TLS + "/web.password"
	RootPassword = Folder + "/web.password"
	// PromtoolConfig and CurlConfig let root ask it on the same host. They exist only if it asks for a certificate or a password.
	PromtoolConfig = Folder + "/promtool.yml"
	CurlConfig     = Folder + "/curl.conf"
	// Secrets are those that a RemoteWrite reads.
	Secrets secrets.Folder = Folder + "/secrets"

	longestTimeout = 10 * time.Second // of one scrape: Prometheus's default
)

// Server is Prometheus's configuration. It has a job for each of Jobs, whose targets are files in Targets, the job prometheus, itself,
// JobPushed, JobAlertmanager, JobProbe, and the operator's own. Series of the fleet's hosts have the host's name as their instance, so that they
// go on when its address changes.
type Server struct {
	Self           Labels        // of its own series
	ScrapeInterval time.Duration // also how often rules are evaluated
	RetentionTime  time.Duration // 0: no limit by time
	RetentionSize  string        // such as "10GB", in powers of 1024; "": no limit by size
	TLS            bool          // whether targets may ask for Prometheus's certificate
	Web            Web           // its own endpoint
	Jobs           []string      // of what hosts serve
	Pushed         *Pushed       // nil: it scrapes no Pushgateway
	Probes         *Probes       // nil: it probes nothing
	Alertmanager   string        // host:port of the one that it tells of alerts, and scrapes; "": none
	ScrapeConfigs  []string      // the operator's, one JSON object each, in the terms of Prometheus's <scrape_config>
	RemoteWrite    RemoteWrite   // where else samples go
	Limits         Limits        // of every scrape, those of federations and of ScrapeConfigs without limits of their own included
	Clusters       bool          // whether the fleet has clusters: then no host sets the label cluster
	Agent          bool          // it only forwards, and takes no rules
}

// Web is Prometheus's own endpoint, for people and for Prometheus itself. The zero value: by plain HTTP, without a password.
type Web struct {
	TLS  bool   // with the certificate that is its host's
	User string // user who logs in by basic auth, with the password in WebPassword; "": no login
}

// Scheme is "https" or "http".
func (w Web) Scheme() string {
	if w.TLS {
		return "https"
	}
	return "http"
}

// Render is the text of prometheus.yml. Retention in this file needs Prometheus 3.11 or later.
func (s Server) Render() string {
	interval := model.Duration(s.ScrapeInterval)
	timeout := model.Duration(min(s.ScrapeInterval, longestTimeout))
	var jobs []string
	for _, job := range slices.Compact(slices.Sorted(slices.Values(s.Jobs))) {
		text := fmt.Sprintf(discovered, job, TargetFile("*", job), s.pair())
		if s.Clusters {
			text += "    metric_relabel_configs:\n" + notACluster
		}
		jobs = append(jobs, text)
	}
	jobs = append(jobs, fmt.Sprintf(itself, Port, s.Self.JSON(), s.ownEndpoint()))
	if s.Pushed != nil {
		text := s.Pushed.render(s.Self)
		if s.Clusters {
			text += notACluster
		}
		jobs = append(jobs, text)
	}
	if s.Alertmanager != "" {
		jobs = append(jobs, fmt.Sprintf(alertmanagerJob, JobAlertmanager, AlertmanagerUser, AlertmanagerPassword, s.Alertmanager, s.Self.JSON()))
	}
	if s.Probes != nil {
		jobs = append(jobs, s.Probes.render(s.Self))
	}
	for _, own := range s.ScrapeConfigs {
		jobs = append(jobs, "  - "+own+"\n")
	}
	return fmt.Sprintf(head, interval, timeout, interval, s.Limits.Render(), s.alerting(), s.storage(), s.RemoteWrite.render(), s.rules(), Clusters) + strings.Join(jobs, "\n")
}

// TargetFile is the path of the file that makes Prometheus scrape a job of a host.
func TargetFile(host, job string) string { return Targets + "/" + host + "." + job + ".json" }

// pair is a job's certificate and the authorities that it trusts, only with TLS 1.3. It is used for targets whose file has
// "__scheme__": "https". Each target's certificate is checked against the address by which it is scraped.
func (s Server) pair() string {
	if !s.TLS {
		return ""
	}
	return fmt.Sprintf(`    tls_config:
      ca_file: %[1]s/authorities.pem
      cert_file: %[1]s/certificate.pem
      key_file: %[1]s/key.pem
      min_version: TLS13
`, TLS)
}

// ownEndpoint is how Prometheus scrapes its own endpoint.
func (s Server) ownEndpoint() string {
	var b strings.Builder
	if s.Web.TLS {
		fmt.Fprintf(&b, "    scheme: https\n    tls_config:\n      ca_file: %s/authorities.pem\n", TLS)
	}
	if s.Web.User != "" {
		fmt.Fprintf(&b, "    basic_auth:\n      username: %q\n      password_file: %s\n", s.Web.User, WebPassword)
	}
	return b.String()
}

const head = `global:
  scrape_interval: %s
  scrape_timeout: %s
  evaluation_interval: %s
%s
%s%s%s%sscrape_config_files:
  - %s/*.yml

scrape_configs:
`

const discovered = `  - job_name: %s
    follow_redirects: false
    file_sd_configs:
      - files: ['%s']
%s    relabel_configs:
      - source_labels: [name]
        target_label: instance
`

const itself = `  - job_name: prometheus
    follow_redirects: false
    static_configs:
      - targets: ['127.0.0.1:%d']
        labels: %s
%s    relabel_configs:
      - source_labels: [name]
        target_label: instance
`

const (
	// JobAlertmanager is the job of Alertmanager's own metrics.
	JobAlertmanager = "alertmanager"
	// AlertmanagerPassword is the password of AlertmanagerUser, with which Prometheus sends alerts and scrapes it.
	AlertmanagerPassword = TLS + "/alertmanager.password"
	AlertmanagerUser     = "admin"
)

const alertmanagerJob = `  - job_name: %s
    follow_redirects: false
    basic_auth: {username: %s, password_file: %s}
    static_configs:
      - targets: ['%s']
        labels: %s
    relabel_configs:
      - source_labels: [name]
        target_label: instance
`

func (s Server) alerting() string {
	if s.Alertmanager == "" {
		return ""
	}
	return fmt.Sprintf("alerting:\n  alertmanagers:\n    - basic_auth: {username: %s, password_file: %s}\n      static_configs:\n        - targets: ['%s']\n\n",
		AlertmanagerUser, AlertmanagerPassword, s.Alertmanager)
}

func (s Server) storage() string {
	var b strings.Builder
	if s.RetentionTime != 0 {
		fmt.Fprintf(&b, "      time: %s\n", model.Duration(s.RetentionTime))
	}
	if s.RetentionSize != "" {
		fmt.Fprintf(&b, "      size: %s\n", s.RetentionSize)
	}
	if b.Len() == 0 {
		return ""
	}
	return "storage:\n  tsdb:\n    retention:\n" + b.String() + "\n"
}

// rules are those that it evaluates. An agent refuses a configuration that names any.
func (s Server) rules() string {
	if s.Agent {
		return ""
	}
	return "rule_files:\n  - " + Rules + "/*.yml\n\n"
}

// External are the flags of Prometheus, and of Alertmanager, that make links begin with a URL, where a reverse proxy leads to it; none for "". What
// answers does so at / as before: the proxy takes the URL's path away, and whoever asks on the host need not know it.
func External(url string) []string {
	if url == "" {
		return nil
	}
	return []string{"--web.external-url=" + url, "--web.route-prefix=/"}
}

// Process is how Prometheus runs.
type Process struct {
	Own      []netip.Addr   // of the tunnel: it listens there, and on loopback for people who forward a port by SSH
	Networks []netip.Prefix // it connects to no others; none: to all, because targets may be anywhere
	Web      Web
	Tells    bool   // it tells an Alertmanager of alerts: often, so that they end soon when it ends itself
	External string // as External takes it
	Agent    bool   // it only forwards: https://prometheus.io/docs/prometheus/latest/prometheus_agent/
}

// data are the flags that say where its data are. An agent can't read a server's, nor a server an agent's.
func (p Process) data() []string {
	if p.Agent {
		return []string{"--agent", "--storage.agent.path=" + AgentData}
	}
	return []string{"--storage.tsdb.path=" + Data, "--web.user-assets=" + Page}
}

// Unit is Prometheus's unit.
func (p Process) Unit() string {
	command := append([]string{release.Binaries + "/" + Name, "--config.file=" + Config}, p.data()...)
	command = append(command,
		// How long it may look away from the files of what it scrapes: 5 s if nothing is said. The flag is in no help text, but in every release
		// since 2.44 (cmd/prometheus/main.go).
		"--scrape.discovery-reload-interval=1s",
	)
	if p.Web != (Web{}) {
		command = append(command, "--web.config.file="+WebConfig)
	}
	if p.Tells { // an alert ends after four times this long, or four scrape intervals if these are longer
		command = append(command, "--rules.alert.resend-delay=15s")
	}
	command = append(command, External(p.External)...)
	for _, address := range append([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, p.Own...) {
		command = append(command, "--web.listen-address="+net.JoinHostPort(address.String(), strconv.Itoa(Port)))
	}
	service := []string{
		"User=" + Name,
		"Group=" + Name,
		"ExecStart=" + strings.Join(command, " \\\n  "),
		"ExecReload=/bin/kill -HUP $MAINPID",
		"Restart=always",
		"RestartSec=3",
		"TimeoutStopSec=120", // it writes what it has in memory
		"LimitNOFILE=65536",
		"ReadWritePaths=" + Data,
		// Of the host's: what it scrapes can't end the host's memory. Prometheus itself collects garbage at 90 % of the most.
		"MemoryHigh=75%",
		"MemoryMax=80%",
		"RemoveIPC=yes",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
	}
	return systemd.Unit{
		{Name: "Unit", Lines: []string{
			"Description=Prometheus, of a fleet that nobody else can reach",
			"Documentation=https://prometheus.io/docs/",
			"Wants=" + wireguard.Unit,
			"After=" + wireguard.Unit,
			"StartLimitIntervalSec=0",
		}},
		{Name: "Service", Lines: slices.Concat(service, systemd.Sandbox(), systemd.OnlyIf(p.Networks))},
		{Name: "Install", Lines: []string{"WantedBy=multi-user.target"}},
	}.Render()
}
