// Package folders has promwire's own folders on a host, which files of several packages are in.
package folders

const (
	// Config holds what the operator's plan decides and what must outlive promwire's programs: keys, certificates, the firewall.
	Config = "/etc/promwire"
	// State is what promwire remembers of the host.
	State = "/var/lib/promwire"
	// Run is what only a running script needs. It is gone after a boot.
	Run = "/run/promwire"
	// Programs holds promwire's own scripts.
	Programs = "/usr/local/lib/promwire"
	// NodeExporter is the state of the node exporter.
	NodeExporter = "/var/lib/node_exporter"
	// Textfiles is where other programs leave metrics for the node exporter.
	Textfiles = NodeExporter + "/textfile"
)
