package settings

import "github.com/promwire/promwire/provisioners/kubernetes"

import "net/netip"

// Every default of a stack file is here, and only here; the JSON Schema shows the same ones.
const (
	defaultCIDR = "10.98.0.0/24"
	defaultPort = 51820 // WireGuard's customary port; it has none assigned by IANA
	defaultMTU  = 1420  // 1500 bytes of Ethernet less 80 of WireGuard in IPv6 (40 IPv6, 8 UDP, 32 WireGuard)

	defaultUser    = "root"
	defaultSSHPort = 22

	defaultSize  = "s-1vcpu-1gb"
	defaultImage = "debian-12-x64"

	defaultScrapeInterval = "15s" // as PromGuard
	defaultRetentionTime  = "15d" // Prometheus's own default
	defaultHeartbeat      = "1m"
	defaultRetentionSize  = "10GB" // leaves the 25 GB disk of the default size half empty

	defaultSamples          = 50_000 // a node exporter has 2,000, the largest exporters some 20,000
	defaultLabels           = 64     // kube-state-metrics has 30
	defaultLabelNameLength  = 256
	defaultLabelValueLength = 4096   // a database's exporter may have a statement as a label
	defaultBodySize         = "16MB" // 50,000 samples of 300 bytes
)

const (
	defaultValidity = "90d" // as Let's Encrypt
	renewalPart     = 3     // a certificate is renewed when the last third of its time begins
)

// defaultAuthorities is the first one of every fleet.
var defaultAuthorities = []string{"1"}

// anywhere admits SSH from all networks, as long as the stack file says no better.
var anywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// or is the value, or its default if the stack file has none.
func or[T comparable](value, fallback T) T {
	var none T
	if value == none {
		return fallback
	}
	return value
}

const (
	defaultNamespace        = "promwire"
	defaultKey              = "1"
	defaultClusterRetention = "1d"
	defaultClusterSize      = "1GB"
	defaultForm             = Proxied
	defaultClusterSamples   = 200_000 // an API server or kube-state-metrics of a few hundred nodes
	defaultClusterBody      = "64MB"  // as many samples of 300 bytes
	defaultPods             = 1000    // of one job: a third of what Kubernetes supports in a namespace
	maxPods                 = 100_000
)

// defaultMatch takes the aggregates that recording rules make, whose names begin with the level that they are aggregated to
// (https://prometheus.io/docs/practices/rules/).
var defaultMatch = []string{`{__name__=~"job:.+"}`}

// ownMatch takes, from a Prometheus that promwire runs, what its rules say of the cluster itself, too: the alerts need it.
var ownMatch = []string{`{__name__=~"(job|cluster):.+"}`}

// clusterMatch takes only the latter.
const clusterMatch = `{__name__=~"cluster:.+"}`

// The images that promwire knows the digests of; the others are the operator's to pin.
var defaultImages = kubernetes.Images{
	Prometheus:  "prom/prometheus:v3.15.0@sha256:efd719c99d83b060d9daefdcf00360461adf279f45ef5391f8d111892118753e",
	Pushgateway: "prom/pushgateway:v1.11.1@sha256:03738d278e082ee9821df730c741b3b465c251fc2b68a85883def301a55a6215",
	Nginx:       "nginxinc/nginx-unprivileged:1.29.3-alpine@sha256:5aea7cc516b419e3526f47dd1531be31a56a046cfe44754d94f9383e13e2ee99",
}
