package kubernetes

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/promwire/promwire/provisioners/prometheus"
)

// Paths in the container of the cluster's Prometheus.
const (
	ConfigFolder      = "/etc/prometheus"
	ConfigFile        = "prometheus.yml"
	RulesName         = "rules.yml"
	DataFolder        = "/prometheus"
	PushgatewayFolder = "/etc/pushgateway" // the authority that it trusts and the password that it sends, for a Pushgateway
	PasswordFile      = "password"
	AuthorityFile     = "ca.crt"

	serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"
	longestTimeout = 10 * time.Second // of one scrape: Prometheus's default
)

//go:embed rules.yml
var rules string

// Rules are the recording rules of a cluster's Prometheus: what the monitor takes by default.
func Rules() string { return rules }

// Server is the configuration of a cluster's Prometheus.
type Server struct {
	Cluster        string        // name, the label cluster of its federated series
	ScrapeInterval time.Duration // also how often rules are evaluated
	RetentionTime  time.Duration
	RetentionSize  string // such as "1GB", in powers of 1024
	Reflect        string // host:port of its metrics; "": none
	Pushgateway    string // host:port, by https; "": none
	PushgatewayAs  string // user that may read it
	Scrapes        Scrapes
	Limits         prometheus.Limits // of one scrape
}

// Render is the text of prometheus.yml. The label instance of a job is a name, not the address.
func (s Server) Render() string {
	interval := model.Duration(s.ScrapeInterval)
	timeout := model.Duration(min(s.ScrapeInterval, longestTimeout))
	var b strings.Builder
	fmt.Fprintf(&b, serverConfig, interval, timeout, interval, s.Cluster, model.Duration(s.RetentionTime), s.RetentionSize,
		ConfigFolder, RulesName, PrometheusPort, serviceAccount, s.Limits.Render())
	if s.Reflect != "" {
		fmt.Fprintf(&b, reflectConfig, s.Reflect)
	}
	if s.Pushgateway != "" {
		fmt.Fprintf(&b, pushgatewayConfig, PushgatewayFolder, AuthorityFile, s.PushgatewayAs, PasswordFile, s.Pushgateway)
	}
	b.WriteString(s.Scrapes.render())
	return b.String()
}

const serverConfig = `global:
  scrape_interval: %[1]s
  scrape_timeout: %[2]s
  evaluation_interval: %[3]s
%[11]s  external_labels:
    cluster: '%[4]s'

storage:
  tsdb:
    retention:
      time: %[5]s
      size: %[6]s

rule_files:
  - %[7]s/%[8]s

scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['127.0.0.1:%[9]d']
        labels: {instance: prometheus}

  - job_name: kubernetes-apiservers
    scheme: https
    authorization:
      credentials_file: %[10]s/token
    tls_config:
      ca_file: %[10]s/ca.crt
    static_configs:
      - targets: ['kubernetes.default.svc:443']
        labels: {instance: kubernetes}
`

const reflectConfig = `
  - job_name: reflect
    static_configs:
      - targets: ['%s']
        labels: {instance: reflect}
`

// honor_labels stays off: a pushed job becomes exported_job, so that nobody pushes series of another job.
const pushgatewayConfig = `
  - job_name: pushgateway
    scheme: https
    tls_config:
      ca_file: %[1]s/%[2]s
      min_version: TLS13
    basic_auth:
      username: %[3]s
      password_file: %[1]s/%[4]s
    static_configs:
      - targets: ['%[5]s']
        labels: {instance: pushgateway}
`
