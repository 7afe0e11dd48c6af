package document

// Alertmanager tells people of alerts. It runs on the monitor, and only the monitor itself reaches it.
type Alertmanager struct {
	// Alertmanager's configuration in its own terms: route, receivers, and whatever else it has. A secret is read from a file:
	// url_file: /etc/alertmanager/secrets/NAME is the value of promwire:secrets.NAME. Left out: there is no Alertmanager. Without
	// route.group_by and inhibit_rules promwire's own hold.
	Config map[string]any `json:"config,omitempty"`
	// Where a reverse proxy of yours on the monitor leads to Alertmanager, such as https://example.net/alerts: links in what it sends begin
	// with it. The proxy takes the path away: Alertmanager itself answers at http://127.0.0.1:9093/.
	ExternalURL string `json:"externalUrl,omitempty" jsonschema:"pattern=^https?://"`
	// Whether each update that changes the configuration or a secret raises an alert, which the receiver of route must accept.
	Test bool `json:"test,omitempty"`
	// An outside service that is called as long as scraping, rules and alerting work, and that tells somebody when the calls end.
	Heartbeat *Heartbeat `json:"heartbeat,omitempty"`
}

// Heartbeat is a dead man's switch: somebody outside notices when the monitor itself is gone.
type Heartbeat struct {
	// Name of the secret with the URL to call: the value of promwire:secrets.NAME.
	Secret string `json:"secret"`
	// How often it is called, from 10s to 1h.
	Interval string `json:"interval,omitempty"`
}
