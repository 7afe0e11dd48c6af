package document

// Pushgateway is where batch jobs on the fleet's hosts leave their metrics: on the monitor, and only through the tunnel.
type Pushgateway struct {
	// Whether the monitor runs one. Turning it off removes what was pushed.
	Enabled bool `json:"enabled,omitempty"`
	// The batch jobs: each is a user name, with a password of its own, made on the monitor; the output "pushgateway" says how to see
	// it. In Prometheus, their name is the label exported_job. What other jobs push is dropped.
	Jobs []string `json:"jobs,omitempty" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$"`
}
